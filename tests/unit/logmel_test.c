/**
 * The log-mel spectrogram against Whisper's definition written down plainly in double precision, and its
 * kernel level by level.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/kernels.h"
#include "features/logmel.h"
#include "util/compiler.h"
#include "util/memory.h"

#define PI 3.14159265358979323846
#define TOLERANCE 1e-4
#define SAMPLES ((size_t)SO_MEL_FRAMES * SO_MEL_HOP)

static float samples[SAMPLES], filters[128 * SO_MEL_BINS], out[SO_MEL_FRAMES * 128],
    other[SO_MEL_FRAMES * 128];
static double expected[SO_MEL_FRAMES * 128];

static float noise(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state * 0x1p-31f;
}

/** Something like a voice: harmonics that glide, their level rising and falling, over a little noise. */
static void make_voice(void) {
    static float voice[SAMPLES];
    uint32_t state = 1;
    double phase = 0;
    for (size_t i = 0; i < SAMPLES && voice[SAMPLES - 1] == 0; i++) {
        double t = (double)i / 16000, value = 0;
        phase += 2 * PI * (140 + 40 * sin(2.1 * t)) / 16000;
        for (int h = 1; h < 30; h++)
            value += sin(h * phase) / (h * (1 + fabs(h * 160 - 900.0 - 500 * sin(7 * t)) / 400));
        voice[i] = (float)(0.25 * value * (0.5 + 0.5 * sin(9 * t)) + 3e-4 * (double)noise(&state));
    }
    memcpy(samples, voice, sizeof samples);
}

/**
 * Frame `t` of the padded window, powers at 201 frequencies by the definition of the discrete Fourier
 * transform.
 */
static void plain_powers(size_t t, size_t n, size_t length, double *power) {
    static double cosine[SO_MEL_WINDOW], x[SO_MEL_WINDOW];
    for (int i = 0; i < SO_MEL_WINDOW; i++) {
        long at = (long)t * SO_MEL_HOP - SO_MEL_WINDOW / 2 + i;
        if (at < 0) at = -at;
        if (at >= (long)length) at = 2 * ((long)length - 1) - at;
        cosine[i] = cos(2 * PI * i / SO_MEL_WINDOW);
        x[i] = (size_t)at < n ? samples[at] * (0.5 - 0.5 * cosine[i]) : 0;
    }
    for (int k = 0; k < SO_MEL_BINS; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < SO_MEL_WINDOW; i++) {
            re += x[i] * cosine[i * k % SO_MEL_WINDOW];
            im += x[i] * cosine[(i * k + 100) % SO_MEL_WINDOW]; /* a quarter turn on: -sin */
        }
        power[k] = re * re + im * im;
    }
}

static void plain_window(size_t n_mels, size_t n, size_t frames) {
    double power[SO_MEL_BINS], max = -1e9;
    for (size_t t = 0; t < frames; t++) {
        plain_powers(t, n, frames * SO_MEL_HOP, power);
        for (size_t m = 0; m < n_mels; m++) {
            double energy = 0;
            for (int k = 0; k < SO_MEL_BINS; k++) energy += filters[m * SO_MEL_BINS + (size_t)k] * power[k];
            expected[t * n_mels + m] = log10(fmax(energy, 1e-10));
            max = fmax(max, expected[t * n_mels + m]);
        }
    }
    for (size_t i = 0; i < frames * n_mels; i++) expected[i] = (fmax(expected[i], max - 8) + 4) / 4;
}

static struct so_logmel *create(size_t n_mels) {
    struct so_logmel *logmel;
    so_mel_filters(n_mels, filters);
    assert_int_equal(so_logmel_create(filters, n_mels, &logmel, NULL), SOTTO_OK);
    return logmel;
}

static double worst_difference(size_t n_mels, size_t n, size_t frames) {
    struct so_logmel *logmel = create(n_mels);
    sotto_error err = {0};
    memset(out, 0xff, sizeof out);
    if (so_logmel_window(logmel, NULL, samples, n, frames, out, &err) != SOTTO_OK)
        fail_msg("%s", err.message);
    so_logmel_free(logmel);
    plain_window(n_mels, n, frames);
    double worst = 0;
    for (size_t i = 0; i < frames * n_mels; i++) worst = fmax(worst, fabs(out[i] - expected[i]));
    return worst;
}

