/** Kernels over rows of activations: the same bytes at every level, and the values that their definitions
 * give. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/** One case: inputs as areas of floats (or int32 for acc), all rows x cols. */
struct rows_case {
    size_t rows, cols;
    struct area x, y, acc, gamma, beta, a_scale;
};

static const float *floats(const struct area *a) {
    return (const float *)(const void *)a->data;
}
static float *out_floats(const struct area *a) {
    return (float *)(void *)a->data;
}
static size_t stride(const struct area *a) {
    return a->stride_bytes / sizeof(float);
}

static void quantize(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct rows_case *c = context;
    s->quantize_q8(c->rows, c->cols, floats(&c->x), stride(&c->x), out[0].data, out[0].stride_bytes,
                   out_floats(&out[1]));
}
static void layernorm(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct rows_case *c = context;
    s->layernorm_f32(c->rows, c->cols, floats(&c->x), stride(&c->x), floats(&c->gamma), floats(&c->beta),
                     out_floats(&out[0]), stride(&out[0]));
}
static void layernorm_quantize(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct rows_case *c = context;
    s->layernorm_q8(c->rows, c->cols, floats(&c->x), stride(&c->x), floats(&c->gamma), floats(&c->beta),
                    out[0].data, out[0].stride_bytes, out_floats(&out[1]));
}
static void add(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct rows_case *c = context;
    s->add_f32(c->rows, c->cols, out_floats(&out[0]), stride(&out[0]), floats(&c->x), stride(&c->x));
}
static void gelu(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct rows_case *c = context;
    s->gelu_f32(c->rows, c->cols, out_floats(&out[0]), stride(&out[0]));
}

#define EPILOGUE(call, kernel)                                                                   \
    static void call(const struct so_kernels *s, const struct area *out, const void *context) {  \
        const struct rows_case *c = context;                                                     \
        s->kernel(c->rows, c->cols, (const int32_t *)(const void *)c->acc.data, stride(&c->acc), \
                  floats(&c->a_scale), floats(&c->gamma), floats(&c->beta), out_floats(&out[0]), \
                  stride(&out[0]));                                                              \
    }
EPILOGUE(dequantize, dequant_f32)
EPILOGUE(dequantize_add, dequant_add_f32)
EPILOGUE(dequantize_gelu, dequant_gelu_f32)

static void dequantize_gelu_quantize(const struct so_kernels *s, const struct area *out,
                                     const void *context) {
    const struct rows_case *c = context;
    s->dequant_gelu_q8(c->rows, c->cols, (const int32_t *)(const void *)c->acc.data, stride(&c->acc),
                       floats(&c->a_scale), floats(&c->gamma), floats(&c->beta), out_floats(&out[2]),
                       out[0].data, out[0].stride_bytes, out_floats(&out[1]));
}

static struct area new_floats(size_t rows, size_t cols, size_t gap, enum float_pattern pattern) {
    struct area a = area_new(rows, cols * sizeof(float), (cols + gap) * sizeof(float));
    area_fill_floats(&a, pattern);
    return a;
}

