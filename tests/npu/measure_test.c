/* What benchmarks report: percentiles from the histogram of times, and word error rates. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/stats.h"
#include "backend/xdna/plan.h"
#include "cli/wer.h"
#include "util/meter.h"

static void percentiles_are_within_a_bucket(void **state) {
    (void)state;
    struct so_times t = {0};
    assert_true(so_times_percentile(&t, 0.5) == 0 && so_times_mean(&t) == 0);
    for (int i = 1; i <= 1000; i++) so_times_add(&t, i * 1e-4); /* 0.1 ms to 100 ms */
    static const double shares[] = {0.01, 0.1, 0.5, 0.95, 0.99};
    for (size_t i = 0; i < 5; i++) {
        double exact = shares[i] * 0.1, got = so_times_percentile(&t, shares[i]);
        assert_true(got >= exact * 0.999 && got <= exact * 1.1);
    }
    assert_true(so_times_percentile(&t, 1) == t.maximum);
    assert_true(fabs(so_times_mean(&t) - 0.05005) < 1e-9);
    so_times_add(&t, 1e9); /* longer than the last bucket begins */
    so_times_add(&t, -1);  /* a clock that went backwards counts as no time */
    assert_true(t.minimum == 0 && so_times_percentile(&t, 1) == 1e9);
}

static void words_are_compared_without_case_and_punctuation(void **state) {
    (void)state;
    assert_true(so_word_error_rate("", "") == 0);
    assert_true(so_word_error_rate("", "word") == 100);
    assert_true(so_word_error_rate("The cat, sat.", "the CAT sat") == 0);
    assert_true(so_word_error_rate("one two three four", "one three four") == 25);          /* deletion */
    assert_true(so_word_error_rate("one two three four", "one two or three four") == 25);   /* insertion */
    assert_true(so_word_error_rate("one two three four", "one too three for") == 50);       /* substitutions */
    assert_true(so_word_error_rate("don't", "dont") == 100);
}

static void plans_count_what_a_window_takes(void **state) {
    (void)state;
    const struct so_hparams base = {80, 1500, 512, 8, 6, 448, 512, 8, 6, 51865};
    struct so_plan gemm = so_plan_window(SO_KERNEL_GEMM, &base), tile = so_plan_window(SO_KERNEL_TILE16, &base);
    assert_int_equal(gemm.products, 48); /* 36 of the encoder, 12 cross keys and values */
    assert_int_equal(gemm.dispatches, 6 * 4 * 2 + 1 + 1); /* layers' products in two parts; the convolution; cross keys and values */
    assert_int_equal(tile.products, 48);
    assert_int_equal(tile.dispatches, 6930432 + 1155072 + 288768);
    struct so_plan one = {0};
    so_plan_product(&one, SO_KERNEL_TILE16, 1500, 512, 512, true);
    assert_int_equal(one.dispatches, 96256);
    assert_true(one.seconds > 46 && one.seconds < 47);
}

static void write_counter(const char *folder, const char *name, unsigned long long value) {
    char path[200];
    snprintf(path, sizeof path, "%s/intel-rapl:0/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%llu\n", value);
    fclose(file);
}

static void energy_is_a_difference_of_counters_that_run_around(void **state) {
    (void)state;
    char folder[] = "/tmp/sotto-rapl-XXXXXX", package[100], path[140];
    struct so_energy from, to, none;
    assert_non_null(mkdtemp(folder));
    snprintf(package, sizeof package, "%s/intel-rapl:0", folder);
    so_energy_read(folder, &none);
    assert_int_equal(none.n, 0);
    assert_int_equal(mkdir(package, 0700), 0);
    write_counter(folder, "max_energy_range_uj", 10000000);
    write_counter(folder, "energy_uj", 7000000);
    so_energy_read(folder, &from);
    write_counter(folder, "energy_uj", 9500000);
    so_energy_read(folder, &to);
    assert_int_equal(from.n, 1);
    assert_true(fabs(so_energy_between(&from, &to) - 2.5) < 1e-9);
    write_counter(folder, "energy_uj", 1000000); /* around */
    so_energy_read(folder, &to);
    assert_true(fabs(so_energy_between(&from, &to) - 4) < 1e-9);
    assert_true(isnan(so_energy_between(&none, &to)) && isnan(so_energy_between(&from, &none))); /* never a figure out of nothing */
    static const char *const names[] = {"/energy_uj", "/max_energy_range_uj", ""};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", package, names[i]);
        remove(path);
    }
    remove(folder);
}

static void the_peak_of_memory_is_seen(void **state) {
    (void)state;
    enum { SIZE = 64 << 20 };
    so_memory_peak_reset();
    uint64_t before = so_memory_peak();
    volatile char *block = malloc(SIZE);
    assert_non_null(block);
    for (size_t i = 0; i < SIZE; i += 4096) block[i] = 1;
    assert_true(so_memory_peak() >= before + SIZE / 2);
    free((void *)(uintptr_t)block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_a_bucket),
        cmocka_unit_test(words_are_compared_without_case_and_punctuation),
        cmocka_unit_test(plans_count_what_a_window_takes),
        cmocka_unit_test(energy_is_a_difference_of_counters_that_run_around),
        cmocka_unit_test(the_peak_of_memory_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
