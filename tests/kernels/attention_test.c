/** Kernels of attention: the same bytes at every level, and the values that their definitions give. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const float *floats(const struct area *a) {
    return (const float *)(const void *)a->data;
}
static const int32_t *ints(const struct area *a) {
    return (const int32_t *)(const void *)a->data;
}
static float *out_floats(const struct area *a) {
    return (float *)(void *)a->data;
}
static int32_t *out_ints(const struct area *a) {
    return (int32_t *)(void *)a->data;
}

static struct area new_floats(size_t rows, size_t cols, size_t gap, enum float_pattern pattern) {
    struct area a = area_new(rows, cols * sizeof(float), (cols + gap) * sizeof(float));
    area_fill_floats(&a, pattern);
    return a;
}

/* ---- keys and values to panels ---- */

struct pack_case {
    size_t rows, d;
    struct area x;
};

static void pack_keys(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct pack_case *c = context;
    s->pack_keys_s8(c->rows, c->d, floats(&c->x), c->x.stride_bytes / 4, (int8_t *)out[0].data,
                    out_ints(&out[1]), out_floats(&out[2]));
}
static void pack_values(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct pack_case *c = context;
    s->pack_values_s8(c->rows, c->d, floats(&c->x), c->x.stride_bytes / 4, (int8_t *)out[0].data,
                      out_ints(&out[1]), out_floats(&out[2]));
}

static void check_packing(size_t rows, size_t d, enum float_pattern pattern, bool same) {
    struct pack_case c = {rows, d, new_floats(rows, d, random_bits() % 9, pattern)};
    const size_t positions = (rows + 15) / 16 * 16, keys = positions * d, values = d * ((rows + 3) / 4 * 4);
    const struct output key_outputs[] = {{1, keys, keys, NULL},
                                         {1, positions * 4, positions * 4, NULL},
                                         {1, positions * 4, positions * 4, NULL}};
    const struct output value_outputs[] = {
        {1, values, values, NULL}, {1, d * 4, d * 4, NULL}, {1, d * 4, d * 4, NULL}};
    char what[80];
    snprintf(what, sizeof what, "keys %zu x %zu, %s", rows, d, float_pattern_name(pattern));
    compare_levels(what, same, pack_keys, &c, key_outputs, 3);
    snprintf(what, sizeof what, "values %zu x %zu, %s", rows, d, float_pattern_name(pattern));
    compare_levels(what, same, pack_values, &c, value_outputs, 3);
    area_free(&c.x);
}

static void packing_agrees_for_every_finite_input(void **state) {
    (void)state;
    random_seed(1);
    for (size_t rows = 1; rows <= 36; rows++)
        for (size_t d = 16; d <= 80; d += 16)
            check_packing(rows, d, (enum float_pattern)(random_bits() % FLOATS_PATTERNS), true);
    for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        check_packing(50, 64, (enum float_pattern)pattern, true);
    check_packing(1500, 64, FLOATS_UNIFORM, true);
    check_packing(37, 64, FLOATS_HUGE, true);
    check_packing(37, 64, FLOATS_NOT_FINITE, false);
}

static void packed_elements_are_where_the_layout_says(void **state) {
    (void)state;
    random_seed(2);
    enum { ROWS = 21, D = 32 };
    struct area x = new_floats(ROWS, D, 0, FLOATS_UNIFORM);
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        _Alignas(64) int8_t keys[32 * D], values[D * 24];
        int32_t key_sum[32], value_sum[D];
        float key_scale[32], value_scale[D];
        (*level)->pack_keys_s8(ROWS, D, floats(&x), D, keys, key_sum, key_scale);
        (*level)->pack_values_s8(ROWS, D, floats(&x), D, values, value_sum, value_scale);
        for (int r = 0; r < 32; r++) {
            int32_t sum = 0;
            for (int c = 0; c < D; c++) {
                const int q = keys[((r / 16 * (D / 4) + c / 4) * 16 + r % 16) * 4 + c % 4];
                sum += q;
                if (r < ROWS)
                    assert_true(fabs(q * (double)key_scale[r] - floats(&x)[r * D + c]) <=
                                0.50001 * key_scale[r]);
                else
                    assert_int_equal(q, 0);
            }
            assert_int_equal(key_sum[r], -128 * sum);
            if (r >= ROWS) assert_true(key_scale[r] == 0.0f);
        }
        for (int c = 0; c < D; c++) {
            int32_t sum = 0;
            for (int r = 0; r < 24; r++) {
                const int q = values[((c / 16 * 6 + r / 4) * 16 + c % 16) * 4 + r % 4];
                sum += q;
                if (r < ROWS)
                    assert_true(fabs(q * (double)value_scale[c] - floats(&x)[r * D + c]) <=
                                0.50001 * value_scale[c]);
                else
                    assert_int_equal(q, 0);
            }
            assert_int_equal(value_sum[c], -128 * sum);
        }
    }
    area_free(&x);
}

