#include "nn/attention.h"

#include "nn/attention_device.h"
#include "nn/shape.h"
#include "util/memory.h"

/* 1/sqrt(64): a power of two, so scaling by it rounds nothing. */
#define QUERY_SCALE 0.125f

struct attend_job {
    struct so_nn *nn;
    const struct so_attend_block *blocks;
    size_t n_blocks;
    const float *queries; /* [rows][ldq] */
    size_t ldq;
    float *y; /* [rows][ldy] */
    size_t ldy;
};

/* One head of a block of queries in INT8. */
static void attend_q8(const struct attend_job *job, const struct so_memory *m, size_t head, size_t n,
                      const float *queries, float *y, char *scratch) {
    const struct so_kernels *k = job->nn->kernels;
    size_t width = so_round_up(m->positions, SO_LANES), stride = so_round_up(m->capacity, SO_LANES);
    size_t probability_width = so_round_up(m->positions, 4);

    int32_t *scores = (int32_t *)scratch; /* [n][width] */
    scratch += n * width * sizeof(int32_t);
    int32_t *sums = (int32_t *)scratch; /* [n][64] */
    scratch += n * SO_HEAD * sizeof(int32_t);
    float *scale = (float *)scratch; /* [n] */
    scratch += so_round_up(n * sizeof(float), SO_ALIGNMENT);
    uint8_t *q = (uint8_t *)scratch; /* [n][64] */
    scratch += n * SO_HEAD;
    uint8_t *p = (uint8_t *)scratch; /* [n][probability_width] */

    k->quantize_q8(n, SO_HEAD, queries, job->ldq, q, SO_HEAD, scale);
    k->gemm_q8_s32(n, m->positions, SO_HEAD, q, SO_HEAD, 128, m->keys + head * stride * SO_HEAD, m->key_sums + head * stride,
                   scores, width);
    float factor[SO_QUERY_BLOCK];
    for (size_t i = 0; i < n; i++) {
        uint32_t total = k->softmax_q8(m->positions, scores + i * width, m->key_scale + head * stride, scale[i] * QUERY_SCALE,
                                       p + i * probability_width);
        factor[i] = 1.0f / (float)total;
    }
    size_t value_panels = SO_HEAD * so_round_up(m->capacity, 4);
    k->gemm_q8_s32(n, SO_HEAD, m->positions, p, probability_width, 0, m->values + head * value_panels,
                   m->value_sums + head * SO_HEAD, sums, SO_HEAD);
    for (size_t i = 0; i < n; i++)
        k->dequant_values(SO_HEAD, sums + i * SO_HEAD, m->value_scale + head * SO_HEAD, factor[i], y + i * job->ldy);
}

static void attend_f32(const struct attend_job *job, const struct so_memory *m, size_t head, size_t n,
                      const float *queries, float *y, char *scratch) {
    const struct so_kernels *k = job->nn->kernels;
    size_t width = so_round_up(m->positions, SO_LANES), stride = so_round_up(m->capacity, SO_LANES);
    float *scores = (float *)scratch;   /* [n][width] */
    float *sums = scores + n * width;   /* [n][64] */
    k->gemm_f32(n, m->positions, SO_HEAD, queries, job->ldq, m->keys_f + head * stride * SO_HEAD, NULL, scores, width);
    float factor[SO_QUERY_BLOCK];
    for (size_t i = 0; i < n; i++) factor[i] = 1.0f / k->softmax_f32(m->positions, scores + i * width, QUERY_SCALE);
    k->gemm_f32(n, SO_HEAD, m->positions, scores, width, m->values_f + head * m->capacity * SO_HEAD, NULL, sums, SO_HEAD);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < SO_HEAD; c++) y[i * job->ldy + c] = sums[i * SO_HEAD + c] * factor[i];
}

/* Items in order of heads: a head's keys and values stay in a worker's level-2 cache over its blocks of queries. */
static void attend_task(void *context, size_t item, size_t worker) {
    const struct attend_job *job = context;
    const struct so_attend_block *block = &job->blocks[item % job->n_blocks];
    size_t head = item / job->n_blocks;
    const float *queries = job->queries + block->first * job->ldq + head * SO_HEAD;
    float *y = job->y + block->first * job->ldy + head * SO_HEAD;
    char *scratch = so_nn_scratch(job->nn, worker);
    if (block->memory->precision == SO_INT8)
        attend_q8(job, block->memory, head, block->n, queries, y, scratch);
    else
        attend_f32(job, block->memory, head, block->n, queries, y, scratch);
}

/* The rows of blocks that follow each other and look at one memory; 0 where they do not. */
static size_t rows_of_one_memory(const struct so_attend_block *blocks, size_t n_blocks) {
    size_t rows = 0;
    for (size_t i = 0; i < n_blocks; i++) {
        if (blocks[i].memory != blocks[0].memory || blocks[i].first != rows) return 0;
        rows += blocks[i].n;
    }
    return rows;
}

bool so_attend(struct so_nn *nn, const struct so_attend_block *blocks, size_t n_blocks, const float *queries, size_t ldq, float *y,
               size_t ldy) {
    const struct so_memory *memory = blocks[0].memory;
    if (nn->backend && memory->precision == SO_INT8 && n_blocks > 1) {
        size_t rows = rows_of_one_memory(blocks, n_blocks);
        bool wanted = rows && so_attend_wanted(nn, memory, rows);
        if (wanted && so_attend_on_device(nn, memory, rows, queries, ldq, y, ldy)) return true;
        nn->products.fallbacks += wanted ? 2 : 0;
    }
    struct attend_job job = {nn, blocks, n_blocks, queries, ldq, y, ldy};
    so_pool_run(nn->pool, n_blocks * memory->heads, attend_task, &job);
    return false;
}
