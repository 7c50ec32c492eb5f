/** Kernels of convolutional networks and of filter banks: the same bytes at every level, and the values of
 * their definitions. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 7, COLS = 48, STRIDE = 52 };

/* Rows of floats whose stride is not their length, and what goes with their columns. */
struct network_case {
    size_t rows, cols;
    struct area x, factor, shift, third;
};

static const float *floats(const struct area *a) {
    return (const float *)(const void *)a->data;
}
static float *out_floats(const struct area *a) {
    return (float *)(void *)a->data;
}

static struct area new_floats(size_t rows, size_t cols, size_t stride, enum float_pattern pattern) {
    struct area a = area_new(rows, cols * sizeof(float), stride * sizeof(float));
    area_fill_floats(&a, pattern);
    return a;
}

static void affine_leaky(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->affine_leaky_f32(c->rows, c->cols, floats(&c->x), STRIDE, floats(&c->factor), floats(&c->shift), 0.01f,
                        out_floats(&out[0]), STRIDE);
}
static void affine_relu(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->affine_relu_u8(c->rows, c->cols, floats(&c->x), STRIDE, floats(&c->factor), floats(&c->shift),
                      out[0].data, STRIDE, out_floats(&out[1]));
}
static void quantize(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    out_floats(&out[1])[0] = s->quantize_u8(c->cols, floats(&c->x), floats(&c->third)[0], out[0].data);
}
static void fold(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    /* Rows step on by 2 through one row of samples, its mirror image being another row. */
    s->fold_f32(2, 16, floats(&c->x), 2, floats(&c->shift) + 2, out_floats(&out[0]), out_floats(&out[1]));
}
static void sums(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->column_sums(c->rows, c->cols, floats(&c->x), STRIDE, out_floats(&out[0]));
}
static void squares(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->column_squares(c->rows, c->cols, floats(&c->x), STRIDE, floats(&c->shift), out_floats(&out[0]));
}
static void pool3(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->pool3_f32(c->rows / 3, c->cols, floats(&c->x), STRIDE, out_floats(&out[0]), STRIDE);
}
static void pool3_abs(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->pool3_abs_f32(c->rows / 3, c->cols, floats(&c->x), STRIDE, 0.7f, floats(&c->shift),
                     out_floats(&out[0]), STRIDE);
}
static void sum3_mul(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    s->sum3_mul_f32(c->cols, floats(&c->x), floats(&c->factor), floats(&c->shift), floats(&c->third),
                    out_floats(&out[0]));
}
static void relu_max(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct network_case *c = context;
    out_floats(&out[1])[0] = s->relu_max_f32(c->cols, out_floats(&out[0]));
}

static void check(size_t rows, size_t cols, enum float_pattern pattern, bool same) {
    struct network_case c = {rows,
                             cols,
                             new_floats(rows, cols, STRIDE, pattern),
                             new_floats(1, cols, cols, FLOATS_UNIFORM),
                             new_floats(1, cols, cols, pattern),
                             new_floats(1, cols, cols, FLOATS_UNIFORM)};
    const size_t row = cols * sizeof(float), stride = STRIDE * sizeof(float);
    const struct output all = {rows, row, stride, NULL},
                        bytes[] = {{rows, cols, STRIDE, NULL},
                                   {1, rows * sizeof(float), rows * sizeof(float), NULL}};
    const struct output line = {1, row, row, NULL}, third = {rows / 3, row, stride, NULL},
                        added = {1, row, row, &c.third};
    const struct output byte_line[] = {{1, cols, cols, NULL}, {1, sizeof(float), sizeof(float), NULL}};
    const struct output in_place[] = {{1, row, row, &c.shift}, {1, sizeof(float), sizeof(float), NULL}};
    compare_levels("affine_leaky_f32", same, affine_leaky, &c, &all, 1);
    compare_levels("affine_relu_u8", same, affine_relu, &c, bytes, 2);
    compare_levels("quantize_u8", same, quantize, &c, byte_line, 2);
    const struct output folded[] = {{1, 32 * sizeof(float), 32 * sizeof(float), NULL},
                                    {1, 32 * sizeof(float), 32 * sizeof(float), NULL}};
    if (cols >= 32) compare_levels("fold_f32", same, fold, &c, folded, 2);
    compare_levels("column_sums", same, sums, &c, &added, 1);
    compare_levels("column_squares", same, squares, &c, &added, 1);
    if (rows >= 3) compare_levels("pool3_f32", same, pool3, &c, &third, 1);
    if (rows >= 3) compare_levels("pool3_abs_f32", same, pool3_abs, &c, &third, 1);
    compare_levels("sum3_mul_f32", same, sum3_mul, &c, &line, 1);
    compare_levels("relu_max_f32", same, relu_max, &c, in_place, 2);
    area_free(&c.x);
    area_free(&c.factor);
    area_free(&c.shift);
    area_free(&c.third);
}

/* Squares of large values leave what a float holds, so these patterns are left to the next test. */
static bool squares_fit(enum float_pattern pattern) {
    return pattern != FLOATS_LARGE && pattern != FLOATS_SPREAD;
}

