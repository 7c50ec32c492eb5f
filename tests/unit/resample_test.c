/**
 * The resampler against its promises: pass band, stop band, delay, length, and no trace of how the input was
 * cut.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio/resample.h"
#include "backend/cpu/kernels.h"
#include "util/compiler.h"

#define PI 3.14159265358979323846
#define LONGEST 400000

static float input[LONGEST], output[LONGEST], again[LONGEST];

/** Everything at once, or `cut` samples at a time with room for `room` results. Returns how many came out. */
static size_t resample(uint32_t from, uint32_t to, const float *in, size_t n, float *out, size_t cut,
                       size_t room) {
    struct so_resampler *r;
    sotto_error err = {0};
    if (so_resampler_create(from, to, &r, &err) != SOTTO_OK) fail_msg("%s", err.message);
    size_t total = 0, got = 0;
    for (size_t i = 0; i <= n;) {
        size_t step = n - i < cut ? n - i : cut;
        const float *part = step ? in + i : NULL; /* NULL at the end */
        do {
            size_t left = LONGEST - total < room ? LONGEST - total : room;
            assert_int_equal(so_resampler_process(r, part, step, out + total, left, &got, &err), SOTTO_OK);
            total += got;
            if (part) part = in;
            step = 0;
        } while (got);
        if (!part) break;
        i += n - i < cut ? n - i : cut;
    }
    so_resampler_free(r);
    return total;
}

static void make_sine(double hz, uint32_t rate, size_t n) {
    for (size_t i = 0; i < n; i++) input[i] = (float)sin(2 * PI * hz * (double)i / rate);
}

/** Results at each end that the filter's half length reaches: 100 samples of the lower rate. */
static size_t border(uint32_t from, uint32_t to) {
    return 100 * (from < to ? to / from + 1 : 1);
}

/**
 * A sine of `hz` against the same sine at the other rate, away from the ends: the error's amplitude in dB.
 * With `expect_silence` the output itself is the error.
 */
static double error_db(uint32_t from, uint32_t to, double hz, int expect_silence) {
    size_t n = from / (from < 8000 ? 4 : 10), edge = border(from, to);
    make_sine(hz, from, n);
    size_t got = resample(from, to, input, n, output, n, LONGEST);
    double worst = 0;
    for (size_t i = edge; i + edge < got; i++) {
        double error = output[i] - (expect_silence ? 0 : sin(2 * PI * hz * (double)i / to));
        worst = fmax(worst, fabs(error));
    }
    return 20 * log10(worst + 1e-12);
}

static const uint32_t pairs[][2] = {
    {8000, 16000},  {11025, 16000}, {12000, 16000}, {22050, 16000},  {24000, 16000}, {32000, 16000},
    {44100, 16000}, {48000, 16000}, {96000, 16000}, {192000, 16000}, {44056, 16000}, {47999, 16000},
    {15999, 16000}, {16001, 16000}, {1000, 16000},  {767999, 16000}, {16000, 8000},  {16000, 44100},
};

static void sines_below_0_45_of_the_lower_rate_keep_phase_and_level(void **unused) {
    (void)unused;
    double worst = -300;
    for (size_t i = 0; i < SO_COUNT(pairs); i++) {
        double lower = pairs[i][0] < pairs[i][1] ? pairs[i][0] : pairs[i][1];
        for (double f = 0.013; f <= 0.45; f += 0.0437) {
            double db = error_db(pairs[i][0], pairs[i][1], f * lower, 0);
            if (db > -80)
                fail_msg("%u -> %u Hz: error of %.1f dB at %.0f Hz", pairs[i][0], pairs[i][1], db, f * lower);
            worst = fmax(worst, db);
        }
        /* 0.1 dB is an error of -38.7 dB: the very edge of the band */
        assert_true(error_db(pairs[i][0], pairs[i][1], 0.4499 * lower, 0) < -38.7);
    }
    print_message("pass band: largest error %.1f dB\n", worst);
}

static void sines_above_half_the_lower_rate_are_90_db_down(void **unused) {
    (void)unused;
    double worst = -300;
    for (size_t i = 0; i < SO_COUNT(pairs); i++) {
        uint32_t from = pairs[i][0], to = pairs[i][1];
        if (from < to) continue; /* then such sines cannot be in the input; images are the pass band's test */
        for (double f = 0.5005; f * to < 0.5 * from; f *= 1.07) {
            double db = error_db(from, to, f * to, 1);
            if (db > -90) fail_msg("%u -> %u Hz: %.1f dB at %.0f Hz", from, to, db, f * to);
            worst = fmax(worst, db);
        }
    }
    print_message("stop band: largest residue %.1f dB\n", worst);
}

static void a_constant_stays_what_it_is(void **unused) {
    (void)unused;
    for (size_t i = 0; i < SO_COUNT(pairs); i++) {
        size_t n = pairs[i][0] / (pairs[i][0] < 8000 ? 4 : 10), edge = border(pairs[i][0], pairs[i][1]);
        for (size_t k = 0; k < n; k++) input[k] = 0.75f;
        size_t got = resample(pairs[i][0], pairs[i][1], input, n, output, n, LONGEST);
        for (size_t k = edge; k + edge < got; k++) assert_true(fabsf(output[k] - 0.75f) < 2e-6f);
    }
}

