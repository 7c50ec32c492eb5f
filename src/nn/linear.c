/*
 * Linear layers: the exact product, then the epilogue, while the sums are in cache. Many rows are split by rows, each
 * worker taking all columns; few rows (a decoder step) are split by columns, so that every worker streams its own
 * share of the weights.
 */
#include "backend/backend.h"
#include "nn/nn.h"
#include "nn/shape.h"
#include "util/memory.h"

enum epilogue { STORE, ADD, GELU_F32, GELU_Q8, SCATTER };

struct job {
    struct so_nn *nn;
    const struct so_matrix *w;
    size_t rows;
    struct so_rows in;
    enum epilogue epilogue;
    float *y; /* [rows][ldy] */
    size_t ldy;
    float *const *scattered; /* [rows] */
    struct so_rows out;
};

static size_t panels_before(size_t column) { return column / SO_LANES; }

/*
 * What follows the sums acc int32 [n][lda] of rows [r, r + n) and `width` columns from c on (a multiple of 16).
 * row: float [width] scratch.
 */
static void epilogue_q8(const struct job *job, size_t r, size_t n, size_t c, size_t width, const int32_t *acc, size_t lda, float *row) {
    const struct so_kernels *k = job->nn->kernels;
    struct so_rows in = so_rows_from(&job->in, r);
    const float *scale = job->w->scale + c, *bias = job->w->bias + c;
    float *y = job->y ? job->y + r * job->ldy + c : NULL; /* other epilogues have other outputs */
    switch (job->epilogue) {
    case STORE: k->dequant_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case ADD: k->dequant_add_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case GELU_F32: k->dequant_gelu_f32(n, width, acc, lda, in.scale, scale, bias, y, job->ldy); break;
    case GELU_Q8: {
        struct so_rows out = so_rows_from(&job->out, r);
        k->dequant_gelu_q8(n, width, acc, lda, in.scale, scale, bias, row, out.q, out.stride, out.scale);
        break;
    }
    case SCATTER:
        for (size_t i = 0; i < n; i++)
            k->dequant_f32(1, width, acc + i * lda, lda, in.scale + i, scale, bias, job->scattered[r + i] + c, width);
        break;
    }
}

/* Rows [r, r + n) and columns [c, c + cols) in INT8. */
static void block_q8(const struct job *job, size_t r, size_t n, size_t c, size_t cols, void *scratch) {
    const struct so_matrix *w = job->w;
    struct so_rows in = so_rows_from(&job->in, r);
    size_t lda = so_round_up(cols, SO_LANES), panel = so_round_up(w->k, 4) * SO_LANES;
    int32_t *acc = scratch; /* [n][lda] */
    job->nn->kernels->gemm_q8_s32(n, cols, w->k, in.q, in.stride, 128, w->q + panels_before(c) * panel, w->bsum + c, acc, lda);
    epilogue_q8(job, r, n, c, lda, acc, lda, (float *)(acc + n * lda));
}

/* The same in float: the product goes straight to its place, or to scratch where it is to be added. */
static void block_f32(const struct job *job, size_t r, size_t n, size_t c, size_t cols, void *scratch) {
    const struct so_kernels *k = job->nn->kernels;
    const struct so_matrix *w = job->w;
    struct so_rows in = so_rows_from(&job->in, r);
    size_t width = so_round_up(cols, SO_LANES);
    const float *b = w->f + panels_before(c) * w->k * SO_LANES, *bias = w->bias + c;
    float *y = job->y ? job->y + r * job->ldy + c : NULL;
    switch (job->epilogue) {
    case STORE: k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, y, job->ldy); break;
    case ADD:
        k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, scratch, width);
        k->add_f32(n, width, y, job->ldy, scratch, width);
        break;
    case GELU_F32:
    case GELU_Q8: /* with float rows out, the same thing */
        k->gemm_f32(n, cols, w->k, in.f, in.stride, b, bias, y, job->ldy);
        k->gelu_f32(n, width, y, job->ldy);
        break;
    case SCATTER:
        for (size_t i = 0; i < n; i++)
            k->gemm_f32(1, cols, w->k, in.f + i * in.stride, in.stride, b, bias, job->scattered[r + i] + c, width);
        break;
    }
}

static void block(const struct job *job, size_t r, size_t n, size_t c, size_t cols, size_t worker) {
    void *scratch = so_nn_scratch(job->nn, worker);
    if (job->w->precision == SO_INT8)
        block_q8(job, r, n, c, cols, scratch);
    else
        block_f32(job, r, n, c, cols, scratch);
}

