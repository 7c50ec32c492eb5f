/**
 * What the speaker networks make of samples, for comparison with other programs:
 *   speakers_dump MODEL.sotto fbank|windows|embed [STEP] < float samples > float values
 * fbank: [frames][80]. windows: log-probabilities [n][589][7], windows every STEP samples as long as they
 * begin before the end. embed: one embedding of all frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diarize/embedding.h"
#include "diarize/segmentation.h"
#include "features/fbank.h"

static float *read_all(size_t *n) {
    size_t room = 1 << 20;
    float *samples = malloc(room * sizeof *samples);
    *n = 0;
    for (size_t got; samples && (got = fread(samples + *n, sizeof *samples, room - *n, stdin)) > 0;) {
        *n += got;
        if (*n == room) samples = realloc(samples, (room *= 2) * sizeof *samples);
    }
    return samples;
}

static float *features(struct so_pool *pool, const float *samples, size_t n, size_t *frames,
                       sotto_error *err) {
    struct so_fbank *fbank;
    *frames = so_fbank_count(n);
    float *out = malloc((*frames + 1) * SO_FBANK_BANDS * sizeof *out);
    if (!out || so_fbank_create(&fbank, err)) return NULL;
    if (so_fbank_compute(fbank, pool, samples, *frames, out, err)) return NULL;
    so_fbank_free(fbank);
    return out;
}

static float *windows(struct so_pool *pool, const struct so_speakers *speakers, const float *samples,
                      size_t n, size_t step, size_t *count, sotto_error *err) {
    struct so_segmentation *segmentation;
    const size_t windows = (n + step - 1) / step;
    *count = windows * SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES;
    float *out = malloc(*count * sizeof *out);
    if (!out || so_segmentation_create(speakers, pool, NULL, &segmentation, err)) return NULL;
    if (so_segment_windows(segmentation, samples, n, step, windows, out, err)) return NULL;
    so_segmentation_free(segmentation);
    return out;
}

static float *embed(struct so_pool *pool, const struct so_speakers *speakers, const float *fbank,
                    size_t frames, sotto_error *err) {
    struct so_embedding *embedding;
    float *out = malloc(SO_EMBEDDING_SIZE * sizeof *out);
    const struct so_embedding_item item = {fbank, NULL, frames, out};
    if (!out || so_embedding_create(speakers, pool, NULL, &embedding, err)) return NULL;
    if (so_embed(embedding, &item, 1, err)) return NULL;
    so_embedding_free(embedding);
    return out;
}

int main(int argc, char **argv) {
    struct so_speakers *speakers;
    struct so_pool *pool;
    sotto_error err;
    size_t n, count = 0;
    if (argc < 3) return 2;
    float *samples = read_all(&n), *out = NULL;
    const size_t step = argc > 3 ? (size_t)atol(argv[3]) : SO_SEGMENT_SAMPLES;
    if (so_pool_create(0, &pool, &err) || so_speakers_open(argv[1], SO_F32, &speakers, &err)) {
        fprintf(stderr, "speakers_dump: %s\n", err.message);
        return 1;
    }
    if (!strcmp(argv[2], "windows")) {
        out = windows(pool, speakers, samples, n, step ? step : 1, &count, &err);
    } else {
        size_t frames;
        float *fbank = features(pool, samples, n, &frames, &err);
        const bool whole = !strcmp(argv[2], "fbank");
        count = whole ? frames * SO_FBANK_BANDS : SO_EMBEDDING_SIZE;
        out = whole || !fbank ? fbank : embed(pool, speakers, fbank, frames, &err);
        if (fbank != out) free(fbank);
    }
    if (out)
        fwrite(out, sizeof *out, count, stdout);
    else
        fprintf(stderr, "speakers_dump: %s\n", err.message);
    free(out);
    free(samples);
    so_speakers_close(speakers);
    so_pool_free(pool);
    return out ? 0 : 1;
}