/* ---- softmax ---- */

struct softmax_case {
    size_t n;
    float scale;
    struct area acc, k_scale, x;
};

static void softmax_bytes(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct softmax_case *c = context;
    const uint32_t sum = s->softmax_q8(c->n, ints(&c->acc), floats(&c->k_scale), c->scale, out[0].data);
    memcpy(out[1].data, &sum, 4);
}
static void softmax_accumulators(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct softmax_case *c = context;
    const float sum =
        s->softmax_s32_f32(c->n, ints(&c->acc), floats(&c->k_scale), c->scale, out_floats(&out[0]));
    memcpy(out[1].data, &sum, 4);
}
static void softmax_in_place(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct softmax_case *c = context;
    const float sum = s->softmax_f32(c->n, out_floats(&out[0]), c->scale);
    memcpy(out[1].data, &sum, 4);
}

static void check_softmax(size_t n, float scale, enum float_pattern pattern, bool same) {
    const size_t padded = (n + 15) / 16 * 16, bytes = (n + 3) / 4 * 4;
    struct softmax_case c = {n, scale, area_new(1, n * 4, n * 4), new_floats(1, n, 0, pattern),
                             new_floats(1, padded, 0, pattern)};
    area_fill_s32(&c.acc, 24);
    const struct output sum = {1, 4, 4, NULL};
    char what[80];
    snprintf(what, sizeof what, "softmax of %zu, scale %g, %s", n, (double)scale,
             float_pattern_name(pattern));
    compare_levels(what, same, softmax_bytes, &c, (const struct output[]){{1, bytes, bytes, NULL}, sum}, 2);
    compare_levels(what, same, softmax_accumulators, &c,
                   (const struct output[]){{1, padded * 4, padded * 4, NULL}, sum}, 2);
    compare_levels(what, same, softmax_in_place, &c,
                   (const struct output[]){{1, padded * 4, padded * 4, &c.x}, sum}, 2);
    area_free(&c.acc), area_free(&c.k_scale), area_free(&c.x);
}

static void softmax_agrees_for_every_finite_input(void **state) {
    (void)state;
    static const float scales[] = {1e-6f, 1e-3f, 1.0f, 0.0f, 1e-40f, 3e38f};
    random_seed(3);
    for (size_t n = 1; n <= 130; n++) check_softmax(n, 1e-6f, FLOATS_UNIFORM, true);
    for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
        for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
            check_softmax(1 + random_bits() % 90, scales[i], (enum float_pattern)pattern, true);
    check_softmax(1500, 1e-7f, FLOATS_UNIFORM, true);
    check_softmax(1504, 1e-7f, FLOATS_UNIFORM, true);
}

static void softmax_survives_overflow_and_values_that_are_not_finite(void **state) {
    (void)state;
    random_seed(4);
    for (size_t i = 0; i < 10; i++) {
        check_softmax(1 + random_bits() % 90, 1.0f, FLOATS_HUGE, false);
        check_softmax(1 + random_bits() % 90, 1.0f, FLOATS_NOT_FINITE, false);
    }
}

static void softmax_is_the_exponential_relative_to_the_largest_score(void **state) {
    (void)state;
    random_seed(5);
    enum { N = 203, PADDED = 208 };
    struct area acc = area_new(1, N * 4, N * 4), k_scale = new_floats(1, N, 0, FLOATS_UNIFORM);
    area_fill_s32(&acc, 16);
    const float q_scale = 2e-5f;
    double t[N], largest = -INFINITY;
    for (int i = 0; i < N; i++) {
        t[i] = (double)((float)ints(&acc)[i] * floats(&k_scale)[i]);
        largest = t[i] > largest ? t[i] : largest;
    }
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        uint8_t bytes[204];
        float p[PADDED], x[PADDED];
        for (int i = 0; i < PADDED; i++) x[i] = i < N ? (float)t[i] : NAN;
        const uint32_t byte_sum = (*level)->softmax_q8(N, ints(&acc), floats(&k_scale), q_scale, bytes);
        const float sum = (*level)->softmax_s32_f32(N, ints(&acc), floats(&k_scale), q_scale, p);
        const float x_sum = (*level)->softmax_f32(N, x, q_scale);
        uint32_t expected_bytes = 0;
        double expected = 0;
        for (int i = 0; i < N; i++) {
            const double e = exp((t[i] - largest) * q_scale);
            assert_true(fabs(bytes[i] - 255 * e) < 0.502);
            assert_true(fabs(p[i] - e) < 2e-6);
            assert_true(x[i] == p[i]);
            expected_bytes += bytes[i], expected += e;
        }
        for (int i = N; i < PADDED; i++)
            assert_true(p[i] == 0.0f && x[i] == 0.0f && (i >= 204 || bytes[i] == 0));
        assert_int_equal(byte_sum, expected_bytes);
        assert_true(byte_sum >= 255);
        assert_true(sum == x_sum && fabs(sum - expected) < 1e-4);
    }
    area_free(&acc), area_free(&k_scale);
}

