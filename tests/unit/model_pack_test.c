/** Weights to panels: layout, rounding, sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "model/pack.h"
#include "synthetic.h"

#define MOST_K 37

static void a_panel_holds_each_weight_at_its_place_and_zeros_elsewhere(void **state) {
    (void)state;
    for (size_t rows = 1; rows <= SO_PANEL; rows += 5)
        for (size_t k = 1; k <= MOST_K; k += 4) {
            float weights[SO_PANEL * MOST_K], panel[MOST_K * SO_PANEL], scale[SO_PANEL];
            int8_t q[(MOST_K + 3) / 4 * 4 * SO_PANEL];
            int32_t bsum[SO_PANEL];
            for (size_t i = 0; i < rows * k; i++)
                weights[i] = (float)((int64_t)(so_synthetic_random(1, k, i) % 2001) - 1000);
            so_pack_f32(weights, rows, k, panel);
            so_pack_s8(weights, rows, k, q, scale, bsum);
            for (size_t n = 0; n < SO_PANEL; n++) {
                int32_t sum = 0;
                float max = 0;
                for (size_t i = 0; i < k; i++) max = n < rows ? fmaxf(max, fabsf(weights[n * k + i])) : 0;
                assert_true(scale[n] == max / 127.0f);
                for (size_t i = 0; i < (k + 3) / 4 * 4; i++) {
                    int got = q[(i / 4 * SO_PANEL + n) * 4 + i % 4];
                    double want = n < rows && i < k && max > 0
                                      ? nearbyint((double)(weights[n * k + i] * (127.0f / max)))
                                      : 0;
                    assert_int_equal(got, (int)want);
                    assert_in_range(got + 127, 0, 254);
                    sum += got;
                    if (i < k) assert_true(panel[i * SO_PANEL + n] == (n < rows ? weights[n * k + i] : 0.0f));
                }
                assert_int_equal(bsum[n], -128 * sum);
            }
        }
}

static void the_largest_weight_becomes_127_and_halves_go_to_even(void **state) {
    (void)state;
    /* max 127: the factor is exactly 1, so each weight is rounded as it is. */
    static const float weights[] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, -127, 126.5f, 0.49999997f};
    static const int expected[] = {127, 0, 2, 2, 0, -2, -2, -127, 126, 0};
    int8_t panel[12 * SO_PANEL];
    float scale[SO_PANEL];
    int32_t bsum[SO_PANEL];
    so_pack_s8(weights, 1, 10, panel, scale, bsum);
    assert_true(scale[0] == 1.0f);
    for (size_t i = 0; i < 10; i++) assert_int_equal(panel[i / 4 * 64 + i % 4], expected[i]);
}

static void channels_of_any_size_stay_within_range(void **state) {
    (void)state;
    static const float sizes[] = {FLT_MAX, 1e30f, 1, 1e-20f, 1e-29f, 1e-31f, FLT_MIN, 1e-45f, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const float weights[4] = {sizes[i], -sizes[i], sizes[i] / 3, 0};
        int8_t panel[4 * SO_PANEL];
        float scale[SO_PANEL];
        int32_t bsum[SO_PANEL];
        so_pack_s8(weights, 1, 4, panel, scale, bsum);
        assert_true(isfinite(scale[0]) && scale[0] >= 0);
        const int top = sizes[i] < 1e-30f ? 0 : 127;
        assert_int_equal(panel[0], top);
        assert_int_equal(panel[1], -top);
        assert_int_equal(panel[2], top / 3);
        assert_int_equal(panel[3], 0);
        assert_true((scale[0] > 0) == (top > 0));
    }
}

static void a_filter_is_turned_tap_by_tap(void **state) {
    (void)state;
    static const float filter[] = {1, 2, 3, 10, 20, 30}, expected[] = {1, 10, 2, 20, 3, 30};
    float out[6];
    so_pack_taps(filter, 2, out);
    assert_memory_equal(out, expected, sizeof out);
}

static void what_is_not_finite_is_seen_anywhere(void **state) {
    (void)state;
    float values[100] = {0};
    assert_true(so_all_finite(values, 100));
    values[50] = -FLT_MAX;
    assert_true(so_all_finite(values, 100));
    for (size_t i = 0; i < 100; i += 33) {
        values[i] = i % 2 ? NAN : -INFINITY;
        assert_false(so_all_finite(values, 100));
        values[i] = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_panel_holds_each_weight_at_its_place_and_zeros_elsewhere),
        cmocka_unit_test(the_largest_weight_becomes_127_and_halves_go_to_even),
        cmocka_unit_test(channels_of_any_size_stay_within_range),
        cmocka_unit_test(a_filter_is_turned_tap_by_tap),
        cmocka_unit_test(what_is_not_finite_is_seen_anywhere),
    };
    return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
