/** The reader of WAV files that needs no FFmpeg, on files in memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audio_support.h"
#include "util/compiler.h"

#define MONO16 \
    { .tag = 1, .channels = 1, .rate = 16000, .bits = 16, .claim = CLAIM_TRUE }

static uint8_t file[1 << 20];

static size_t read_file(size_t size, int seekable, int channel, float *samples, size_t capacity) {
    struct so_audio *audio;
    sotto_error err = {0};
    size_t n;
    if (open_wav(file, size, seekable, channel, &audio, &err) != SOTTO_OK) fail_msg("%s", err.message);
    assert_int_equal(read_all(audio, samples, capacity, &n, &err), SOTTO_OK);
    so_audio_close(audio);
    return n;
}

/** A refusal leaves one line that names the file. */
static void refused(size_t size, sotto_status expected, const char *word) {
    for (int seekable = 0; seekable < 2; seekable++) {
        struct so_audio *audio;
        sotto_error err = {0};
        assert_int_equal(open_wav(file, size, seekable, -1, &audio, &err), expected);
        assert_int_equal(err.code, expected);
        assert_non_null(strstr(err.message, "memory.wav"));
        if (!strstr(err.message, word)) fail_msg("no '%s' in '%s'", word, err.message);
    }
}

static void every_kind_of_sample_has_its_exact_value(void **unused) {
    (void)unused;
    static const uint8_t u8[] = {0, 64, 128, 255};
    static const int16_t s16[] = {-32768, -16384, 1, 32767};
    static const uint8_t s24[] = {0, 0, 0x80, 0, 0, 0xc0, 1, 0, 0, 0xff, 0xff, 0x7f};
    static const int32_t s32[] = {INT32_MIN, INT32_MIN / 2, 256, INT32_MAX};
    static const float f32[] = {-1, -0.5f, 1.5f, 0.1f};
    static const double f64[] = {-1, -0.5, 1.5, 0.1};
    const struct {
        unsigned tag, bits;
        const void *samples;
        float expected[4];
    } kinds[] = {
        {1, 8, u8, {-1, -0.5f, 0, 127 / 128.0f}},
        {1, 16, s16, {-1, -0.5f, 1 / 32768.0f, 32767 / 32768.0f}},
        {1, 24, s24, {-1, -0.5f, 1 / 8388608.0f, 8388607 / 8388608.0f}},
        {1, 32, s32, {-1, -0.5f, 1 / 8388608.0f, 1}},
        {3, 32, f32, {-1, -0.5f, 1.5f, 0.1f}},
        {3, 64, f64, {-1, -0.5f, 1.5f, 0.1f}},
    };
    for (size_t i = 0; i < SO_COUNT(kinds); i++)
        for (int extensible = 0; extensible < 2; extensible++)
            for (int seekable = 0; seekable < 2; seekable++) {
                struct wav_shape shape = {.tag = kinds[i].tag,
                                          .channels = 1,
                                          .rate = 16000,
                                          .bits = kinds[i].bits,
                                          .extensible = extensible,
                                          .claim = CLAIM_TRUE};
                float samples[4];
                size_t size = make_wav(file, shape, kinds[i].samples, kinds[i].bits / 8 * 4);
                assert_int_equal(read_file(size, seekable, -1, samples, 4), 4);
                assert_memory_equal(samples, kinds[i].expected, sizeof samples);
            }
}

static void channels_are_averaged_and_one_can_be_taken(void **unused) {
    (void)unused;
    int16_t frames[3][8];
    for (int f = 0; f < 3; f++)
        for (int c = 0; c < 8; c++) frames[f][c] = (int16_t)(1024 * (f + 1) * (c - 2));
    struct wav_shape shape = {.tag = 1, .channels = 8, .rate = 16000, .bits = 16, .claim = CLAIM_TRUE};
    size_t size = make_wav(file, shape, frames, sizeof frames);
    float samples[3];
    assert_int_equal(read_file(size, 1, -1, samples, 3), 3);
    for (int f = 0; f < 3; f++) assert_true(samples[f] == (float)(f + 1) * 1.5f / 32);
    assert_int_equal(read_file(size, 1, 7, samples, 3), 3);
    for (int f = 0; f < 3; f++) assert_true(samples[f] == (float)(f + 1) * 5 / 32);

    struct so_audio *audio;
    sotto_error err = {0};
    assert_int_equal(open_wav(file, size, 1, 8, &audio, &err), SOTTO_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "no channel 8"));
}

