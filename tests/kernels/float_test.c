/** Float products, reductions and elementary functions: the same bytes at every level, and close to the exact
 * values. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const float *floats(const struct area *a) {
    return (const float *)(const void *)a->data;
}
static float *out_floats(const struct area *a) {
    return (float *)(void *)a->data;
}

static struct area new_floats(size_t rows, size_t cols, size_t gap, enum float_pattern pattern) {
    struct area a = area_new(rows, cols * sizeof(float), (cols + gap) * sizeof(float));
    area_fill_floats(&a, pattern);
    return a;
}

/* ---- product ---- */

struct product_case {
    size_t m, n, k, ldc;
    struct area a, b, bias;
    bool biased;
};

static void multiply(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct product_case *c = context;
    s->gemm_f32(c->m, c->n, c->k, floats(&c->a), c->a.stride_bytes / 4, floats(&c->b),
                c->biased ? floats(&c->bias) : NULL, out_floats(&out[0]), c->ldc);
}

static void check_product(size_t m, size_t n, size_t k, enum float_pattern pattern, bool biased, bool same) {
    const size_t columns = (n + 15) / 16 * 16;
    struct product_case c = {.m = m, .n = n, .k = k, .ldc = columns + random_bits() % 5, .biased = biased};
    c.a = new_floats(m, k, random_bits() % 5, pattern), c.b = new_floats(1, columns * k, 0, pattern);
    c.bias = new_floats(1, columns, 0, pattern);
    const struct output y = {m, columns * 4, c.ldc * 4, NULL};
    char what[80];
    snprintf(what, sizeof what, "product %zu x %zu x %zu, %s", m, n, k, float_pattern_name(pattern));
    compare_levels(what, same, multiply, &c, &y, 1);

    struct area expected = area_new(m, columns * 4, c.ldc * 4);
    for (size_t r = 0; r < m; r++)
        for (size_t j = 0; j < columns; j++) {
            float sum = biased ? floats(&c.bias)[j] : 0.0f;
            for (size_t i = 0; i < k; i++)
                sum = fmaf(floats(&c.a)[r * (c.a.stride_bytes / 4) + i],
                           floats(&c.b)[(j / 16 * k + i) * 16 + j % 16], sum);
            out_floats(&expected)[r * c.ldc + j] = sum;
        }
    for (const struct so_kernels *const *level = levels(); same && *level; level++) {
        struct area out = area_new(m, columns * 4, c.ldc * 4);
        multiply(*level, &out, &c);
        area_same(&expected, &out, (*level)->level, what);
        area_free(&out);
    }
    area_free(&expected), area_free(&c.a), area_free(&c.b), area_free(&c.bias);
}

static void float_product_is_one_chain_of_multiply_adds(void **state) {
    (void)state;
    random_seed(1);
    for (size_t m = 1; m <= 26; m++)
        for (size_t n = 1; n <= 65; n += 16)
            check_product(m, n, 1 + random_bits() % 40, FLOATS_UNIFORM, n % 32 == 1, true);
    for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        check_product(7, 40, 33, (enum float_pattern)pattern, true, true);
    check_product(3, 17, 1536, FLOATS_UNIFORM, true, true);
    check_product(14, 40, 20, FLOATS_HUGE, true, false);
    check_product(14, 40, 20, FLOATS_NOT_FINITE, true, false);
}

/* ---- reductions ---- */

struct reduction_case {
    size_t n;
    struct area x, y;
};

static void reduce(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct reduction_case *c = context;
    const float results[3] = {s->max_f32(c->n, floats(&c->x)), s->sum_exp_f32(c->n, floats(&c->x), 3.0f),
                              s->dot_f32(c->n, floats(&c->x), floats(&c->y))};
    memcpy(out[0].data, results, sizeof results);
}

static void check_reductions(size_t n, enum float_pattern pattern, bool same) {
    struct reduction_case c = {n, new_floats(1, n, 0, pattern), new_floats(1, n, 0, pattern)};
    const struct output y = {1, 12, 12, NULL};
    char what[80];
    snprintf(what, sizeof what, "reductions of %zu, %s", n, float_pattern_name(pattern));
    compare_levels(what, same, reduce, &c, &y, 1);
    area_free(&c.x), area_free(&c.y);
}

