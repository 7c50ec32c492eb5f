/*
 * All heads' scores go to the device in one submission, then all their values. Between and after them the same kernels run
 * as in attention.c, on the same rows.
 */
#include "nn/attention_device.h"

#include "backend/backend.h"
#include "nn/shape.h"
#include "util/memory.h"

#define QUERY_SCALE 0.125f /* 1/sqrt(64), as in attention.c */
#define GROUP 4            /* heads under way at a time: what their scores take is the limit */

struct heads {
    struct so_nn *nn;
    const struct so_memory *memory;
    size_t rows, first, n;  /* of heads */
    size_t p_stride;        /* positions rounded up to 4 */
    const float *queries;   /* [rows][ldq] */
    size_t ldq;
    float *y; /* [rows][ldy] */
    size_t ldy;
    uint8_t *q;    /* [n][rows][64] */
    float *scale;  /* [n][rows] of the queries, then 1 / sum of the probabilities */
    uint8_t *p;    /* [n][rows][p_stride] */
    int32_t *sums; /* [rows][ld] of the head at work */
    size_t ld, head;
};

static size_t row_blocks(const struct heads *h) { return (h->rows + SO_QUERY_BLOCK - 1) / SO_QUERY_BLOCK; }

static void quantize_task(void *context, size_t item, size_t worker) {
    struct heads *h = context;
    (void)worker;
    size_t head = item / row_blocks(h), r = item % row_blocks(h) * SO_QUERY_BLOCK, n = so_min(SO_QUERY_BLOCK, h->rows - r);
    h->nn->kernels->quantize_q8(n, SO_HEAD, h->queries + r * h->ldq + (h->first + head) * SO_HEAD, h->ldq,
                                h->q + (head * h->rows + r) * SO_HEAD, SO_HEAD, h->scale + head * h->rows + r);
}

static void softmax_task(void *context, size_t item, size_t worker) {
    struct heads *h = context;
    (void)worker;
    const struct so_memory *m = h->memory;
    const float *key_scale = m->key_scale + (h->first + h->head) * so_round_up(m->capacity, SO_LANES);
    size_t r = item * SO_QUERY_BLOCK, end = so_min(r + SO_QUERY_BLOCK, h->rows);
    for (; r < end; r++) {
        float *scale = h->scale + h->head * h->rows + r;
        uint32_t total = h->nn->kernels->softmax_q8(m->positions, h->sums + r * h->ld, key_scale, *scale * QUERY_SCALE,
                                                    h->p + (h->head * h->rows + r) * h->p_stride);
        *scale = 1.0f / (float)total;
    }
}

static void values_task(void *context, size_t item, size_t worker) {
    struct heads *h = context;
    (void)worker;
    size_t head = h->first + h->head, r = item * SO_QUERY_BLOCK, end = so_min(r + SO_QUERY_BLOCK, h->rows);
    for (; r < end; r++)
        h->nn->kernels->dequant_values(SO_HEAD, h->sums + r * h->ld, h->memory->value_scale + head * SO_HEAD,
                                       h->scale[h->head * h->rows + r], h->y + r * h->ldy + head * SO_HEAD);
}

/* n products in one submission, each followed by its task over blocks of rows. */
static bool products_then(struct heads *h, const struct so_product *products, so_pool_task *task) {
    struct so_ticket *tickets[GROUP];
    if (!so_backend_submit(h->nn->backend, products, h->n, tickets)) return false;
    bool good = true;
    for (h->head = 0; h->head < h->n; h->head++) {
        good = good && so_backend_wait(h->nn->backend, tickets[h->head], &h->sums, &h->ld);
        if (good) so_pool_run(h->nn->pool, row_blocks(h), task, h);
        so_backend_release(h->nn->backend, tickets[h->head]);
    }
    return good;
}

static bool run_group(struct heads *h) {
    const struct so_memory *m = h->memory;
    struct so_product products[GROUP];
    size_t key_room = so_round_up(m->capacity, SO_LANES), value_room = SO_HEAD * so_round_up(m->capacity, 4);
    so_pool_run(h->nn->pool, h->n * row_blocks(h), quantize_task, h);
    for (size_t i = 0; i < h->n; i++)
        products[i] = (struct so_product){
            .m = h->rows,
            .a = h->q + i * h->rows * SO_HEAD,
            .lda = SO_HEAD,
            .a_zero = 128,
            .b = {SO_HEAD, m->positions, m->keys + (h->first + i) * key_room * SO_HEAD, m->key_sums + (h->first + i) * key_room},
            .changing = true,
        };
    if (!products_then(h, products, softmax_task)) return false;
    for (size_t i = 0; i < h->n; i++)
        products[i] = (struct so_product){
            .m = h->rows,
            .a = h->p + i * h->rows * h->p_stride,
            .lda = h->p_stride,
            .a_zero = 0,
            .b = {m->positions, SO_HEAD, m->values + (h->first + i) * value_room, m->value_sums + (h->first + i) * SO_HEAD},
            .changing = true,
        };
    return products_then(h, products, values_task);
}

bool so_attend_wanted(struct so_nn *nn, const struct so_memory *m, size_t rows) {
    return so_backend_wants(nn->backend, rows, SO_HEAD, m->positions, true) &&
           so_backend_wants(nn->backend, rows, m->positions, SO_HEAD, true);
}

bool so_attend_on_device(struct so_nn *nn, const struct so_memory *m, size_t rows, const float *queries,
                         size_t ldq, float *y, size_t ldy) {
    struct heads h = {
        .nn = nn, .memory = m, .rows = rows, .queries = queries, .ldq = ldq, .y = y, .ldy = ldy};
    h.p_stride = so_round_up(m->positions, 4);
    h.q = so_alloc(GROUP * rows, SO_HEAD);
    h.scale = so_alloc(GROUP * rows, sizeof *h.scale);
    h.p = so_alloc(GROUP * rows, h.p_stride);
    bool good = h.q && h.scale && h.p;
    for (h.first = 0; good && h.first < m->heads; h.first += GROUP) {
        h.n = so_min(GROUP, m->heads - h.first);
        good = run_group(&h);
    }
    so_free(h.q);
    so_free(h.scale);
    so_free(h.p);
    return good;
}