static void check_case(size_t rows, size_t cols, enum float_pattern pattern, bool same) {
    struct rows_case c = {.rows = rows, .cols = cols};
    const size_t gap = random_bits() % 6, out_gap = random_bits() % 6;
    c.x = new_floats(rows, cols, gap, pattern), c.y = new_floats(rows, cols, 0, pattern);
    c.acc = area_new(rows, cols * 4, (cols + gap) * 4), area_fill_s32(&c.acc, 1 + (int)(random_bits() % 31));
    c.gamma = new_floats(1, cols, 0, pattern == FLOATS_LARGE ? FLOATS_UNIFORM : pattern);
    c.beta = new_floats(1, cols, 0, pattern),
    c.a_scale = new_floats(1, rows, 0, pattern == FLOATS_LARGE ? FLOATS_TINY : pattern);

    const struct output bytes = {rows, cols, cols + out_gap, NULL}, scale = {1, rows * 4, rows * 4, NULL};
    const struct output row_floats = {rows, cols * 4, (cols + out_gap) * 4, NULL},
                        scratch = {1, cols * 4, cols * 4, NULL};
    const struct output in_place = {rows, cols * 4, (cols + out_gap) * 4, &c.y};
    char what[80];
#define COMPARE(call, ...)                                                                           \
    snprintf(what, sizeof what, #call " of %zu x %zu, %s", rows, cols, float_pattern_name(pattern)); \
    compare_levels(what, same, call, &c, (const struct output[]){__VA_ARGS__},                       \
                   sizeof((const struct output[]){__VA_ARGS__}) / sizeof(struct output))
    COMPARE(quantize, bytes, scale);
    COMPARE(layernorm, row_floats);
    COMPARE(layernorm_quantize, bytes, scale);
    COMPARE(add, in_place);
    COMPARE(gelu, in_place);
    COMPARE(dequantize, row_floats);
    COMPARE(dequantize_add, in_place);
    COMPARE(dequantize_gelu, row_floats);
    COMPARE(dequantize_gelu_quantize, bytes, scale, scratch);
#undef COMPARE
    area_free(&c.x), area_free(&c.y), area_free(&c.acc), area_free(&c.gamma), area_free(&c.beta),
        area_free(&c.a_scale);
}

static void row_kernels_agree_for_every_finite_input(void **state) {
    (void)state;
    random_seed(1);
    for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        for (size_t cols = 16; cols <= 128; cols += 16)
            check_case(1 + random_bits() % 6, cols, (enum float_pattern)pattern, true);
    check_case(5, 512, FLOATS_UNIFORM, true);
    check_case(3, 2048, FLOATS_SPREAD, true);
    check_case(2, 5120, FLOATS_UNIFORM, true);
}

static void row_kernels_survive_overflow_and_values_that_are_not_finite(void **state) {
    (void)state;
    random_seed(2);
    for (size_t i = 0; i < 20; i++) {
        check_case(3, 16 + 16 * (random_bits() % 5), FLOATS_HUGE, false);
        check_case(3, 16 + 16 * (random_bits() % 5), FLOATS_NOT_FINITE, false);
    }
}

static void quantisation_rounds_to_nearest_with_ties_to_even(void **state) {
    (void)state;
    /* The largest value is 127, so that values are their own quotients. */
    float x[16] = {127.0f, 0.5f,    1.5f,   2.5f,   -0.5f,   -1.5f, -2.5f, 0.49f,
                   0.51f,  -126.5f, 125.5f, 126.5f, -127.0f, 0.0f,  -0.0f, 1e-30f};
    const int expected[16] = {127, 0, 2, 2, 0, -2, -2, 0, 1, -126, 126, 126, -127, 0, 0, 0};
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        uint8_t q[16];
        float scale;
        (*level)->quantize_q8(1, 16, x, 16, q, 16, &scale);
        assert_true(scale == 1.0f);
        for (int i = 0; i < 16; i++) assert_int_equal(q[i], expected[i] + 128);
    }
}

static void quantisation_of_a_row_without_values_is_zero(void **state) {
    (void)state;
    for (int denormal = 0; denormal < 2; denormal++)
        for (const struct so_kernels *const *level = levels(); *level; level++) {
            float x[32], scale = 7.0f;
            uint8_t q[32];
            for (int i = 0; i < 32; i++) x[i] = denormal ? (float)(i - 16) * FLT_TRUE_MIN : -0.0f;
            (*level)->quantize_q8(1, 32, x, 32, q, 32, &scale);
            assert_true(scale == 0.0f);
            for (int i = 0; i < 32; i++) assert_int_equal(q[i], 128);
        }
}

static void quantisation_is_within_half_a_step(void **state) {
    (void)state;
    static const enum float_pattern patterns[] = {FLOATS_UNIFORM, FLOATS_LARGE, FLOATS_SPREAD, FLOATS_HUGE};
    random_seed(3);
    for (size_t p = 0; p < 4; p++) {
        struct area x = new_floats(1, 512, 0, patterns[p]);
        for (const struct so_kernels *const *level = levels(); *level; level++) {
            uint8_t q[512];
            float scale;
            (*level)->quantize_q8(1, 512, floats(&x), 512, q, 512, &scale);
            for (int i = 0; i < 512; i++) {
                assert_true(q[i] >= 1);
                assert_true(fabs((q[i] - 128) * (double)scale - floats(&x)[i]) <= 0.50001 * scale);
            }
        }
        area_free(&x);
    }
}