static void the_output_does_not_depend_on_how_the_input_is_cut(void **unused) {
    (void)unused;
    static const size_t cuts[] = {1, 7, 160, 4096};
    for (size_t i = 0; i < LONGEST; i++)
        input[i] = (float)((int)(i * 2654435761u >> 16 & 0xffff) - 32768) / 32768;
    for (size_t i = 0; i < SO_COUNT(pairs); i++) {
        size_t n = pairs[i][0] < 50000 ? 9001 : 20011;
        size_t expected = resample(pairs[i][0], pairs[i][1], input, n, output, n, LONGEST);
        for (size_t c = 0; c < SO_COUNT(cuts); c++) {
            memset(again, 0xff, sizeof again);
            assert_int_equal(resample(pairs[i][0], pairs[i][1], input, n, again, cuts[c], cuts[c] % 3 + 1),
                             expected);
            assert_memory_equal(again, output, expected * sizeof *output);
        }
    }
}

static void the_length_is_that_of_the_input_at_the_other_rate(void **unused) {
    (void)unused;
    static const size_t lengths[] = {0, 1, 2, 3, 100, 4097};
    for (size_t i = 0; i < SO_COUNT(pairs); i++)
        for (size_t k = 0; k < SO_COUNT(lengths); k++) {
            uint64_t from = pairs[i][0], expected = (lengths[k] * (uint64_t)pairs[i][1] + from - 1) / from;
            assert_int_equal(resample(pairs[i][0], pairs[i][1], input, lengths[k], output, 1000, LONGEST),
                             expected);
        }
}

static void equal_rates_pass_every_bit(void **unused) {
    (void)unused;
    for (size_t i = 0; i < 10000; i++) input[i] = (float)i * 1e-30f - 5.0f;
    assert_int_equal(resample(16000, 16000, input, 10000, output, 333, 100), 10000);
    assert_memory_equal(output, input, 10000 * sizeof *input);
}

static void an_impulse_lands_at_its_time(void **unused) {
    (void)unused;
    for (size_t i = 0; i < SO_COUNT(pairs); i++) {
        double from = pairs[i][0], to = pairs[i][1];
        size_t n = pairs[i][0] / 4, at = n / 2, best = 0;
        memset(input, 0, sizeof input);
        input[at] = 1.0f;
        size_t got = resample(pairs[i][0], pairs[i][1], input, n, output, 512, LONGEST);
        for (size_t k = 0; k < got; k++)
            if (fabsf(output[k]) > fabsf(output[best])) best = k;
        assert_true(fabs((double)best - (double)at * to / from) <= 0.5 * fmax(1.0, to / from) + 1e-9);
    }
}

static void four_inner_products_have_the_bits_of_one_at_every_level(void **unused) {
    (void)unused;
    for (size_t i = 0; i < LONGEST; i++)
        input[i] = (float)sin((double)i * (double)i) * (i % 97 ? 1.0f : 1e4f);
    for (size_t n = 16; n <= 400; n += 16) {
        const float *a[4], *b[4];
        float expected[4], four[4];
        for (size_t i = 0; i < 4; i++) {
            a[i] = input + 1001 * i + n;
            b[i] = input + 5003 * i + 3;
            expected[i] = so_kernels_level("ref")->dot_f32(n, a[i], b[i]);
        }
        for (const char *const *name = so_kernels_levels(); *name; name++) {
            const struct so_kernels *level = so_kernels_level(*name);
            if (!level) continue;
            level->dot4_f32(n, a, b, four);
            assert_memory_equal(four, expected, sizeof four);
        }
    }
}

static void rates_out_of_range_are_refused(void **unused) {
    (void)unused;
    static const uint32_t bad[][2] = {{0, 16000},          {999, 16000}, {768001, 16000},
                                      {UINT32_MAX, 16000}, {16000, 0},   {16000, 768001}};
    for (size_t i = 0; i < SO_COUNT(bad); i++) {
        struct so_resampler *r = (void *)input;
        sotto_error err = {0};
        assert_int_equal(so_resampler_create(bad[i][0], bad[i][1], &r, &err), SOTTO_ERR_ARGUMENT);
        assert_null(r);
        assert_true(err.message[0]);
    }
}

static void samples_after_the_end_are_refused(void **unused) {
    (void)unused;
    struct so_resampler *r;
    size_t n;
    assert_int_equal(so_resampler_create(8000, 16000, &r, NULL), SOTTO_OK);
    assert_int_equal(so_resampler_process(r, NULL, 0, output, 10, &n, NULL), SOTTO_OK);
    assert_int_equal(so_resampler_process(r, input, 10, output, 10, &n, NULL), SOTTO_ERR_ARGUMENT);
    so_resampler_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sines_below_0_45_of_the_lower_rate_keep_phase_and_level),
        cmocka_unit_test(sines_above_half_the_lower_rate_are_90_db_down),
        cmocka_unit_test(a_constant_stays_what_it_is),
        cmocka_unit_test(the_output_does_not_depend_on_how_the_input_is_cut),
        cmocka_unit_test(the_length_is_that_of_the_input_at_the_other_rate),
        cmocka_unit_test(equal_rates_pass_every_bit),
        cmocka_unit_test(an_impulse_lands_at_its_time),
        cmocka_unit_test(four_inner_products_have_the_bits_of_one_at_every_level),
        cmocka_unit_test(rates_out_of_range_are_refused),
        cmocka_unit_test(samples_after_the_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
