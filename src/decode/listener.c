#include "decode/listener.h"

#include <string.h>

#include "decode/ahead.h"
#include "util/memory.h"

struct so_listener {
    struct so_ahead *ahead;
    struct so_segmenter *segmenter;
    const struct so_ahead_block *block; /* the last one; its frames [at, ..) are still to be looked at */
    size_t at;
    float *samples; /* [capacity], of which n, the recording's from `start` on: what chunks may still need */
    size_t n, capacity;
    uint64_t start, total;
    bool ended;
    double audio_time, vad_time;
};

void so_listener_free(struct so_listener *l) {
    if (!l) return;
    so_ahead_free(l->ahead);
    so_segmenter_free(l->segmenter);
    so_free(l->samples);
    so_free(l);
}

sotto_status so_listener_create(const struct so_source *source, const struct so_vad_weights *weights, const sotto_options *options,
                                bool threaded, struct so_listener **out, sotto_error *err) {
    *out = NULL;
    struct so_listener *l = so_calloc(1, sizeof *l);
    if (!l) return so_fail_memory(err, sizeof *l, "speech detection");
    struct so_span_options spans;
    struct so_chunk_options chunks;
    so_span_options_of(options, &spans);
    if (!weights) spans.min_speech = 0;
    so_chunk_options_init(&chunks);
    sotto_status status = so_segmenter_create(&spans, &chunks, &l->segmenter, err);
    if (!status) status = so_ahead_create(source, weights, options->max_duration, threaded, &l->ahead, err);
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
    if (l->n + SO_AHEAD_SAMPLES <= l->capacity) return SOTTO_OK;
    size_t capacity = so_max(2 * l->capacity, (size_t)64 * SOTTO_SAMPLE_RATE);
    float *samples = so_alloc(capacity, sizeof *samples);
    if (!samples) return so_fail_memory(err, capacity * sizeof *samples, "samples");
    if (l->n) memcpy(samples, l->samples, l->n * sizeof *samples);
    so_free(l->samples);
    l->samples = samples;
    l->capacity = capacity;
    return SOTTO_OK;
}

/** The next block of the recording, kept as long as chunks may need it. */
static sotto_status take_block(struct so_listener *l, sotto_error *err) {
    sotto_status status = make_room(l, err);
    if (!status) status = so_ahead_next(l->ahead, &l->block, err);
    l->ended = !status && !l->block;
    if (status || l->ended) return status;
    memcpy(l->samples + l->n, l->block->samples, l->block->n * sizeof *l->samples);
    l->n += l->block->n;
    l->total += l->block->n;
    l->audio_time += l->block->audio_time;
    l->vad_time += l->block->vad_time;
    l->at = 0;
    return SOTTO_OK;
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
        if (l->block && l->at < l->block->n_frames) {
            so_segmenter_push(l->segmenter, l->block->frames[l->at++]);
        } else if (!l->ended) {
            sotto_status status = take_block(l, err);
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
