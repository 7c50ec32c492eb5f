/** The real weights on the demo recording: what ONNX Runtime says (speakers_reference.py), float and INT8.
 * Skipped without weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/audio.h"
#include "diarize/embedding.h"
#include "diarize/segmentation.h"
#include "speakers_reference.inl"
#include "util/compiler.h"

enum { SAMPLES = 30 * 16000 };

static const char *recording; /* argv[1] */
static float samples[SAMPLES];
static struct so_pool *pool;

static int set_up(void **unused) {
    (void)unused;
    struct so_audio *audio;
    const struct so_audio_options options = {0};
    sotto_error err;
    size_t total = 0, n;
    if (so_audio_open(recording, &options, &audio, &err)) fail_msg("%s", err.message);
    while (total < SAMPLES && !so_audio_read(audio, samples + total, SAMPLES - total, &n, &err) && n)
        total += n;
    so_audio_close(audio);
    assert_true(total > 29 * 16000);
    return so_pool_create(0, &pool, &err) != SOTTO_OK;
}

static int tear_down(void **unused) {
    (void)unused;
    so_pool_free(pool);
    return 0;
}

/* The models of the model folder, or none. */
static struct so_speakers *open_speakers(enum so_precision precision) {
    char path[4096];
    sotto_error err;
    struct so_speakers *speakers;
    assert_int_equal(so_model_path(SO_SPEAKERS_NAME, precision, path, sizeof path, &err), SOTTO_OK);
    if (access(path, R_OK)) {
        skip();
        return NULL;
    }
    if (so_speakers_open(path, precision, &speakers, &err)) fail_msg("%s", err.message);
    return speakers;
}

/* The share of frames that are decided alike. */
static double agreement(const struct so_speakers *speakers) {
    enum { WINDOWS = SO_COUNT(classes) };
    static float out[WINDOWS][SO_SEGMENT_FRAMES][SO_SEGMENT_CLASSES];
    struct so_segmentation *segmentation;
    sotto_error err;
    size_t alike = 0;
    assert_int_equal(so_segmentation_create(speakers, pool, NULL, &segmentation, &err), SOTTO_OK);
    assert_int_equal(
        so_segment_windows(segmentation, samples, SAMPLES, SO_SEGMENT_SAMPLES, WINDOWS, out[0][0], &err),
        SOTTO_OK);
    so_segmentation_free(segmentation);
    for (size_t w = 0; w < WINDOWS; w++) {
        assert_int_equal(strlen(classes[w]), SO_SEGMENT_FRAMES);
        for (size_t t = 0; t < SO_SEGMENT_FRAMES; t++) {
            size_t best = 0;
            for (size_t i = 1; i < SO_SEGMENT_CLASSES; i++)
                if (out[w][t][i] > out[w][t][best]) best = i;
            alike += classes[w][t] == (char)('0' + best);
        }
    }
    return (double)alike / (WINDOWS * SO_SEGMENT_FRAMES);
}

/* The least cosine. */
static double likeness(const struct so_speakers *speakers) {
    enum { VOICES = SO_COUNT(voices), FRAMES = 1000 };
    static float fbank[FRAMES * SO_FBANK_BANDS];
    struct so_embedding *embedding;
    struct so_fbank *features;
    sotto_error err;
    double least = 1.0;
    assert_int_equal(so_embedding_create(speakers, pool, NULL, &embedding, &err), SOTTO_OK);
    assert_int_equal(so_fbank_create(&features, &err), SOTTO_OK);
    for (size_t v = 0; v < VOICES; v++) {
        const size_t n = so_fbank_count(voices[v].end - voices[v].start);
        float out[SO_EMBEDDING_SIZE];
        double product = 0.0, square = 0.0;
        const struct so_embedding_item item = {fbank, NULL, n, out};
        assert_true(n <= FRAMES);
        assert_int_equal(so_fbank_compute(features, pool, samples + voices[v].start, n, fbank, &err),
                         SOTTO_OK);
        assert_int_equal(so_embed(embedding, &item, 1, &err), SOTTO_OK);
        for (size_t i = 0; i < SO_EMBEDDING_SIZE; i++)
            product += (double)out[i] * (double)voices[v].embedding[i],
                square += (double)out[i] * (double)out[i];
        least = fmin(least, product / sqrt(square));
    }
    so_fbank_free(features);
    so_embedding_free(embedding);
    return least;
}

static void in_float_they_say_what_onnx_runtime_says(void **unused) {
    (void)unused;
    struct so_speakers *speakers = open_speakers(SO_F32);
    assert_true(agreement(speakers) == 1.0);
    assert_true(likeness(speakers) > 0.99999);
    so_speakers_close(speakers);
}

static void in_int8_they_say_nearly_the_same(void **unused) {
    (void)unused;
    struct so_speakers *speakers = open_speakers(SO_INT8);
    assert_true(agreement(speakers) >= 0.998);
    assert_true(likeness(speakers) >= 0.99);
    so_speakers_close(speakers);
}

int main(int argc, char **argv) {
    assert_true(argc > 1);
    recording = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_float_they_say_what_onnx_runtime_says),
        cmocka_unit_test(in_int8_they_say_nearly_the_same),
    };
    return cmocka_run_group_tests_name("speakers_golden", tests, set_up, tear_down);
}