static void the_filters_are_those_that_whisper_ships(void **unused) {
    (void)unused;
    /* Entries of whisper/assets/mel_filters.npz. */
    static const struct {
        size_t n_mels, filter, bin;
        float value;
    } facts[] = {
        {80, 1, 1, 0.00199082191f},      {80, 31, 31, 0.0117513305f},     {80, 53, 71, 0.00888046715f},
        {80, 62, 101, 0.00515090534f},   {80, 73, 149, 0.00140761933f},   {80, 77, 173, 0.000804597454f},
        {80, 79, 199, 0.000448759005f},  {128, 1, 1, 0.0303925648f},      {128, 50, 31, 0.0107258298f},
        {128, 85, 71, 0.0138587467f},    {128, 100, 100, 0.00257835095f}, {128, 116, 152, 0.00265557761f},
        {128, 123, 174, 0.00130262633f}, {128, 127, 199, 0.0011142802f},
    };
    for (size_t n_mels = 80; n_mels <= 128; n_mels += 48) {
        size_t count = 0;
        so_mel_filters(n_mels, filters);
        for (size_t i = 0; i < SO_COUNT(facts); i++)
            if (facts[i].n_mels == n_mels)
                assert_true(fabsf(filters[facts[i].filter * SO_MEL_BINS + facts[i].bin] - facts[i].value) <
                            1e-7f);
        for (size_t i = 0; i < n_mels * SO_MEL_BINS; i++) count += filters[i] != 0;
        assert_int_equal(count, n_mels == 80 ? 391 : 394);
    }
}

static void a_voice_gives_what_the_definition_gives(void **unused) {
    (void)unused;
    make_voice();
    double full = worst_difference(80, SAMPLES, SO_MEL_FRAMES), fine = worst_difference(128, 14321, 150);
    print_message("largest difference: %.2e (80 bands, 3000 frames), %.2e (128 bands, 150 frames)\n", full,
                  fine);
    assert_true(full <= TOLERANCE);
    assert_true(fine <= TOLERANCE);
}

static void borders_are_mirrored_whatever_the_length(void **unused) {
    (void)unused;
    make_voice();
    for (size_t frames = 2; frames <= 50; frames += 2) {
        assert_true(worst_difference(80, frames * SO_MEL_HOP, frames) <= TOLERANCE);
        assert_true(worst_difference(80, frames * 37, frames) <= TOLERANCE);
    }
}

static void extremes_give_what_the_definition_gives(void **unused) {
    (void)unused;
    uint32_t state = 7;
    const size_t frames = 66, n = frames * SO_MEL_HOP;
    for (int kind = 0; kind < 7; kind++) {
        for (size_t i = 0; i < n; i++) {
            float tone = (float)sin(2 * PI * 1234.5 * (double)i / 16000);
            const float kinds[] = {
                0, 1, tone, tone < 0 ? -1.0f : 1.0f, i == 5000, noise(&state), 1e6f * noise(&state)};
            samples[i] = kinds[kind];
        }
        assert_true(worst_difference(80, n, frames) <= TOLERANCE);
    }
    assert_true(worst_difference(80, 0, frames) <= TOLERANCE);
    assert_true(worst_difference(80, 1, frames) <= TOLERANCE);
}

static void the_threads_of_a_pool_change_no_bit(void **unused) {
    (void)unused;
    struct so_logmel *logmel = create(80);
    make_voice();
    assert_int_equal(so_logmel_window(logmel, NULL, samples, 70001, 600, out, NULL), SOTTO_OK);
    for (size_t threads = 1; threads <= 4; threads++) {
        struct so_pool *pool;
        assert_int_equal(so_pool_create(threads, &pool, NULL), SOTTO_OK);
        memset(other, 0xff, sizeof other);
        assert_int_equal(so_logmel_window(logmel, pool, samples, 70001, 600, other, NULL), SOTTO_OK);
        assert_memory_equal(other, out, 600 * 80 * sizeof(float));
        so_pool_free(pool);
    }
    so_logmel_free(logmel);
}