static void what_is_not_finite_is_silence_and_what_is_huge_is_limited(void **unused) {
    (void)unused;
    const float f32[] = {NAN, INFINITY, -INFINITY, 3e38f, -2e6f, 2.0f};
    const double f64[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 2.0};
    const float expected[] = {0, 0, 0, 1e6f, -1e6f, 2.0f};
    float samples[6];
    struct wav_shape shape = {.tag = 3, .channels = 1, .rate = 16000, .bits = 32, .claim = CLAIM_TRUE};
    assert_int_equal(read_file(make_wav(file, shape, f32, sizeof f32), 1, -1, samples, 6), 6);
    assert_memory_equal(samples, expected, sizeof expected);
    shape.bits = 64;
    assert_int_equal(read_file(make_wav(file, shape, f64, sizeof f64), 1, -1, samples, 6), 6);
    assert_memory_equal(samples, expected, sizeof expected);
}

static void sizes_in_the_header_are_only_claims(void **unused) {
    (void)unused;
    static int16_t tone[16000];
    static float samples[16000];
    make_tone(tone, 16000, 16000);
    const struct {
        uint32_t claim;
        size_t samples;
    } cases[] = {
        {1152000000u, 16000},                                        /* ten hours */
        {CLAIM_UNKNOWN, 16000}, {0, 16000},                          /* a recorder that could not go back */
        {20000, 10000},         {20001, 10000}, {CLAIM_TRUE, 16000}, /* less than there is */
    };
    for (size_t i = 0; i < SO_COUNT(cases); i++)
        for (int seekable = 0; seekable < 2; seekable++) {
            struct wav_shape shape = MONO16;
            shape.claim = cases[i].claim;
            size_t size = make_wav(file, shape, tone, sizeof tone);
            assert_int_equal(read_file(size, seekable, -1, samples, 16000), cases[i].samples);
            for (size_t k = 0; k < cases[i].samples; k++) assert_true(samples[k] == (float)tone[k] / 32768);
            struct so_audio *audio;
            assert_int_equal(open_wav(file, size, 1, -1, &audio, NULL), SOTTO_OK);
            assert_true(so_audio_duration_hint(audio) <= 1.0);
            so_audio_close(audio);
        }
}

static void a_file_cut_anywhere_is_refused_or_ends_early(void **unused) {
    (void)unused;
    int16_t tone[100];
    make_tone(tone, 100, 16000);
    size_t size = make_wav(file, (struct wav_shape)MONO16, tone, sizeof tone), header = size - sizeof tone;
    refused(0, SOTTO_ERR_MEDIA, "empty");
    for (size_t cut = 1; cut < header; cut++) refused(cut, SOTTO_ERR_MEDIA, "WAV");
    for (size_t cut = header; cut <= size; cut++)
        for (int seekable = 0; seekable < 2; seekable++)
            assert_int_equal(read_file(cut, seekable, -1, NULL, 0), (cut - header) / 2);
}

static void chunks_of_no_interest_are_skipped(void **unused) {
    (void)unused;
    const uint8_t junk[] = {'L', 'I', 'S', 'T', 3, 0, 0, 0, 'a', 'b', 'c', 0};
    int16_t tone[50];
    make_tone(tone, 50, 16000);
    size_t size = make_wav(file, (struct wav_shape)MONO16, tone, sizeof tone);
    memmove(file + 12 + sizeof junk, file + 12, size - 12);
    memcpy(file + 12, junk, sizeof junk);
    for (int seekable = 0; seekable < 2; seekable++)
        assert_int_equal(read_file(size + sizeof junk, seekable, -1, NULL, 0), 50);
    memset(file + 16, 0xff, 4); /* a chunk of 4 GB: nothing can follow it */
    refused(size + sizeof junk, SOTTO_ERR_MEDIA, "damaged");
}

