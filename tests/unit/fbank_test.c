/** Filter banks against their definition in double precision, and what blocks and threads may not change. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "features/fbank.h"

#define PI 3.14159265358979323846
enum { FRAMES = 37, SAMPLES = (FRAMES - 1) * SO_FBANK_HOP + SO_FBANK_WINDOW };

static float samples[SAMPLES], out[FRAMES * SO_FBANK_BANDS];

static double mel(double hz) {
    return 1127.0 * log(1.0 + hz / 700.0);
}

/* One frame by the sum that defines the Fourier transform. */
static void plain_frame(const float *x, double *bands) {
    double mean = 0.0, frame[512] = {0}, power[257];
    for (int i = 0; i < 400; i++) mean += (double)x[i] / 400.0;
    for (int i = 0; i < 400; i++) {
        const double before = (double)x[i ? i - 1 : 0] - mean;
        frame[i] = ((double)x[i] - mean - 0.97 * before) * pow(0.5 - 0.5 * cos(2.0 * PI * i / 399.0), 0.85);
    }
    for (int k = 0; k < 257; k++) {
        double re = 0.0, im = 0.0;
        for (int i = 0; i < 400; i++)
            re += frame[i] * cos(2.0 * PI * k * i / 512.0), im += frame[i] * sin(2.0 * PI * k * i / 512.0);
        power[k] = re * re + im * im;
    }
    const double low = mel(20.0), step = (mel(8000.0) - low) / 81.0;
    for (int m = 0; m < 80; m++) {
        double energy = 0.0;
        for (int k = 0; k < 257; k++) {
            const double at = (mel(k * 31.25) - low) / step - m; /* 0 and 2 are the triangle's ends */
            energy += power[k] * fmax(0.0, fmin(at, 2.0 - at));
        }
        bands[m] = log(fmax(energy, 1.1920928955078125e-07));
    }
}

static void fill(double loudness) {
    uint32_t state = 5;
    for (size_t i = 0; i < SAMPLES; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] =
            (float)(loudness * (0.1 + 0.3 * sin((double)i * 0.05) + 0.05 * (double)(int32_t)state * 0x1p-31));
    }
}

static void compute(struct so_pool *pool, const float *x, size_t frames, float *to) {
    struct so_fbank *fbank;
    sotto_error err;
    assert_int_equal(so_fbank_create(&fbank, &err), SOTTO_OK);
    assert_int_equal(so_fbank_compute(fbank, pool, x, frames, to, &err), SOTTO_OK);
    so_fbank_free(fbank);
}

static void bands_are_what_their_definition_says(void **unused) {
    (void)unused;
    static const double loudness[] = {1.0, 1e-3, 1e-6};
    for (size_t l = 0; l < 3; l++) {
        fill(loudness[l]);
        compute(NULL, samples, FRAMES, out);
        for (size_t t = 0; t < FRAMES; t++) {
            double expected[80];
            plain_frame(samples + t * SO_FBANK_HOP, expected);
            for (size_t m = 0; m < 80; m++) assert_true(fabs((double)out[t * 80 + m] - expected[m]) < 1e-3);
        }
    }
}

static void silence_is_the_floor(void **unused) {
    (void)unused;
    memset(samples, 0, sizeof samples);
    compute(NULL, samples, FRAMES, out);
    for (size_t i = 0; i < FRAMES * SO_FBANK_BANDS; i++)
        assert_true(fabs((double)out[i] - log(0x1p-23)) < 1e-5);
}

static void frames_do_not_depend_on_blocks_or_threads(void **unused) {
    (void)unused;
    static float other[FRAMES * SO_FBANK_BANDS];
    struct so_pool *pool;
    fill(1.0);
    compute(NULL, samples, FRAMES, out);
    assert_int_equal(so_pool_create(3, &pool, NULL), SOTTO_OK);
    compute(pool, samples, FRAMES, other);
    so_pool_free(pool);
    assert_memory_equal(out, other, sizeof out);
    for (size_t t = 0; t < FRAMES; t += 5) {
        compute(NULL, samples + t * SO_FBANK_HOP, 1, other);
        assert_memory_equal(out + t * SO_FBANK_BANDS, other, SO_FBANK_BANDS * sizeof *out);
    }
}

static void only_whole_frames_count(void **unused) {
    (void)unused;
    assert_int_equal(so_fbank_count(0), 0);
    assert_int_equal(so_fbank_count(399), 0);
    assert_int_equal(so_fbank_count(400), 1);
    assert_int_equal(so_fbank_count(559), 1);
    assert_int_equal(so_fbank_count(560), 2);
    assert_int_equal(so_fbank_count(160000), 998);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_are_what_their_definition_says),
        cmocka_unit_test(silence_is_the_floor),
        cmocka_unit_test(frames_do_not_depend_on_blocks_or_threads),
        cmocka_unit_test(only_whole_frames_count),
    };
    return cmocka_run_group_tests_name("fbank", tests, NULL, NULL);
}