/** A last sample too small to be heard makes the zeros before it go the long way. */
static void silence_that_is_not_transformed_has_the_bits_it_would_have(void **unused) {
    (void)unused;
    struct so_logmel *logmel = create(128);
    make_voice();
    memset(samples + 30000, 0, (SAMPLES - 30000) * sizeof(float));
    assert_int_equal(so_logmel_window(logmel, NULL, samples, 30000, 1000, out, NULL), SOTTO_OK);
    samples[159999] = 1e-25f;
    assert_int_equal(so_logmel_window(logmel, NULL, samples, 160000, 1000, other, NULL), SOTTO_OK);
    assert_memory_equal(other, out, 1000 * 128 * sizeof(float));
    so_logmel_free(logmel);
}

static void every_level_writes_the_same_bits_and_nothing_else(void **unused) {
    (void)unused;
    const size_t span = 15 * SO_MEL_HOP + SO_MEL_WINDOW;
    float *work = so_alloc(402 * 16, sizeof(float));
    const struct so_kernels *ref = so_kernels_level("ref");
    assert_non_null(ref);
    for (size_t n_mels = 80; n_mels <= 128; n_mels += 48) {
        struct so_logmel *logmel = create(n_mels);
        make_voice();
        for (size_t round = 0; round < 20; round++) {
            size_t frames = round % 16 + 1, size = frames * n_mels;
            const float *from = samples + round * 7777;
            if (round == 17) memset(samples + round * 7777, 0, span * sizeof(float));
            if (round == 18)
                for (size_t i = 0; i < span; i++) samples[round * 7777 + i] = i / 18 % 2 ? 1e6f : -1e6f;
            if (round == 19)
                for (size_t i = 0; i < span; i++) samples[round * 7777 + i] *= 1e-30f; /* denormal products */
            float max = ref->logmel16(so_logmel_tables(logmel), frames, from, work, out);
            float largest = -100;
            for (size_t i = 0; i < size; i++) largest = fmaxf(largest, out[i]);
            assert_true(max == largest);
            for (const char *const *name = so_kernels_levels(); *name; name++) {
                const struct so_kernels *level = so_kernels_level(*name);
                if (!level) continue;
                memset(other, 0xa5, (size + 64) * sizeof(float));
                assert_true(level->logmel16(so_logmel_tables(logmel), frames, from, work, other) == max);
                assert_memory_equal(other, out, size * sizeof(float));
                for (size_t i = 0; i < 64 * sizeof(float); i++)
                    assert_int_equal(((uint8_t *)(other + size))[i], 0xa5);

                /* and the clamp, over a length that is no multiple of 16 */
                static float scaled[16 * 128], again[16 * 128];
                memcpy(scaled, out, size * sizeof(float));
                memcpy(again, out, size * sizeof(float));
                ref->logmel_scale(size - round % 5, max - 8, scaled);
                level->logmel_scale(size - round % 5, max - 8, again);
                assert_memory_equal(scaled, again, size * sizeof(float));
            }
        }
        so_logmel_free(logmel);
    }
    so_free(work);
}

static void sizes_that_cannot_be_are_refused(void **unused) {
    (void)unused;
    struct so_logmel *logmel = create(80);
    static const size_t bad[][2] = {{0, 0}, {3, 0}, {3002, 0}, {2, 321}, {SIZE_MAX, 1}, {100, SIZE_MAX}};
    for (size_t i = 0; i < SO_COUNT(bad); i++) {
        sotto_error err = {0};
        assert_int_equal(so_logmel_window(logmel, NULL, samples, bad[i][1], bad[i][0], out, &err),
                         SOTTO_ERR_ARGUMENT);
        assert_true(err.message[0]);
    }
    so_logmel_free(logmel);
    assert_int_equal(so_logmel_create(filters, 79, &logmel, NULL), SOTTO_ERR_MODEL);
    assert_null(logmel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filters_are_those_that_whisper_ships),
        cmocka_unit_test(a_voice_gives_what_the_definition_gives),
        cmocka_unit_test(borders_are_mirrored_whatever_the_length),
        cmocka_unit_test(extremes_give_what_the_definition_gives),
        cmocka_unit_test(the_threads_of_a_pool_change_no_bit),
        cmocka_unit_test(silence_that_is_not_transformed_has_the_bits_it_would_have),
        cmocka_unit_test(every_level_writes_the_same_bits_and_nothing_else),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