static void the_64_bit_form_is_read(void **unused) {
    (void)unused;
    uint8_t sizes[36] = {'d', 's', '6', '4', 28};
    int16_t tone[50];
    make_tone(tone, 50, 16000);
    struct wav_shape shape = MONO16;
    shape.claim = CLAIM_UNKNOWN;
    size_t size = make_wav(file, shape, tone, sizeof tone);
    memmove(file + 12 + sizeof sizes, file + 12, size - 12);
    sizes[16] = 60; /* bytes of "data" */
    memcpy(file + 12, sizes, sizeof sizes);
    memcpy(file, "RF64", 4);
    assert_int_equal(read_file(size + sizeof sizes, 1, -1, NULL, 0), 30);
}

static void a_header_that_cannot_be_is_refused(void **unused) {
    (void)unused;
    const struct {
        struct wav_shape shape;
        sotto_status status;
        const char *word;
    } cases[] = {
        {{1, 0, 16000, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "channels"},
        {{1, 65, 16000, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "channels"},
        {{1, 1, 0, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "samples a second"},
        {{1, 1, 999, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "samples a second"},
        {{1, 1, 768001, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "samples a second"},
        {{1, 1, UINT32_MAX, 16, 0, CLAIM_TRUE}, SOTTO_ERR_MEDIA, "samples a second"},
        {{1, 1, 16000, 0, 0, CLAIM_TRUE}, SOTTO_ERR_UNSUPPORTED, "kind"},
        {{1, 1, 16000, 40, 0, CLAIM_TRUE}, SOTTO_ERR_UNSUPPORTED, "kind"},
        {{3, 1, 16000, 16, 0, CLAIM_TRUE}, SOTTO_ERR_UNSUPPORTED, "kind"},
        {{85, 1, 16000, 16, 1, CLAIM_TRUE}, SOTTO_ERR_UNSUPPORTED, "kind 85"},
    };
    const uint8_t samples[1000] = {0};
    for (size_t i = 0; i < SO_COUNT(cases); i++)
        refused(make_wav(file, cases[i].shape, samples, sizeof samples), cases[i].status, cases[i].word);

    size_t size = make_wav(file, (struct wav_shape)MONO16, samples, sizeof samples);
    file[32] = 3; /* bytes of a frame against channels and bits */
    refused(size, SOTTO_ERR_MEDIA, "3 bytes");
    memcpy(file + 12, "nope", 4); /* samples before any format */
    refused(size, SOTTO_ERR_MEDIA, "damaged");
    memcpy(file, "this is a text, not a recording\n", 32);
    refused(size, SOTTO_ERR_MEDIA, "not a WAV");
}

static void no_samples_is_an_end_at_once(void **unused) {
    (void)unused;
    assert_int_equal(read_file(make_wav(file, (struct wav_shape)MONO16, NULL, 0), 1, -1, NULL, 0), 0);
}

static void other_rates_keep_their_length(void **unused) {
    (void)unused;
    static const unsigned rates[] = {1000, 8000, 11025, 22050, 44100, 48000, 192000, 768000};
    static int16_t tone[192000];
    for (size_t i = 0; i < SO_COUNT(rates); i++)
        for (size_t n = 0; n <= rates[i] / 4; n = n * 11 + 1) {
            struct wav_shape shape = {
                .tag = 1, .channels = 1, .rate = rates[i], .bits = 16, .claim = CLAIM_TRUE};
            make_tone(tone, n, rates[i]);
            size_t expected = (size_t)(((uint64_t)n * 16000 + rates[i] - 1) / rates[i]);
            assert_int_equal(read_file(make_wav(file, shape, tone, 2 * n), 1, -1, NULL, 0), expected);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_sample_has_its_exact_value),
        cmocka_unit_test(channels_are_averaged_and_one_can_be_taken),
        cmocka_unit_test(what_is_not_finite_is_silence_and_what_is_huge_is_limited),
        cmocka_unit_test(sizes_in_the_header_are_only_claims),
        cmocka_unit_test(a_file_cut_anywhere_is_refused_or_ends_early),
        cmocka_unit_test(chunks_of_no_interest_are_skipped),
        cmocka_unit_test(the_64_bit_form_is_read),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(no_samples_is_an_end_at_once),
        cmocka_unit_test(other_rates_keep_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
