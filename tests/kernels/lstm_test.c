/** Kernels of small recurrent networks: the same bytes at every level, and the values that their definitions give. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct lstm_case {
    size_t n;
    struct area a, b;
};

static const float *floats(const struct area *a) { return (const float *)(const void *)a->data; }
static float *out_floats(const struct area *a) { return (float *)(void *)a->data; }

static void relu(const struct so_kernels *s, const struct area *out, const void *context)
{
    s->relu_f32(((const struct lstm_case *)context)->n, out_floats(&out[0]));
}
static void sigmoid(const struct so_kernels *s, const struct area *out, const void *context)
{
    s->sigmoid_f32(((const struct lstm_case *)context)->n, out_floats(&out[0]));
}
static void magnitude(const struct so_kernels *s, const struct area *out, const void *context)
{
    const struct lstm_case *c = context;
    s->magnitude_f32(c->n, floats(&c->a), floats(&c->b), out_floats(&out[0]));
}
static void cell(const struct so_kernels *s, const struct area *out, const void *context)
{
    const struct lstm_case *c = context;
    s->lstm_cell(c->n, floats(&c->a), out_floats(&out[0]), out_floats(&out[1]));
}

static struct area new_floats(size_t n, enum float_pattern pattern)
{
    struct area a = area_new(1, n * sizeof(float), n * sizeof(float));
    area_fill_floats(&a, pattern);
    return a;
}

static struct output output_like(const struct area *initial, size_t n)
{
    return (struct output){1, n * sizeof(float), n * sizeof(float), initial};
}

static void check_elementwise(size_t n, enum float_pattern pattern, bool same)
{
    struct lstm_case c = {.n = n, .a = new_floats(n, pattern), .b = new_floats(n, pattern)};
    const struct output in_place = output_like(&c.a, n), fresh = output_like(NULL, n);
    compare_levels("relu_f32", same, relu, &c, &in_place, 1);
    compare_levels("sigmoid_f32", same, sigmoid, &c, &in_place, 1);
    compare_levels("magnitude_f32", same, magnitude, &c, &fresh, 1);
    area_free(&c.a);
    area_free(&c.b);
}

static void check_cell(size_t n, enum float_pattern gates, enum float_pattern state, bool same)
{
    struct lstm_case c = {.n = n, .a = new_floats(4 * n, gates), .b = new_floats(n, state)};
    const struct output outputs[] = {output_like(&c.b, n), output_like(NULL, n)};
    compare_levels("lstm_cell", same, cell, &c, outputs, 2);
    area_free(&c.a);
    area_free(&c.b);
}

static void every_level_gives_the_bytes_of_plain_c(void **unused)
{
    (void)unused;
    for (enum float_pattern pattern = 0; pattern < FLOATS_PATTERNS; pattern++) {
        for (size_t n = 1; n <= 67; n++) check_elementwise(n, pattern, true);
        for (size_t n = 16; n <= 160; n += 16) check_cell(n, pattern, pattern, true), check_cell(n, pattern, FLOATS_UNIFORM, true);
    }
}

/* NaN payloads and signs are the CPU's own, so only the guard bytes are looked at. */
static void values_that_are_not_finite_do_no_harm(void **unused)
{
    (void)unused;
    for (enum float_pattern pattern = FLOATS_HUGE; pattern <= FLOATS_NOT_FINITE; pattern++) {
        for (size_t n = 1; n <= 33; n++) check_elementwise(n, pattern, false);
        check_cell(128, pattern, pattern, false);
    }
}

static double logistic(double x) { return 1.0 / (1.0 + exp(-x)); }

static void the_cell_is_within_its_error_of_the_definition(void **unused)
{
    (void)unused;
    enum { N = 1600 };
    static float gates[4 * N], c[N], h[N];
    for (size_t i = 0; i < 4 * N; i++) gates[i] = (float)((int32_t)random_bits() * 0x1p-31) * (i % 7 ? 12.0f : 0.01f);
    for (size_t i = 0; i < N; i++) c[i] = (float)((int32_t)random_bits() * 0x1p-30);
    double expected_c[N], expected_h[N];
    for (size_t i = 0; i < N; i++) {
        expected_c[i] = logistic(gates[N + i]) * c[i] + logistic(gates[i]) * tanh(gates[2 * N + i]);
        expected_h[i] = logistic(gates[3 * N + i]) * tanh(expected_c[i]);
    }
    reference()->lstm_cell(N, gates, c, h);
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(c[i] - expected_c[i]) < 1.2e-6); /* three factors, |c| <= 2 */
        assert_true(fabs(h[i] - expected_h[i]) < 1.5e-6);
    }
}

static void the_logistic_function_is_right_from_end_to_end(void **unused)
{
    (void)unused;
    for (int i = -1200; i <= 1200; i++) {
        float x = (float)i * 0.0731f;
        const double expected = logistic(x);
        reference()->sigmoid_f32(1, &x);
        assert_true(fabs(x - expected) <= 3e-7 * fmax(expected, 1e-30));
    }
    float extremes[] = {-INFINITY, -3e38f, 3e38f, INFINITY, NAN};
    reference()->sigmoid_f32(5, extremes);
    assert_true(extremes[0] >= 0 && extremes[0] < 1e-37f && extremes[1] >= 0 && extremes[1] < 1e-37f);
    assert_true(extremes[2] == 1.0f && extremes[3] == 1.0f);
    assert_true(extremes[4] >= 0.0f && extremes[4] < 1e-37f);
}

static void rectifier_and_magnitude_are_what_they_say(void **unused)
{
    (void)unused;
    float x[] = {-1.5f, -0.0f, 0.0f, 2.5f, NAN, -INFINITY, INFINITY};
    reference()->relu_f32(7, x);
    const float expected[] = {0, 0, 0, 2.5f, 0, 0, INFINITY};
    assert_memory_equal(x, expected, sizeof x);
    const float re[] = {3, 0, -5, 1e-3f}, im[] = {4, -2, 12, 0};
    float y[4];
    reference()->magnitude_f32(4, re, im, y);
    assert_true(y[0] == 5 && y[1] == 2 && y[2] == 13 && fabsf(y[3] - 1e-3f) < 1e-9f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_gives_the_bytes_of_plain_c),
        cmocka_unit_test(values_that_are_not_finite_do_no_harm),
        cmocka_unit_test(the_cell_is_within_its_error_of_the_definition),
        cmocka_unit_test(the_logistic_function_is_right_from_end_to_end),
        cmocka_unit_test(rectifier_and_magnitude_are_what_they_say),
    };
    return run_kernel_tests("kernels_lstm", tests, sizeof tests / sizeof *tests, argc, argv);
}