static void reductions_agree_for_every_finite_input(void **state) {
    (void)state;
    random_seed(2);
    for (size_t n = 1; n <= 150; n++) check_reductions(n, (enum float_pattern)(n % FLOATS_PATTERNS), true);
    for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        check_reductions(51865, (enum float_pattern)pattern, true);
    check_reductions(99, FLOATS_HUGE, false);
    check_reductions(99, FLOATS_NOT_FINITE, false);
}

static void reductions_follow_their_definitions(void **state) {
    (void)state;
    random_seed(3);
    for (size_t n = 1; n <= 100; n++) {
        struct area x = new_floats(1, n, 0, FLOATS_UNIFORM), y = new_floats(1, n, 0, FLOATS_UNIFORM);
        float lanes[16] = {0}, largest = -INFINITY;
        double exponentials = 0;
        for (size_t i = 0; i < n; i++) {
            lanes[i % 16] = fmaf(floats(&x)[i], floats(&y)[i], lanes[i % 16]);
            largest = fmaxf(largest, floats(&x)[i]);
            exponentials += exp((double)floats(&x)[i] - 8.0);
        }
        for (int half = 8; half; half /= 2)
            for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
        for (const struct so_kernels *const *level = levels(); *level; level++) {
            assert_true((*level)->dot_f32(n, floats(&x), floats(&y)) == lanes[0]);
            assert_true((*level)->max_f32(n, floats(&x)) == largest);
            assert_true(fabs((*level)->sum_exp_f32(n, floats(&x), 8.0f) / exponentials - 1) < 1e-6);
        }
        area_free(&x), area_free(&y);
    }
}

/* ---- elementary functions, by the kernels that are nothing else ---- */

static void exponential_is_within_two_ten_millionths(void **state) {
    (void)state;
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        for (int i = -87000 + 1; i <= 88000; i += 7) {
            const float x = (float)i * 1e-3f;
            const double e = exp((double)x);
            assert_true(fabs((*level)->sum_exp_f32(1, &x, 0.0f) - e) <= 2e-7 * e);
        }
        const float zero = 0.0f, low[] = {-87.01f, -88.0f, -104.0f, -1e30f, -FLT_MAX};
        assert_true((*level)->sum_exp_f32(1, &zero, 0.0f) == 1.0f);
        for (int i = 0; i < 5; i++) assert_true((*level)->sum_exp_f32(1, &low[i], 0.0f) == 0.0f);
    }
}

static void gelu_is_the_exact_form(void **state) {
    (void)state;
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        float x[16], y[16];
        for (int i = -14000; i < 14000; i += 16) {
            for (int j = 0; j < 16; j++) x[j] = (float)(i + j) * 1e-3f;
            memcpy(y, x, sizeof y);
            (*level)->gelu_f32(1, 16, y, 16);
            for (int j = 0; j < 16; j++) {
                const double exact = 0.5 * x[j] * erfc(-x[j] * sqrt(0.5));
                assert_true(fabs(y[j] - exact) <= 5e-7 + 1e-7 * fabs(exact));
                /* Near zero gelu(x) is x / 2: there the error must shrink with x. */
                assert_true(fabs(y[j] - exact) <= 1e-5 * fabs(x[j]));
            }
        }
        const float far[16] = {0.0f, -0.0f, 100.0f, -100.0f, FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, -FLT_TRUE_MIN};
        memcpy(y, far, sizeof y);
        (*level)->gelu_f32(1, 16, y, 16);
        assert_true(y[0] == 0.0f && y[1] == 0.0f && y[2] == 100.0f && y[4] == FLT_MAX);
        assert_true(fabsf(y[3]) < 1e-30f && fabsf(y[5]) < 1e-30f);
        assert_true(fabsf(y[6]) <= FLT_TRUE_MIN && fabsf(y[7]) <= FLT_TRUE_MIN);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(float_product_is_one_chain_of_multiply_adds),
                                       cmocka_unit_test(reductions_agree_for_every_finite_input),
                                       cmocka_unit_test(reductions_follow_their_definitions),
                                       cmocka_unit_test(exponential_is_within_two_ten_millionths),
                                       cmocka_unit_test(gelu_is_the_exact_form)};
    return run_kernel_tests("float", tests, sizeof tests / sizeof *tests, argc, argv);
}