/* ---- products with values ---- */

struct values_case {
    size_t n, d, ldv;
    float factor;
    struct area w, v, bytes, acc, scale;
};

static void dequantize_values(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct values_case *c = context;
    s->dequant_values(c->d, ints(&c->acc), floats(&c->scale), c->factor, out_floats(&out[0]));
}
static void weigh_bytes(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct values_case *c = context;
    s->weighted_sum_s8(c->n, c->d, floats(&c->w), (const int8_t *)c->bytes.data, c->ldv, c->factor,
                       out_floats(&out[0]));
}
static void weigh_floats(const struct so_kernels *s, const struct area *out, const void *context) {
    const struct values_case *c = context;
    s->weighted_sum_f32(c->n, c->d, floats(&c->w), floats(&c->v), c->ldv, c->factor, out_floats(&out[0]));
}

static void check_values(size_t n, size_t d, enum float_pattern pattern, bool same) {
    const size_t ldv = d + random_bits() % 9;
    struct values_case c = {.n = n, .d = d, .ldv = ldv, .factor = 0.3f, .w = new_floats(1, n, 0, pattern)};
    c.v = new_floats(n, d, ldv - d, pattern), c.scale = new_floats(1, d, 0, pattern);
    c.bytes = area_new(n, d, ldv), c.acc = area_new(1, d * 4, d * 4);
    for (size_t r = 0; r < n; r++) fill_bytes(c.bytes.data + r * ldv, d, BYTES_RANDOM, false);
    area_seal(&c.bytes), area_fill_s32(&c.acc, 24);
    const struct output y = {1, d * 4, d * 4, NULL};
    char what[80];
    snprintf(what, sizeof what, "weighted sum of %zu x %zu, %s", n, d, float_pattern_name(pattern));
    compare_levels(what, same, dequantize_values, &c, &y, 1);
    compare_levels(what, same, weigh_bytes, &c, &y, 1);
    compare_levels(what, same, weigh_floats, &c, &y, 1);

    /* The definition, one multiply-add at a time. */
    float exact[256], from_bytes[256];
    for (size_t i = 0; same && i < d; i++) {
        float sum = 0, byte_sum = 0;
        for (size_t j = 0; j < n; j++) {
            sum = fmaf(floats(&c.w)[j], floats(&c.v)[j * ldv + i], sum);
            byte_sum = fmaf(floats(&c.w)[j], ((const int8_t *)c.bytes.data)[j * ldv + i], byte_sum);
        }
        exact[i] = sum * c.factor, from_bytes[i] = byte_sum * c.factor;
    }
    for (const struct so_kernels *const *level = levels(); same && *level; level++) {
        float y_floats[256], y_bytes[256];
        (*level)->weighted_sum_f32(n, d, floats(&c.w), floats(&c.v), ldv, c.factor, y_floats);
        (*level)->weighted_sum_s8(n, d, floats(&c.w), (const int8_t *)c.bytes.data, ldv, c.factor, y_bytes);
        assert_memory_equal(y_floats, exact, d * sizeof *exact);
        assert_memory_equal(y_bytes, from_bytes, d * sizeof *exact);
    }
    area_free(&c.w), area_free(&c.v), area_free(&c.scale), area_free(&c.bytes), area_free(&c.acc);
}

static void weighted_sums_agree_for_every_finite_input(void **state) {
    (void)state;
    random_seed(6);
    for (size_t d = 16; d <= 160; d += 16)
        for (int pattern = 0; pattern < FLOATS_PATTERNS; pattern++)
            check_values(1 + random_bits() % 40, d, (enum float_pattern)pattern, true);
    check_values(30, 64, FLOATS_HUGE, false);
    check_values(30, 80, FLOATS_NOT_FINITE, false);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_agrees_for_every_finite_input),
        cmocka_unit_test(packed_elements_are_where_the_layout_says),
        cmocka_unit_test(softmax_agrees_for_every_finite_input),
        cmocka_unit_test(softmax_survives_overflow_and_values_that_are_not_finite),
        cmocka_unit_test(softmax_is_the_exponential_relative_to_the_largest_score),
        cmocka_unit_test(weighted_sums_agree_for_every_finite_input)};
    return run_kernel_tests("attention", tests, sizeof tests / sizeof *tests, argc, argv);
}