static void every_level_gives_the_bytes_of_plain_c(void **unused) {
    (void)unused;
    for (enum float_pattern pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        for (size_t cols = 16; cols <= COLS; cols += 16)
            for (size_t rows = 1; rows <= ROWS; rows++) check(rows, cols, pattern, squares_fit(pattern));
}

static void values_that_are_not_finite_do_no_harm(void **unused) {
    (void)unused;
    for (enum float_pattern pattern = FLOATS_HUGE; pattern <= FLOATS_NOT_FINITE; pattern++)
        check(ROWS, COLS, pattern, false);
}

static void fill(float *x, size_t n, float range) {
    for (size_t i = 0; i < n; i++) x[i] = (float)((int32_t)random_bits() * 0x1p-31) * range;
}

static void rows_are_quantised_as_defined(void **unused) {
    (void)unused;
    float x[ROWS * COLS], factor[COLS], shift[COLS], scale[ROWS];
    uint8_t q[ROWS * COLS];
    fill(x, ROWS * COLS, 3.0f);
    fill(factor, COLS, 2.0f);
    fill(shift, COLS, 1.0f);
    for (size_t i = 0; i < COLS; i++) x[2 * COLS + i] = 0.0f, shift[i] = i % 2 ? shift[i] : -fabsf(shift[i]);
    reference()->affine_relu_u8(ROWS, COLS, x, COLS, factor, shift, q, COLS, scale);
    for (size_t r = 0; r < ROWS; r++) {
        float largest = 0.0f;
        for (size_t i = 0; i < COLS; i++)
            largest = fmaxf(largest, fmaf(x[r * COLS + i], factor[i], shift[i]));
        assert_true(largest > 0.0f && scale[r] == largest / 255.0f);
        for (size_t i = 0; i < COLS; i++) {
            const float v = fmaxf(fmaf(x[r * COLS + i], factor[i], shift[i]), 0.0f);
            assert_true(fabsf((float)q[r * COLS + i] * scale[r] - v) <= 0.5001f * scale[r]);
        }
    }
    for (size_t i = 0; i < COLS; i++) shift[i] = -1.0f;
    reference()->affine_relu_u8(1, COLS, x + 2 * COLS, COLS, factor, shift, q, COLS, scale);
    assert_true(scale[0] == 0.0f && q[0] == 0 && !memcmp(q, q + 1, COLS - 1));
}

static void values_beyond_the_largest_are_cut(void **unused) {
    (void)unused;
    const float x[16] = {-1.0f, 0.0f, 0.5f, 1.0f, 2.0f, 1e30f, 0.1f};
    const uint8_t expected[16] = {0,   0,   128, 255,
                                  255, 255, 26}; /* 127.5 to even, 25.5 (a little above) to 26 */
    uint8_t q[16];
    assert_true(reference()->quantize_u8(16, x, 1.0f, q) == 1.0f / 255.0f);
    assert_memory_equal(q, expected, sizeof q);
    assert_true(reference()->quantize_u8(16, x, 0.0f, q) == 0.0f);
    for (size_t i = 0; i < 16; i++) assert_int_equal(q[i], 0);
}

static void pools_and_gates_are_what_they_say(void **unused) {
    (void)unused;
    float x[6 * 16], y[2 * 16], shift[16], sum[16] = {0}, mean[16], spread[16] = {0};
    fill(x, 6 * 16, 2.0f);
    fill(shift, 16, 1.0f);
    fill(mean, 16, 1.0f);
    reference()->pool3_abs_f32(2, 16, x, 16, -1.5f, shift, y, 16);
    for (size_t r = 0; r < 2; r++)
        for (size_t c = 0; c < 16; c++) {
            float largest = 0.0f;
            for (size_t i = 0; i < 3; i++)
                largest = fmaxf(largest, fabsf(fmaf(x[(3 * r + i) * 16 + c], -1.5f, shift[c])));
            assert_true(y[r * 16 + c] == largest);
        }
    reference()->column_sums(6, 16, x, 16, sum);
    reference()->column_squares(6, 16, x, 16, mean, spread);
    for (size_t c = 0; c < 16; c++) {
        double plain = 0.0, squares_sum = 0.0;
        for (size_t r = 0; r < 6; r++)
            plain += (double)x[r * 16 + c], squares_sum += pow((double)x[r * 16 + c] - (double)mean[c], 2);
        assert_true(fabs(plain - (double)sum[c]) < 1e-5 && fabs(squares_sum - (double)spread[c]) < 1e-4);
    }
    float even[32], odd[32];
    reference()->fold_f32(2, 16, x, 3, x + 40, even, odd);
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; i < 16; i++) {
            const float a = x[3 * r + i], b = x[40 + i - 3 * r];
            assert_true(even[16 * r + i] == a + b && odd[16 * r + i] == a - b);
        }
    reference()->sum3_mul_f32(16, x, x + 16, x + 32, shift, y);
    for (size_t c = 0; c < 16; c++) assert_true(y[c] == (x[c] + x[16 + c] + x[32 + c]) * shift[c]);
    reference()->pool3_f32(2, 16, x, 16, x, 16); /* in place */
    reference()->affine_leaky_f32(1, 16, x, 16, shift, mean, 0.25f, y, 16);
    for (size_t c = 0; c < 16; c++) {
        const float v = fmaf(x[c], shift[c], mean[c]);
        assert_true(y[c] == (v > 0.0f ? v : v * 0.25f));
    }
    assert_true(reference()->relu_max_f32(16, y) >= 0.0f);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_gives_the_bytes_of_plain_c),
        cmocka_unit_test(values_that_are_not_finite_do_no_harm),
        cmocka_unit_test(rows_are_quantised_as_defined),
        cmocka_unit_test(values_beyond_the_largest_are_cut),
        cmocka_unit_test(pools_and_gates_are_what_they_say),
    };
    return run_kernel_tests("network", tests, sizeof tests / sizeof *tests, argc, argv);
}
