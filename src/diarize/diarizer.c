#include "diarize/diarizer.h"

#include <math.h>
#include <string.h>

#include "features/fbank.h"
#include "util/clock.h"
#include "util/memory.h"

#define STEP 16000      /* samples between windows */
#define STEP_FAST 32000 /* the same in the fast mode */

/** Pieces that wait to be embedded together, so that every thread has some; and frames after which none waits
 * longer. */
#define WAITING 24
#define WAITING_FRAMES (30 * SOTTO_SAMPLE_RATE / SO_SEGMENT_HOP)

/** Filter-bank frames of the longest piece. */
#define PIECE_FBANK (SO_PIECE_FRAMES * SO_SEGMENT_HOP / SO_FBANK_HOP + 2)

enum { DIM = SO_EMBEDDING_SIZE };

struct so_diarizer {
    struct so_diarizer_options options;
    struct so_pool *pool;
    struct so_segmentation *segmentation;
    struct so_embedding *embedding;
    struct so_fbank *fbank;
    struct so_activity activity;
    struct so_cutter cutter;

    float *samples; /* [capacity], of which n_kept, the recording's from `start` on */
    size_t n_kept, capacity, start, total;

    size_t batch;    /* windows looked at together */
    float *logprobs; /* [batch][SO_SEGMENT_FRAMES][SO_SEGMENT_CLASSES] */
    uint8_t *codes;  /* [batch][SO_SEGMENT_FRAMES] */
    float *bands;    /* [WAITING][PIECE_FBANK][SO_FBANK_BANDS] */
    struct so_piece
        *pieces;       /* [voices_capacity], of which n_voices are embedded and n_waiting wait behind them */
    float *embeddings; /* [voices_capacity][DIM] */
    size_t n_voices, n_waiting, voices_capacity;
    double seconds;
};

void so_diarizer_free(struct so_diarizer *d) {
    if (!d) return;
    so_segmentation_free(d->segmentation);
    so_embedding_free(d->embedding);
    so_fbank_free(d->fbank);
    so_activity_free(&d->activity);
    so_free(d->samples);
    so_free(d->logprobs);
    so_free(d->codes);
    so_free(d->bands);
    so_free(d->pieces);
    so_free(d->embeddings);
    so_free(d);
}

double so_diarizer_seconds(const struct so_diarizer *d) {
    return d->seconds;
}

sotto_status so_diarizer_create(const struct so_speakers *speakers, struct so_pool *pool,
                                struct so_backend *backend, const struct so_diarizer_options *options,
                                struct so_diarizer **out, sotto_error *err) {
    double from = so_now();
    *out = NULL;
    struct so_diarizer *d = so_calloc(1, sizeof *d);
    if (!d) return so_fail_memory(err, sizeof *d, "diarization");
    d->options = *options;
    d->pool = pool;
    so_activity_init(&d->activity, options->fast ? STEP_FAST : STEP);
    sotto_status status = so_segmentation_create(speakers, pool, backend, &d->segmentation, err);
    if (!status) status = so_embedding_create(speakers, pool, backend, &d->embedding, err);
    if (!status) status = so_fbank_create(&d->fbank, err);
    if (!status) {
        d->batch = so_max(1, so_segmentation_batch(d->segmentation));
        size_t n_logprobs = d->batch * SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES;
        d->logprobs = so_alloc(n_logprobs, sizeof *d->logprobs);
        d->codes = so_alloc(d->batch, SO_SEGMENT_FRAMES);
        d->bands = so_alloc((size_t)WAITING * PIECE_FBANK * SO_FBANK_BANDS, sizeof *d->bands);
        if (!d->logprobs || !d->codes || !d->bands)
            status = so_fail_memory(err, n_logprobs * sizeof(float), "diarization");
    }
    if (status) {
        so_diarizer_free(d);
        return status;
    }
    d->seconds = so_now() - from;
    *out = d;
    return SOTTO_OK;
}

/* ---- samples ---- */

/** The first sample that anything still needs. */
static size_t needed(const struct so_diarizer *d) {
    size_t window = d->activity.n_windows * d->activity.step;
    size_t frame = d->n_waiting ? d->pieces[d->n_voices].first : so_cutter_keeps(&d->cutter);
    return so_min(window, frame * SO_SEGMENT_HOP);
}