static void by_rows(void *context, size_t item, size_t worker) {
    const struct job *job = context;
    size_t r = item * SO_ROW_BLOCK;
    block(job, r, so_min(SO_ROW_BLOCK, job->rows - r), 0, job->w->n, worker);
}

static void by_columns(void *context, size_t item, size_t worker) {
    const struct job *job = context;
    size_t c = item * SO_COLUMN_BLOCK;
    size_t cols = so_min(SO_COLUMN_BLOCK, job->w->n - c);
    /* The scratch holds SO_ROW_BLOCK rows of the widest layer, hence as many of this narrow block at the least. */
    for (size_t r = 0; r < job->rows; r += SO_ROW_BLOCK)
        block(job, r, so_min(SO_ROW_BLOCK, job->rows - r), c, cols, worker);
}

static bool split_by_rows(const struct so_nn *nn, size_t rows) { return rows >= 2 * SO_ROW_BLOCK * so_pool_threads(nn->pool); }

/* Sums that a device computed. */
struct device_job {
    const struct job *job;
    const int32_t *acc; /* [rows][lda] */
    size_t lda;
};

static void finish_rows(void *context, size_t item, size_t worker) {
    const struct device_job *d = context;
    size_t r = item * SO_ROW_BLOCK, n = so_min(SO_ROW_BLOCK, d->job->rows - r);
    epilogue_q8(d->job, r, n, 0, so_round_up(d->job->w->n, SO_LANES), d->acc + r * d->lda, d->lda, so_nn_scratch(d->job->nn, worker));
}

/* The product by a device and the epilogue here; false if the device fails. */
static bool run_on_device(const struct job *job) {
    struct so_nn *nn = job->nn;
    const struct so_matrix *w = job->w;
    struct so_product product = {
        .m = job->rows,
        .a = job->in.q,
        .lda = job->in.stride,
        .a_zero = 128,
        .b = {w->k, w->n, w->q, w->bsum},
    };
    struct so_ticket *ticket;
    int32_t *acc;
    size_t lda;
    if (!so_backend_submit(nn->backend, &product, 1, &ticket)) return false;
    bool done = so_backend_wait(nn->backend, ticket, &acc, &lda);
    if (done) {
        struct device_job d = {job, acc, lda};
        so_pool_run(nn->pool, (job->rows + SO_ROW_BLOCK - 1) / SO_ROW_BLOCK, finish_rows, &d);
    }
    so_backend_release(nn->backend, ticket);
    return done;
}

/* Whether a device did it. */
static bool run(struct job *job) {
    struct so_nn *nn = job->nn;
    if (nn->backend && job->w->precision == SO_INT8 &&
        so_backend_wants(nn->backend, job->rows, job->w->k, job->w->n, false)) {
        if (run_on_device(job)) return true;
        nn->products.fallbacks++;
    }
    /* A worker's scratch has no room for rows as wide as the logits. */
    if (job->epilogue == GELU_Q8 || (job->epilogue != SCATTER && split_by_rows(nn, job->rows)))
        so_pool_run(nn->pool, (job->rows + SO_ROW_BLOCK - 1) / SO_ROW_BLOCK, by_rows, job);
    else
        so_pool_run(nn->pool, (job->w->n + SO_COLUMN_BLOCK - 1) / SO_COLUMN_BLOCK, by_columns, job);
    return false;
}

bool so_linear(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = STORE, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_add(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = ADD, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_gelu_f32(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy) {
    struct job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = GELU_F32, .y = y, .ldy = ldy};
    return run(&job);
}

bool so_linear_gelu(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *wide,
                    struct so_rows *out) {
    if (out->precision == SO_F32) {
        return so_linear_gelu_f32(nn, w, rows, in, out->f, out->stride);
    } else if (split_by_rows(nn, rows)) {
        struct job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = GELU_Q8, .out = *out};
        return run(&job);
    } else { /* a row's scale needs all its columns: first the columns, then the rows */
        bool by_device = so_linear_gelu_f32(nn, w, rows, in, wide, w->n);
        so_quantize(nn, rows, w->n, wide, w->n, out);
        return by_device;
    }
}

bool so_linear_scatter(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in,
                       float *const *y) {
    struct job job = {.nn = nn, .w = w, .rows = rows, .in = *in, .epilogue = SCATTER, .scattered = y};
    return run(&job);
}
