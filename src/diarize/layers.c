#include "diarize/layers.h"

#include "backend/backend.h"
#include "util/memory.h"

static void finish(const struct so_worker *worker, const struct so_matrix *w, size_t rows, const int32_t *acc,
                   size_t lda, const float *scale, float *y, size_t ldy, bool add) {
    const size_t wide = so_round_up(w->n, SO_LANES);
    if (add)
        worker->kernels->dequant_add_f32(rows, wide, acc, lda, scale, w->scale, w->bias, y, ldy);
    else
        worker->kernels->dequant_f32(rows, wide, acc, lda, scale, w->scale, w->bias, y, ldy);
}

/* The same for sums with the zero point 128, which devices know for weights, of rows whose zero point is 0:
 * 128 times B is taken off again. */
static void finish_moved(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                         const int32_t *sums, size_t lds, const float *scale, float *y, size_t ldy,
                         bool add) {
    const size_t lda = so_round_up(w->n, SO_LANES);
    for (size_t r = 0; r < rows; r += SO_PRODUCT_ROWS) {
        const size_t n = so_min(SO_PRODUCT_ROWS, rows - r);
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < w->n; c++) worker->acc[i * lda + c] = sums[(r + i) * lds + c] - w->bsum[c];
        finish(worker, w, n, worker->acc, lda, scale + r, y + r * ldy, ldy, add);
    }
}

/* The sums by a device, if it wants them. */
static bool by_device(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                      const struct so_activations *in, float *y, size_t ldy, bool add) {
    struct so_ticket *ticket;
    int32_t *acc;
    size_t lda;
    if (!worker->backend || in->stride < w->k || !so_backend_wants(worker->backend, rows, w->k, w->n, false))
        return false;
    const struct so_product product = {
        .m = rows, .a = in->q, .lda = in->stride, .a_zero = 128, .b = {w->k, w->n, w->q, w->bsum}};
    if (!so_backend_submit(worker->backend, &product, 1, &ticket)) return false;
    const bool done = so_backend_wait(worker->backend, ticket, &acc, &lda);
    if (done && in->zero)
        finish(worker, w, rows, acc, lda, in->scale, y, ldy, add);
    else if (done)
        finish_moved(worker, w, rows, acc, lda, in->scale, y, ldy, add);
    so_backend_release(worker->backend, ticket);
    return done;
}

static void int8(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                 const struct so_activations *in, float *y, size_t ldy, bool add) {
    const size_t lda = so_round_up(w->n, SO_LANES);
    if (by_device(worker, w, rows, in, y, ldy, add)) return;
    for (size_t r = 0; r < rows; r += SO_PRODUCT_ROWS) {
        const size_t n = so_min(SO_PRODUCT_ROWS, rows - r);
        worker->kernels->gemm_q8_s32(n, w->n, w->k, in->q + r * in->stride, in->stride, in->zero, w->q,
                                     w->bsum, worker->acc, lda);
        finish(worker, w, n, worker->acc, lda, in->scale + r, y + r * ldy, ldy, add);
    }
}

void so_product(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                const struct so_activations *in, float *y, size_t ldy) {
    if (w->precision == SO_INT8)
        int8(worker, w, rows, in, y, ldy, false);
    else
        worker->kernels->gemm_f32(rows, w->n, w->k, in->f, in->stride, w->f, w->bias, y, ldy);
}

void so_product_add(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                    const struct so_activations *in, float *y, size_t ldy, float *sums) {
    const size_t wide = so_round_up(w->n, SO_LANES);
    if (w->precision == SO_INT8) {
        int8(worker, w, rows, in, y, ldy, true);
    } else {
        worker->kernels->gemm_f32(rows, w->n, w->k, in->f, in->stride, w->f, w->bias, sums, wide);
        worker->kernels->add_f32(rows, wide, y, ldy, sums, wide);
    }
}

void so_product_fine(const struct so_worker *worker, const struct so_fine_matrix *w, size_t rows,
                     const struct so_activations *in, float *y, size_t ldy) {
    so_product(worker, &w->main, rows, in, y, ldy);
    if (w->rest.n) int8(worker, &w->rest, rows, in, y, ldy, true); /* float files have no rest */
}
