#include <string.h>

#include "nn/nn.h"
#include "util/memory.h"

#define ROWS_PER_ITEM 32

bool so_rows_create(struct so_rows *rows, enum so_precision precision, size_t n_rows, size_t cols) {
    memset(rows, 0, sizeof *rows);
    rows->precision = precision;
    rows->stride = so_round_up(cols, SO_LANES);
    if (precision == SO_F32) {
        rows->f = so_calloc(n_rows * rows->stride, sizeof(float));
        return rows->f != NULL;
    }
    /* A product reads K in fours; the padding past `cols` meets zero weights, so any defined value will do. */
    rows->q = so_calloc(n_rows, rows->stride);
    rows->scale = so_calloc(n_rows, sizeof(float));
    return rows->q && rows->scale;
}

void so_rows_free(struct so_rows *rows) {
    so_free(rows->q);
    so_free(rows->scale);
    so_free(rows->f);
    memset(rows, 0, sizeof *rows);
}

struct so_rows so_rows_from(const struct so_rows *rows, size_t first) {
    struct so_rows part = *rows;
    if (part.precision == SO_F32) {
        part.f += first * part.stride;
    } else {
        part.q += first * part.stride;
        part.scale += first;
    }
    return part;
}

struct row_job {
    const struct so_kernels *kernels;
    const struct so_norm *norm; /* NULL: quantise only */
    size_t rows, cols;
    const float *x; /* [rows][ldx] */
    size_t ldx;
    struct so_rows out;
};

static void row_task(void *context, size_t item, size_t worker) {
    (void)worker;
    const struct row_job *job = context;
    size_t first = item * ROWS_PER_ITEM, n = so_min(ROWS_PER_ITEM, job->rows - first);
    const float *x = job->x + first * job->ldx;
    struct so_rows out = so_rows_from(&job->out, first);
    const struct so_kernels *k = job->kernels;
    if (out.precision == SO_INT8 && job->norm) {
        k->layernorm_q8(n, job->cols, x, job->ldx, job->norm->gamma, job->norm->beta, out.q, out.stride, out.scale);
    } else if (out.precision == SO_INT8) {
        k->quantize_q8(n, job->cols, x, job->ldx, out.q, out.stride, out.scale);
    } else if (job->norm) {
        k->layernorm_f32(n, job->cols, x, job->ldx, job->norm->gamma, job->norm->beta, out.f, out.stride);
    } else {
        for (size_t r = 0; r < n; r++) memcpy(out.f + r * out.stride, x + r * job->ldx, job->cols * sizeof(float));
    }
}

static void run_rows(struct so_nn *nn, struct row_job *job) {
    so_pool_run(nn->pool, (job->rows + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM, row_task, job);
}

void so_quantize(struct so_nn *nn, size_t rows, size_t cols, const float *x, size_t ldx, struct so_rows *out) {
    struct row_job job = {nn->kernels, NULL, rows, cols, x, ldx, *out};
    run_rows(nn, &job);
}

void so_norm(struct so_nn *nn, const struct so_norm *norm, size_t rows, size_t cols, const float *x, size_t ldx, struct so_rows *out) {
    struct row_job job = {nn->kernels, norm, rows, cols, x, ldx, *out};
    run_rows(nn, &job);
}
