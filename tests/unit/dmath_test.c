#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/dmath.h"

static void exp_and_log_agree_with_the_c_library(void **unused) {
    (void)unused;
    for (double x = -700; x < 709; x += 0.00831) {
        double want = exp(x);
        assert_true(fabs(so_exp(x) - want) <= 4e-16 * want);
        assert_true(fabs(so_log(want) - x) <= 4e-16 * fmax(1.0, fabs(x)));
    }
    for (double x = 0.5; x < 2; x += 0.000123) assert_true(fabs(so_log(x) - log(x)) <= 4e-16 * fabs(log(x)) + 1e-300);
}

static void edges_of_exp_and_log(void **unused) {
    (void)unused;
    assert_true(so_exp(0) == 1.0);
    assert_true(so_exp(-1000) == 0.0);
    assert_true(isinf(so_exp(1000)));
    assert_true(isnan(so_exp(NAN)));
    assert_true(so_exp(-740) > 0 && so_exp(-740) < 1e-320);
    assert_true(so_log(1) == 0.0);
    assert_true(so_log(0) == -INFINITY);
    assert_true(so_log(INFINITY) == INFINITY);
    assert_true(isnan(so_log(-1)));
    assert_true(fabs(so_log(1e-310) - log(1e-310)) < 1e-12);
}

static void sine_and_cosine_of_pi_times_x(void **unused) {
    (void)unused;
    for (double x = -9; x < 9; x += 0.000931) {
        assert_true(fabs(so_sin_pi(x) - (double)sinl(3.14159265358979323846264338327950288L * x)) < 5e-16);
        assert_true(fabs(so_cos_pi(x) - (double)cosl(3.14159265358979323846264338327950288L * x)) < 5e-16);
    }
    assert_true(so_sin_pi(1e6) == 0.0 && so_sin_pi(0.5) == 1.0 && so_sin_pi(-1.5) == 1.0);
    assert_true(so_cos_pi(0) == 1.0 && so_cos_pi(7) == -1.0 && so_cos_pi(2.5) == 0.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_log_agree_with_the_c_library),
        cmocka_unit_test(edges_of_exp_and_log),
        cmocka_unit_test(sine_and_cosine_of_pi_times_x),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