static sotto_status keep(struct so_diarizer *d, const float *samples, size_t n, sotto_error *err) {
    if (d->n_kept && n > d->capacity - d->n_kept) {
        size_t gone = so_min(needed(d) - d->start, d->n_kept);
        memmove(d->samples, d->samples + gone, (d->n_kept - gone) * sizeof *d->samples);
        d->start += gone;
        d->n_kept -= gone;
    }
    if (n > d->capacity - d->n_kept) {
        size_t capacity = so_max(2 * d->capacity, d->n_kept + n);
        float *grown = so_alloc(capacity, sizeof *grown);
        if (!grown) return so_fail_memory(err, capacity * sizeof *grown, "samples");
        if (d->n_kept) memcpy(grown, d->samples, d->n_kept * sizeof *grown);
        so_free(d->samples);
        d->samples = grown;
        d->capacity = capacity;
    }
    memcpy(d->samples + d->n_kept, samples, n * sizeof *samples);
    d->n_kept += n;
    d->total += n;
    return SOTTO_OK;
}

/* ---- voices ---- */

/** Of unit length; false for what has none. */
static bool normalise(float *x) {
    double length = 0;
    for (size_t i = 0; i < DIM; i++) length += (double)x[i] * (double)x[i];
    if (!(length > 0) || !isfinite(length)) return false;
    for (size_t i = 0; i < DIM; i++) x[i] = (float)((double)x[i] / sqrt(length));
    return true;
}

/** Embed the pieces that wait. Those too short for it are dropped. */
static sotto_status embed_waiting(struct so_diarizer *d, sotto_error *err) {
    struct so_embedding_item items[WAITING];
    struct so_piece *pieces = d->pieces + d->n_voices;
    size_t n = 0;
    for (size_t i = 0; i < d->n_waiting; i++) {
        size_t first, last;
        so_piece_fbank(&pieces[i], so_fbank_count(d->total), &first, &last);
        if (last - first < SO_EMBEDDING_MIN_FRAMES) continue;
        float *bands = d->bands + n * PIECE_FBANK * SO_FBANK_BANDS;
        const float *samples = d->samples + (first * SO_FBANK_HOP - d->start);
        sotto_status status = so_fbank_compute(d->fbank, d->pool, samples, last - first, bands, err);
        if (status) return status;
        items[n] = (struct so_embedding_item){
            .fbank = bands, .n_frames = last - first, .out = d->embeddings + (d->n_voices + n) * DIM};
        pieces[n++] = pieces[i];
    }
    sotto_status status = n ? so_embed(d->embedding, items, n, err) : SOTTO_OK;
    if (status) return status;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        float *voice = d->embeddings + (d->n_voices + i) * DIM;
        if (!normalise(voice)) continue;
        memmove(d->embeddings + (d->n_voices + kept) * DIM, voice, DIM * sizeof *voice);
        pieces[kept++] = pieces[i];
    }
    d->n_voices += kept;
    d->n_waiting = 0;
    return SOTTO_OK;
}

static sotto_status reserve_voices(struct so_diarizer *d, sotto_error *err) {
    if (d->n_voices + WAITING <= d->voices_capacity) return SOTTO_OK;
    size_t capacity = so_max(256, 2 * d->voices_capacity);
    struct so_piece *pieces = so_alloc(capacity, sizeof *pieces);
    float *embeddings = so_alloc(capacity * DIM, sizeof *embeddings);
    if (!pieces || !embeddings) {
        so_free(pieces);
        so_free(embeddings);
        return so_fail_memory(err, capacity * DIM * sizeof *embeddings, "voices");
    }
    size_t n = d->n_voices + d->n_waiting;
    if (n) memcpy(pieces, d->pieces, n * sizeof *pieces);
    if (d->n_voices) memcpy(embeddings, d->embeddings, d->n_voices * DIM * sizeof *embeddings);
    so_free(d->pieces);
    so_free(d->embeddings);
    d->pieces = pieces;
    d->embeddings = embeddings;
    d->voices_capacity = capacity;
    return SOTTO_OK;
}

