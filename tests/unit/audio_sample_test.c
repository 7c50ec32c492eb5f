/** Conversion of samples in every layout that a codec may hand over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audio/sample.h"
#include "util/compiler.h"

static void planes_and_interleaved_frames_mix_alike(void **unused) {
    (void)unused;
    const int64_t left[3] = {INT64_MIN, INT64_MAX / 2 + 1, 0},
                  right[3] = {0, INT64_MAX / 2 + 1, INT64_MIN / 4};
    const float expected[3] = {-0.5f, 0.5f, -0.125f};
    int64_t both[6];
    for (int i = 0; i < 3; i++) both[2 * i] = left[i], both[2 * i + 1] = right[i];
    const uint8_t *planes[2] = {(const uint8_t *)left, (const uint8_t *)right};
    const uint8_t *frames[2] = {(const uint8_t *)both, (const uint8_t *)(both + 1)};
    float mono[3];
    so_sample_mix(SO_SAMPLE_S64, planes, 2, 8, -1, 3, mono);
    assert_memory_equal(mono, expected, sizeof mono);
    memset(mono, 0xff, sizeof mono);
    so_sample_mix(SO_SAMPLE_S64, frames, 2, 16, -1, 3, mono);
    assert_memory_equal(mono, expected, sizeof mono);
}

static void a_channel_that_went_away_is_the_last_one(void **unused) {
    (void)unused;
    const float left[2] = {0.25f, 0.5f}, right[2] = {-0.25f, -1};
    const uint8_t *planes[2] = {(const uint8_t *)left, (const uint8_t *)right};
    float mono[2];
    so_sample_mix(SO_SAMPLE_F32, planes, 2, 4, 5, 2, mono);
    assert_memory_equal(mono, right, sizeof mono);
    so_sample_mix(SO_SAMPLE_F32, planes, 1, 4, 1, 2, mono);
    assert_memory_equal(mono, left, sizeof mono);
}

static void samples_need_no_alignment(void **unused) {
    (void)unused;
    static const enum so_sample_format formats[] = {SO_SAMPLE_U8,  SO_SAMPLE_S16, SO_SAMPLE_S24LE,
                                                    SO_SAMPLE_S32, SO_SAMPLE_S64, SO_SAMPLE_F32,
                                                    SO_SAMPLE_F64};
    for (size_t f = 0; f < SO_COUNT(formats); f++) {
        uint8_t raw[64], shifted[65];
        float mono[8], again[8];
        for (size_t i = 0; i < sizeof raw; i++) raw[i] = (uint8_t)(i * 41 + 3);
        memcpy(shifted + 1, raw, sizeof raw);
        const uint8_t *plane = raw, *odd = shifted + 1;
        size_t bytes = so_sample_bytes(formats[f]);
        so_sample_mix(formats[f], &plane, 1, bytes, -1, 8, mono);
        so_sample_mix(formats[f], &odd, 1, bytes, -1, 8, again);
        assert_memory_equal(mono, again, sizeof mono);
        for (size_t i = 0; i < 8; i++) assert_true(mono[i] >= -SO_SAMPLE_LIMIT && mono[i] <= SO_SAMPLE_LIMIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_and_interleaved_frames_mix_alike),
        cmocka_unit_test(a_channel_that_went_away_is_the_last_one),
        cmocka_unit_test(samples_need_no_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
