#include "nn/attention.h"
#include "nn/shape.h"
#include "util/memory.h"

#define QUERY_SCALE 0.125f /* 1/sqrt(64) */

static void divide(float *row, size_t n, float total) {
    float factor = 1.0f / total;
    for (size_t j = 0; j < n; j++) row[j] *= factor;
}

/* At most SO_QUERY_BLOCK queries. */
static void block_q8(const struct so_kernels *k, const struct so_memory *m, size_t head, size_t n,
                     size_t positions, const float *queries, size_t ldq, float *weights, size_t ldw,
                     char *scratch) {
    size_t width = so_round_up(positions, SO_LANES), stride = so_round_up(m->capacity, SO_LANES);
    int32_t *scores = (int32_t *)scratch; /* [n][width] */
    scratch += n * width * sizeof(int32_t);
    uint8_t *q = (uint8_t *)scratch; /* [n][64] */
    float scale[SO_QUERY_BLOCK];
    k->quantize_q8(n, SO_HEAD, queries, ldq, q, SO_HEAD, scale);
    k->gemm_q8_s32(n, positions, SO_HEAD, q, SO_HEAD, 128, m->keys + head * stride * SO_HEAD,
                   m->key_sums + head * stride, scores, width);
    for (size_t i = 0; i < n; i++) {
        float *row = weights + i * ldw;
        divide(row, positions,
               k->softmax_s32_f32(positions, scores + i * width, m->key_scale + head * stride,
                                  scale[i] * QUERY_SCALE, row));
    }
}

static void block_f32(const struct so_kernels *k, const struct so_memory *m, size_t head, size_t n,
                      size_t positions, const float *queries, size_t ldq, float *weights, size_t ldw) {
    size_t stride = so_round_up(m->capacity, SO_LANES);
    k->gemm_f32(n, positions, SO_HEAD, queries, ldq, m->keys_f + head * stride * SO_HEAD, NULL, weights, ldw);
    for (size_t i = 0; i < n; i++)
        divide(weights + i * ldw, positions, k->softmax_f32(positions, weights + i * ldw, QUERY_SCALE));
}

void so_attention_weights(const struct so_kernels *kernels, const struct so_memory *memory, size_t head,
                          size_t n, size_t positions, const float *queries, size_t ldq, float *weights,
                          size_t ldw, void *scratch) {
    for (size_t r = 0; r < n; r += SO_QUERY_BLOCK) {
        size_t rows = so_min(SO_QUERY_BLOCK, n - r);
        const float *from = queries + r * ldq;
        float *to = weights + r * ldw;
        if (memory->precision == SO_INT8)
            block_q8(kernels, memory, head, rows, positions, from, ldq, to, ldw, scratch);
        else
            block_f32(kernels, memory, head, rows, positions, from, ldq, to, ldw);
    }
}
