/* Products whose results are scaled: requantised to 8 bits, or float operands quantised on the way in. */
#include <math.h>

#include "backend/matmul/matmul.h"
#include "util/memory.h"

/* sum / 2^shift, rounded and clipped, without shifting a negative number. */
static int8_t requantise(int32_t sum, uint32_t shift, sotto_rounding rounding) {
    int64_t step = INT64_C(1) << shift, value = sum;
    if (rounding == SOTTO_ROUND_NEAREST) value += step / 2;
    int64_t q = value / step - (value % step < 0);
    return (int8_t)(q > 127 ? 127 : q < -128 ? -128 : q);
}

sotto_status sotto_matmul_s8(sotto_matmul *x, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int8_t *c, sotto_error *err) {
    if (!c || m == 0 || n == 0 || m > SIZE_MAX / 4 / n) return so_fail(err, SOTTO_ERR_ARGUMENT, "a product needs three matrices of possible sizes");
    int32_t *sums = so_alloc(m * n, sizeof *sums);
    if (!sums) return so_fail_memory(err, m * n * 4, "a product");
    sotto_status status = sotto_matmul_s32(x, m, k, n, a, b, sums, err);
    /* A tile kernel has shifted already. */
    uint32_t shift = status == SOTTO_OK && !x->tiles ? x->options.scale_shift : 0;
    for (size_t i = 0; status == SOTTO_OK && i < m * n; i++) c[i] = requantise(sums[i], shift, x->options.rounding);
    so_free(sums);
    return status;
}

/* Largest magnitude of n values `step` apart; negative if one is not finite. */
static float largest(const float *x, size_t n, size_t step) {
    float most = 0;
    for (size_t i = 0; i < n; i++) {
        float v = fabsf(x[i * step]);
        if (!isfinite(v)) return -1;
        if (v > most) most = v;
    }
    return most;
}

static void quantise(const float *x, size_t n, size_t step, float most, int8_t *q) {
    float factor = most > 0 ? 127.0f / most : 0;
    if (isinf(factor)) { /* subnormal: divide in double */
        for (size_t i = 0; i < n; i++) q[i * step] = (int8_t)rint((double)x[i * step] * (127.0 / (double)most));
        return;
    }
    for (size_t i = 0; i < n; i++) q[i * step] = (int8_t)rintf(x[i * step] * factor);
}

/* `lines` vectors of `length` values; one scale for each, or one for all. scale: float [lines]. */
static bool quantise_lines(const float *x, size_t lines, size_t line_step, size_t length, size_t step, bool shared, int8_t *q, float *scale) {
    float most = 0;
    for (size_t i = 0; i < lines; i++) {
        scale[i] = largest(x + i * line_step, length, step);
        if (scale[i] < 0) return false;
        if (scale[i] > most) most = scale[i];
    }
    for (size_t i = 0; i < lines; i++) {
        float limit = shared ? most : scale[i];
        quantise(x + i * line_step, length, step, limit, q + i * line_step);
        scale[i] = limit / 127.0f;
    }
    return true;
}

sotto_status sotto_matmul_f32(sotto_matmul *x, size_t m, size_t k, size_t n, const float *a, const float *b, sotto_scales scales, float *c,
                              float *scale_a, float *scale_b, sotto_error *err) {
    size_t bytes;
    if (!a || !b || !c || m == 0 || k == 0 || n == 0 || (unsigned)scales > SOTTO_SCALE_CHANNEL || !so_mul_size(m, k, &bytes) ||
        !so_mul_size(k, n, &bytes) || !so_mul_size(m, n, &bytes))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a product needs three matrices of possible sizes");
    int8_t *qa = so_alloc(m, k), *qb = so_alloc(k, n);
    int32_t *sums = so_alloc(bytes, sizeof *sums);
    float *sa = so_alloc(m, sizeof *sa), *sb = so_alloc(n, sizeof *sb);
    sotto_status status = qa && qb && sums && sa && sb ? SOTTO_OK : so_fail_memory(err, bytes, "a product");
    if (status == SOTTO_OK && (!quantise_lines(a, m, k, k, 1, scales == SOTTO_SCALE_TENSOR, qa, sa) ||
                               !quantise_lines(b, n, 1, k, n, scales != SOTTO_SCALE_CHANNEL, qb, sb)))
        status = so_fail(err, SOTTO_ERR_ARGUMENT, "a value that is not finite cannot be quantised");
    if (status == SOTTO_OK) status = sotto_matmul_s32(x, m, k, n, qa, qb, sums, err);
    for (size_t i = 0; status == SOTTO_OK && i < m; i++) {
        for (size_t j = 0; j < n; j++) c[i * n + j] = (float)sums[i * n + j] * (sa[i] * sb[j]);
        if (scale_a) scale_a[i] = sa[i];
    }
    for (size_t j = 0; status == SOTTO_OK && scale_b && j < n; j++) scale_b[j] = sb[j];
    so_free(qa);
    so_free(qb);
    so_free(sums);
    so_free(sa);
    so_free(sb);
    return status;
}
