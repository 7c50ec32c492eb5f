#include "decode/listener.h"

#include <string.h>

#include "decode/engine.h"
#include "util/clock.h"
#include "util/memory.h"
#include "vad/vad.h"

#define BLOCK (64 * SO_VAD_HOP) /* samples read at a time: about 2 s */

struct so_listener {
    struct so_source source;
    double max_duration;
    struct so_vad *vad;
    struct so_segmenter *segmenter;
    struct so_vad_frame frames[BLOCK / SO_VAD_HOP + 1]; /* of the last block; [at, n_frames) are still to be looked at */
    size_t at, n_frames;
    float *samples; /* [capacity], of which n, the recording's from `start` on: what chunks may still need */
    size_t n, capacity;
    uint64_t start, total;
    bool ended;
    double audio_time, vad_time;
};

void so_listener_free(struct so_listener *l) {
    if (!l) return;
    so_vad_free(l->vad);
    so_segmenter_free(l->segmenter);
    so_free(l->samples);
    so_free(l);
}

sotto_status so_listener_create(const struct so_source *source, const struct so_vad_weights *weights, const sotto_options *options,
                                struct so_listener **out, sotto_error *err) {
    *out = NULL;
    struct so_listener *l = so_calloc(1, sizeof *l);
    if (!l) return so_fail_memory(err, sizeof *l, "speech detection");
    l->source = *source;
    l->max_duration = options->max_duration;
    struct so_span_options spans;
    struct so_chunk_options chunks;
    so_span_options_of(options, &spans);
    if (!weights) spans.min_speech = 0;
    so_chunk_options_init(&chunks);
    sotto_status status = so_vad_create(weights, &l->vad, err);
    if (!status) status = so_segmenter_create(&spans, &chunks, &l->segmenter, err);
    if (status) {
        so_listener_free(l);
        return status;
    }
    *out = l;
    return SOTTO_OK;
}

/** Room for one block more, after forgetting what no chunk will need. */
static sotto_status make_room(struct so_listener *l, sotto_error *err) {
    uint64_t needed = so_segmenter_needed(l->segmenter);
    size_t gone = needed > l->start ? so_min((size_t)(needed - l->start), l->n) : 0;
    if (gone) memmove(l->samples, l->samples + gone, (l->n - gone) * sizeof *l->samples);
    l->start += gone;
    l->n -= gone;
    if (l->n + BLOCK <= l->capacity) return SOTTO_OK;
    size_t capacity = so_max(2 * l->capacity, (size_t)64 * SOTTO_SAMPLE_RATE);
    float *samples = so_alloc(capacity, sizeof *samples);
    if (!samples) return so_fail_memory(err, capacity * sizeof *samples, "samples");
    if (l->n) memcpy(samples, l->samples, l->n * sizeof *samples);
    so_free(l->samples);
    l->samples = samples;
    l->capacity = capacity;
    return SOTTO_OK;
}

/** Read a block and look for speech in it. */
static sotto_status read_block(struct so_listener *l, sotto_error *err) {
    double from = so_now();
    sotto_status status = make_room(l, err);
    size_t n = 0, got = 1;
    while (!status && got > 0 && n < BLOCK) {
        status = l->source.read(l->source.context, l->samples + l->n + n, BLOCK - n, &got, err);
        if (!status) n += got;
    }
    if (status) return status;
    float *block = l->samples + l->n; /* [n] */
    so_samples_tame(block, n);
    l->n += n;
    l->total += n;
    double read = so_now();
    l->audio_time += read - from;
    l->at = 0;
    l->n_frames = so_vad_push(l->vad, block, n, l->frames);
    if (n < BLOCK) {
        l->ended = true;
        l->n_frames += so_vad_finish(l->vad, &l->frames[l->n_frames]);
    }
    l->vad_time += so_now() - read;
    return so_samples_check(l->total, l->max_duration, err);
}

static void copy_samples(const struct so_listener *l, const struct so_chunk *chunk, float *samples) {
    for (size_t i = 0; i < chunk->n_pieces; i++) {
        const struct so_chunk_piece *piece = &chunk->pieces[i];
        memcpy(samples + piece->offset, l->samples + (piece->start - l->start), piece->length * sizeof *samples);
    }
}

sotto_status so_listener_next(struct so_listener *l, struct so_chunk *chunk, float *samples, bool *more, sotto_error *err) {
    bool finished = false;
    while (!so_segmenter_next(l->segmenter, chunk)) {
        if (l->at < l->n_frames) {
            so_segmenter_push(l->segmenter, l->frames[l->at++]);
        } else if (!l->ended) {
            sotto_status status = read_block(l, err);
            if (status) return status;
        } else if (!finished) {
            so_segmenter_finish(l->segmenter, l->total);
            finished = true;
        } else {
            *more = false;
            return SOTTO_OK;
        }
    }
    copy_samples(l, chunk, samples);
    *more = true;
    return SOTTO_OK;
}

uint64_t so_listener_total(const struct so_listener *l) { return l->total; }

bool so_listener_ended(const struct so_listener *l) { return l->ended; }

void so_listener_timing(const struct so_listener *l, double *audio, double *vad) {
    *audio = l->audio_time;
    *vad = l->vad_time;
}
