/*
 * Linear layers: the exact product, then the epilogue, while the sums are in cache. Many rows are split by rows, each
 * worker taking all columns; few rows (a decoder step) are split by columns, so that every worker streams its own
 * share of the weights.
 */
#include "nn/linear_job.h"
#include "nn/shape.h"
#include "util/memory.h"

static size_t panels_before(size_t column) { return column / SO_LANES; }

void so_linear_epilogue(const struct so_linear_job *job, size_t r, size_t n, size_t c, size_t width, const int32_t *acc, size_t lda,
                        float *row) {
    const struct so_kernels *k = job->nn->kernels;
    struct so_rows in = so_rows_from(&job->in, r);
    const float *scale = job->w->scale + c, *bias = job->w->bias + c;
    float *y = job->y ? job->y + r * job->ldy + c : NULL; /* other epilogues have other outputs */
    switch (job->epilogue) {
    case SO_STORE: k->dequant_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case SO_ADD: k->dequant_add_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case SO_GELU_F32: k->dequant_gelu_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case SO_GELU_Q8: {
        struct so_rows out = so_rows_from(&job->out, r);
        k->dequant_gelu_q8(n, width, acc, lda, in.scale, scale, bias, row, out.q, out.stride, out.scale);
        break;
    }
    case SO_SCATTER:
        for (size_t i = 0; i < n; i++)
            k->dequant_f32(1, width, acc + i * lda, lda, in.scale + i, scale, bias, job->scattered[r + i] + c, width);
        break;
    }
}

/* Rows [r, r + n) and columns [c, c + cols) in INT8, or INT4 weights. */
static void block_q8(const struct so_linear_job *job, size_t r, size_t n, size_t c, size_t cols, void *scratch) {
    const struct so_matrix *w = job->w;
    struct so_rows in = so_rows_from(&job->in, r);
    size_t lda = so_round_up(cols, SO_LANES), panel = so_round_up(w->k, 4) * SO_LANES;
    int32_t *acc = scratch; /* [n][lda] */
    if (w->precision == SO_INT4)
        job->nn->kernels->gemm_q4_s32(n, cols, w->k, in.q, in.stride,
                                      (const uint8_t *)w->q + panels_before(c) * (w->k / SO_Q4_GROUP) * SO_Q4_GROUP_BYTES, w->bsum + c, acc,
                                      lda);
    else
        job->nn->kernels->gemm_q8_s32(n, cols, w->k, in.q, in.stride, 128, w->q + panels_before(c) * panel, w->bsum + c, acc, lda);
    so_linear_epilogue(job, r, n, c, lda, acc, lda, (float *)(acc + n * lda));
}

/* The same in float: the product goes straight to its place, or to scratch where it is to be added. */
static void block_f32(const struct so_linear_job *job, size_t r, size_t n, size_t c, size_t cols, void *scratch) {
    const struct so_kernels *k = job->nn->kernels;
    const struct so_matrix *w = job->w;
    struct so_rows in = so_rows_from(&job->in, r);
    size_t width = so_round_up(cols, SO_LANES);
    const float *b = w->f + panels_before(c) * w->k * SO_LANES, *bias = w->bias + c;
    float *y = job->y ? job->y + r * job->ldy + c : NULL;
    switch (job->epilogue) {
    case SO_STORE: k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, y, job->ldy); break;
    case SO_ADD:
        k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, scratch, width);
        k->add_f32(n, width, y, job->ldy, scratch, width);
        break;
    case SO_GELU_F32:
    case SO_GELU_Q8: /* with float rows out, the same thing */
        k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, y, job->ldy);
        k->gelu_f32(n, width, y, job->ldy);
        break;
    case SO_SCATTER:
        for (size_t i = 0; i < n; i++)
            k->gemm_f32(1, cols, w->k, in.f + i * in.stride, in.stride, b, bias, job->scattered[r + i] + c, width);
        break;
    }
}

static void block(const struct so_linear_job *job, size_t r, size_t n, size_t c, size_t cols, size_t worker) {
    void *scratch = so_nn_scratch(job->nn, worker);
    if (job->w->precision != SO_F32)
        block_q8(job, r, n, c, cols, scratch);
    else
        block_f32(job, r, n, c, cols, scratch);
}

static void by_rows(void *context, size_t item, size_t worker) {
    const struct so_linear_job *job = context;
    size_t r = item * SO_ROW_BLOCK;
    block(job, r, so_min(SO_ROW_BLOCK, job->rows - r), 0, job->w->n, worker);
}

static void by_columns(void *context, size_t item, size_t worker) {
    const struct so_linear_job *job = context;
    size_t c = item * SO_COLUMN_BLOCK;
    size_t cols = so_min(SO_COLUMN_BLOCK, job->w->n - c);
    /* The scratch holds SO_ROW_BLOCK rows of the widest layer, hence as many of this narrow block at the least. */
    for (size_t r = 0; r < job->rows; r += SO_ROW_BLOCK)
        block(job, r, so_min(SO_ROW_BLOCK, job->rows - r), c, cols, worker);
}

static bool split_by_rows(const struct so_nn *nn, size_t rows) { return rows >= 2 * SO_ROW_BLOCK * so_pool_threads(nn->pool); }

void so_linear_compute(const struct so_linear_job *job) {
    if (job->nn->observe) job->nn->observe(job->nn->observer, job->w, job->rows, &job->in);
    /* A worker's scratch has no room for rows as wide as the logits. */
    bool rows = job->epilogue == SO_GELU_Q8 || (job->epilogue != SO_SCATTER && split_by_rows(job->nn, job->rows));
    void *context = (void *)(uintptr_t)job;
    if (rows)
        so_pool_run(job->nn->pool, (job->rows + SO_ROW_BLOCK - 1) / SO_ROW_BLOCK, by_rows, context);
    else
        so_pool_run(job->nn->pool, (job->w->n + SO_COLUMN_BLOCK - 1) / SO_COLUMN_BLOCK, by_columns, context);
}

/* Whether a device did it. */
static bool run(struct so_linear_job *job) {
    if (so_linear_wanted(job)) {
        if (so_linear_on_device(job)) return true;
        job->nn->products.fallbacks++;
    }
    so_linear_compute(job);
    return false;
}

bool so_linear(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct so_linear_job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SO_STORE, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_add(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct so_linear_job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SO_ADD, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_gelu_f32(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct so_linear_job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SO_GELU_F32, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_gelu(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *wide,
                    struct so_rows *out) {
    if (out->precision == SO_F32) {
        return so_linear_gelu_f32(nn, w, rows, in, out->f, out->stride);
    } else if (split_by_rows(nn, rows)) {
        struct so_linear_job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SO_GELU_Q8, .out = *out};
        return run(&job);
    } else { /* a row's scale needs all its columns: first the columns, then the rows */
        bool by_device = so_linear_gelu_f32(nn, w, rows, in, wide, w->n);
        so_quantize(nn, rows, w->n, wide, w->n, out);
        return by_device;
    }
}

bool so_linear_scatter(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in,
                       float *const *y) {
    struct so_linear_job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SO_SCATTER, .scattered = y};
    return run(&job);
}