static void layer_norm_is_that_of_the_paper(void **state) {
    (void)state;
    random_seed(4);
    enum { COLS = 512 };
    struct area x = new_floats(1, COLS, 0, FLOATS_UNIFORM), gamma = new_floats(1, COLS, 0, FLOATS_UNIFORM);
    struct area beta = new_floats(1, COLS, 0, FLOATS_UNIFORM);
    double mean = 0, variance = 0;
    for (int i = 0; i < COLS; i++) mean += floats(&x)[i] / (double)COLS;
    for (int i = 0; i < COLS; i++) variance += (floats(&x)[i] - mean) * (floats(&x)[i] - mean) / COLS;
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        float y[COLS], scale;
        uint8_t q[COLS];
        (*level)->layernorm_f32(1, COLS, floats(&x), COLS, floats(&gamma), floats(&beta), y, COLS);
        (*level)->layernorm_q8(1, COLS, floats(&x), COLS, floats(&gamma), floats(&beta), q, COLS, &scale);
        for (int i = 0; i < COLS; i++) {
            const double exact =
                (floats(&x)[i] - mean) / sqrt(variance + 1e-5) * floats(&gamma)[i] + floats(&beta)[i];
            assert_true(fabs(y[i] - exact) < 1e-5);
            assert_true(fabs((q[i] - 128) * (double)scale - exact) < 0.5001 * scale + 1e-5);
        }
    }
    area_free(&x), area_free(&gamma), area_free(&beta);
}

static void epilogue_is_scale_bias_and_gelu(void **state) {
    (void)state;
    random_seed(5);
    enum { COLS = 64 };
    struct area acc = area_new(1, COLS * 4, COLS * 4), w = new_floats(1, COLS, 0, FLOATS_UNIFORM);
    struct area bias = new_floats(1, COLS, 0, FLOATS_UNIFORM);
    area_fill_s32(&acc, 20);
    const int32_t *sums = (const int32_t *)(const void *)acc.data;
    const float a_scale = 1e-6f;
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        float y[COLS], added[COLS], activated[COLS], scratch[COLS], scale;
        uint8_t q[COLS];
        for (int i = 0; i < COLS; i++) added[i] = (float)i;
        (*level)->dequant_f32(1, COLS, sums, COLS, &a_scale, floats(&w), floats(&bias), y, COLS);
        (*level)->dequant_add_f32(1, COLS, sums, COLS, &a_scale, floats(&w), floats(&bias), added, COLS);
        (*level)->dequant_gelu_f32(1, COLS, sums, COLS, &a_scale, floats(&w), floats(&bias), activated, COLS);
        (*level)->dequant_gelu_q8(1, COLS, sums, COLS, &a_scale, floats(&w), floats(&bias), scratch, q, COLS,
                                  &scale);
        for (int i = 0; i < COLS; i++) {
            const double v = sums[i] * (double)a_scale * floats(&w)[i] + floats(&bias)[i];
            const double g = v * 0.5 * erfc(-v * sqrt(0.5));
            assert_true(fabs(y[i] - v) < 2e-6);
            assert_true(fabs(added[i] - i - v) < 1e-5);
            assert_true(fabs(activated[i] - g) < 4e-6);
            assert_true(fabs((q[i] - 128) * (double)scale - g) < 0.5001 * scale + 4e-6);
        }
    }
    area_free(&acc), area_free(&w), area_free(&bias);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_kernels_agree_for_every_finite_input),
        cmocka_unit_test(row_kernels_survive_overflow_and_values_that_are_not_finite),
        cmocka_unit_test(quantisation_rounds_to_nearest_with_ties_to_even),
        cmocka_unit_test(quantisation_of_a_row_without_values_is_zero),
        cmocka_unit_test(quantisation_is_within_half_a_step),
        cmocka_unit_test(layer_norm_is_that_of_the_paper),
        cmocka_unit_test(epilogue_is_scale_bias_and_gelu)};
    return run_kernel_tests("rows", tests, sizeof tests / sizeof *tests, argc, argv);
}
