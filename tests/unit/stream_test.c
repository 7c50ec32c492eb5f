/* The public pieces of a stream: other rates become 16 kHz however they are cut, and speech is told from
 * silence frame by frame. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sotto.h"
#include "synthetic.h"
#include "util/memory.h"

enum { RATE = 24000, N = 3 * RATE };

/** A tone of 1 kHz fed in pieces; returns how many samples came out. */
static size_t resample(size_t piece, float *out, size_t capacity) {
    static float in[N];
    sotto_resampler *resampler;
    size_t n = 0, got;
    for (size_t i = 0; i < N; i++) in[i] = (float)sin((double)i * 2 * 3.14159265358979 * 1000 / RATE);
    assert_int_equal(sotto_resampler_open(RATE, &resampler, NULL), SOTTO_OK);
    for (size_t at = 0; at < N; at += piece) {
        size_t given = so_min(piece, N - at);
        do {
            assert_int_equal(
                sotto_resampler_run(resampler, in + at, given, out + n, capacity - n, &got, NULL), SOTTO_OK);
            n += got;
            given = 0;
        } while (got);
    }
    do {
        assert_int_equal(sotto_resampler_run(resampler, NULL, 0, out + n, capacity - n, &got, NULL),
                         SOTTO_OK);
        n += got;
    } while (got);
    sotto_resampler_close(resampler);
    return n;
}

static void a_stream_of_another_rate_is_the_same_however_it_is_cut(void **state) {
    static float whole[N], pieces[N];
    (void)state;
    size_t n = resample(N, whole, N);
    assert_in_range(n, 2 * SOTTO_SAMPLE_RATE, 3 * SOTTO_SAMPLE_RATE + 1);
    assert_int_equal(resample(517, pieces, N), n);
    assert_memory_equal(whole, pieces, n * sizeof *whole);
    for (size_t i = 2000; i < 20000; i++) {
        double expected = sin((double)i * 2 * 3.14159265358979 * 1000 / SOTTO_SAMPLE_RATE);
        assert_true(fabs((double)whole[i] - expected) < 0.02);
    }
}

static void a_rate_that_nobody_has_is_refused(void **state) {
    sotto_resampler *resampler;
    sotto_error err;
    (void)state;
    assert_int_equal(sotto_resampler_open(1, &resampler, &err), SOTTO_ERR_ARGUMENT);
    assert_null(resampler);
    assert_true(err.message[0]);
    sotto_resampler_close(NULL);
}

static void without_a_detector_every_frame_is_speech(void **state) {
    char folder[] = "/tmp/sotto-stream-XXXXXX", path[64];
    float silence[SOTTO_DETECTOR_FRAME] = {0};
    sotto_detector *detector;
    sotto_model *model;
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("SOTTO_MODELS", folder, 1);
    snprintf(path, sizeof path, "%s/synthetic.sotto", folder);
    struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    assert_int_equal(so_synthetic_write(path, &hp, SO_INT8, 1, NULL), SOTTO_OK);
    assert_int_equal(sotto_model_open(path, &model, NULL), SOTTO_OK);
    assert_int_equal(sotto_detector_open(model, &detector, NULL), SOTTO_OK);
    for (int i = 0; i < 3; i++) assert_true(sotto_detector_frame(detector, silence) >= 1.0f);
    sotto_detector_close(detector);
    sotto_detector_close(NULL);
    assert_int_equal(sotto_detector_open(NULL, &detector, NULL), SOTTO_ERR_ARGUMENT);
    sotto_model_close(model);
    unlink(path);
    rmdir(folder);
}

static void a_voice_needs_a_name_and_some_speech(void **state) {
    float silence[SOTTO_SAMPLE_RATE] = {0};
    sotto_people *people;
    (void)state;
    assert_int_equal(sotto_people_open(NULL, &people, NULL), SOTTO_OK);
    assert_int_equal(sotto_people_enroll_pcm(people, "", silence, SOTTO_SAMPLE_RATE, NULL, NULL),
                     SOTTO_ERR_ARGUMENT);
    assert_int_not_equal(sotto_people_enroll_pcm(people, "Ann", silence, SOTTO_SAMPLE_RATE, NULL, NULL),
                         SOTTO_OK);
    assert_int_equal(sotto_people_count(people), 0);
    sotto_people_free(people);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_of_another_rate_is_the_same_however_it_is_cut),
        cmocka_unit_test(a_rate_that_nobody_has_is_refused),
        cmocka_unit_test(without_a_detector_every_frame_is_speech),
        cmocka_unit_test(a_voice_needs_a_name_and_some_speech),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