/** Cut what the windows so far have settled into pieces. */
static sotto_status cut_pieces(struct so_diarizer *d, bool end, sotto_error *err) {
    size_t limit =
        end ? so_activity_frames(&d->activity) : so_activity_start(&d->activity, d->activity.n_windows);
    struct so_piece pieces[SO_CUTTER_PIECES];
    for (size_t n; (n = so_cutter_next(&d->cutter, &d->activity, limit, end, pieces)) > 0;) {
        sotto_status status = SOTTO_OK;
        bool stale = d->n_waiting && pieces[0].first > d->pieces[d->n_voices].first + WAITING_FRAMES;
        if (d->n_waiting + n > WAITING || stale) status = embed_waiting(d, err);
        if (!status) status = reserve_voices(d, err);
        if (status) return status;
        memcpy(d->pieces + d->n_voices + d->n_waiting, pieces, n * sizeof *pieces);
        d->n_waiting += n;
    }
    return SOTTO_OK;
}

/* ---- windows ---- */

static sotto_status look(struct so_diarizer *d, size_t n, sotto_error *err) {
    size_t from = d->activity.n_windows * d->activity.step - d->start;
    sotto_status status = so_segment_windows(d->segmentation, d->samples + from, d->n_kept - from,
                                             d->activity.step, n, d->logprobs, err);
    if (status) return status;
    so_segment_active(n * SO_SEGMENT_FRAMES, d->logprobs, d->codes);
    status = so_activity_add(&d->activity, d->codes, n, err);
    return status ? status : cut_pieces(d, false, err);
}

static sotto_status push(struct so_diarizer *d, const float *samples, size_t n, sotto_error *err) {
    while (n > 0) {
        size_t end = (d->activity.n_windows + d->batch - 1) * d->activity.step + SO_SEGMENT_SAMPLES;
        size_t some = so_min(n, end - d->total);
        sotto_status status = keep(d, samples, some, err);
        if (!status && d->total == end) status = look(d, d->batch, err);
        if (status) return status;
        samples += some;
        n -= some;
    }
    return SOTTO_OK;
}

sotto_status so_diarizer_push(struct so_diarizer *d, const float *samples, size_t n, sotto_error *err) {
    double from = so_now();
    sotto_status status = push(d, samples, n, err);
    d->seconds += so_now() - from;
    return status;
}

/** Windows of a whole recording: the last one reaches past its end, unless it ends there. */
static size_t count_windows(size_t total, size_t step) {
    if (total == 0) return 0;
    return total <= SO_SEGMENT_SAMPLES ? 1 : (total - SO_SEGMENT_SAMPLES + step - 1) / step + 1;
}

static sotto_status finish(struct so_diarizer *d, struct so_diarization *out, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    size_t n_windows = count_windows(d->total, d->activity.step);
    out->duration = (double)d->total / SOTTO_SAMPLE_RATE;
    while (!status && d->activity.n_windows < n_windows)
        status = look(d, so_min(d->batch, n_windows - d->activity.n_windows), err);
    if (!status && n_windows) status = cut_pieces(d, true, err);
    if (!status && d->n_waiting) status = embed_waiting(d, err);
    if (status || !n_windows) return status;

    struct so_voices voices = {d->pieces, d->embeddings, d->n_voices};
    struct so_identity identity;
    status = so_identify(&d->activity, &voices, d->options.least, d->options.most, &identity, err);
    if (!status) status = so_find_turns(&d->activity, &voices, &identity, out->duration, &out->turns, err);
    if (!status && out->turns.n_speakers) {
        size_t n = out->turns.n_speakers;
        out->centroids = so_alloc(n * DIM, sizeof *out->centroids);
        if (!out->centroids) status = so_fail_memory(err, n * DIM * sizeof(float), "voices");
        for (size_t i = 0; !status && i < n; i++)
            memcpy(out->centroids + i * DIM, identity.centroids + out->turns.identity[i] * DIM,
                   DIM * sizeof(float));
    }
    so_identity_free(&identity);
    return status;
}

sotto_status so_diarizer_finish(struct so_diarizer *d, struct so_diarization *out, sotto_error *err) {
    double from = so_now();
    *out = (struct so_diarization){0};
    sotto_status status = finish(d, out, err);
    d->seconds += so_now() - from;
    return status;
}

void so_diarization_free(struct so_diarization *diarization) {
    so_turns_free(&diarization->turns);
    so_free(diarization->centroids);
    *diarization = (struct so_diarization){0};
}
