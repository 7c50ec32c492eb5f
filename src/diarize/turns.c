#include "diarize/turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

/** What the voice of a piece of two seconds or more counts against the votes of all windows. */
#define VOICE_WEIGHT 3.0
#define VOICE_FULL_FRAMES (2.0 * SOTTO_SAMPLE_RATE / SO_SEGMENT_HOP)

struct sweep {
    const struct so_activity *activity;
    const struct so_voices *voices;
    const struct so_identity *id;
    double *score; /* [n_speakers] */
    size_t *since; /* [n_speakers]: frame in which the open turn began, SIZE_MAX: none */
    bool *speaks;  /* [n_speakers], now */
    size_t piece;  /* the first that does not lie before the frame */
    double duration;
    struct so_turns *out;
};

static sotto_status add_turn(struct sweep *s, size_t k, size_t end, sotto_error *err) {
    struct so_turns *out = s->out;
    double from = so_frame_seconds(s->since[k]), to = fmin(so_frame_seconds(end), s->duration);
    s->since[k] = SIZE_MAX;
    if (from >= to) return SOTTO_OK;
    if (out->n == out->capacity) {
        size_t capacity = so_max(64, 2 * out->capacity);
        struct so_turn *grown = so_alloc(capacity, sizeof *grown);
        if (!grown) return so_fail_memory(err, capacity * sizeof *grown, "turns");
        if (out->n) memcpy(grown, out->turns, out->n * sizeof *grown);
        so_free(out->turns);
        out->turns = grown;
        out->capacity = capacity;
    }
    out->turns[out->n++] = (struct so_turn){from, to, (uint32_t)k};
    return SOTTO_OK;
}

/** s->score for frame t. */
static void score_frame(struct sweep *s, size_t t) {
    size_t first, last, k = s->id->n_speakers;
    so_activity_over(s->activity, t, &first, &last);
    for (size_t i = 0; i < k; i++) s->score[i] = 0;
    for (size_t w = first; w < last; w++) {
        unsigned code = s->activity->codes[w * SO_SEGMENT_FRAMES + t - so_activity_start(s->activity, w)];
        for (unsigned local = 0; local < SO_SEGMENT_SPEAKERS; local++) {
            int who = s->id->who[w * SO_SEGMENT_SPEAKERS + local];
            if ((code >> local & 1) && who >= 0) s->score[who]++;
        }
    }
    for (size_t i = 0; i < k; i++) s->score[i] /= (double)so_max(1, last - first);
    while (s->piece < s->voices->n && s->voices->pieces[s->piece].last <= t) s->piece++;
    if (s->piece == s->voices->n || s->voices->pieces[s->piece].first > t) return;
    const struct so_piece *piece = &s->voices->pieces[s->piece];
    double weight = VOICE_WEIGHT * fmin(1, (double)(piece->last - piece->first) / VOICE_FULL_FRAMES);
    for (size_t i = 0; i < k; i++) s->score[i] += weight * fmax(0, (double)s->id->nearness[s->piece * k + i]);
}

static sotto_status step(struct sweep *s, size_t t, sotto_error *err) {
    size_t k = s->id->n_speakers, count = so_activity_frame(s->activity, t).speakers;
    for (size_t i = 0; i < k; i++) s->speaks[i] = false;
    if (count) score_frame(s, t);
    for (size_t n = 0; n < count; n++) {
        size_t best = k;
        for (size_t i = 0; i < k; i++)
            if (!s->speaks[i] && s->score[i] > 0 && (best == k || s->score[i] > s->score[best])) best = i;
        if (best < k) s->speaks[best] = true;
    }
    for (size_t i = 0; i < k; i++) {
        if (s->speaks[i] == (s->since[i] != SIZE_MAX)) continue;
        if (s->speaks[i]) {
            s->since[i] = t;
            continue;
        }
        sotto_status status = add_turn(s, i, t, err);
        if (status) return status;
    }
    return SOTTO_OK;
}

static int by_time(const void *a, const void *b) {
    const struct so_turn *x = a, *y = b;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return (x->speaker > y->speaker) - (x->speaker < y->speaker);
}

/** Sort, and number the speakers by their first turns. */
static sotto_status put_in_order(struct so_turns *out, size_t k, sotto_error *err) {
    qsort(out->turns, out->n, sizeof *out->turns, by_time);
    uint32_t *names = so_alloc(k, sizeof *names);
    out->identity = so_alloc(k, sizeof *out->identity);
    out->seconds = so_calloc(k, sizeof *out->seconds);
    if (!names || !out->identity || !out->seconds) {
        so_free(names);
        return so_fail_memory(err, k * sizeof *names, "turns");
    }
    for (size_t i = 0; i < k; i++) names[i] = UINT32_MAX;
    for (size_t i = 0; i < out->n; i++) {
        struct so_turn *turn = &out->turns[i];
        if (names[turn->speaker] == UINT32_MAX) {
            out->identity[out->n_speakers] = turn->speaker;
            names[turn->speaker] = (uint32_t)out->n_speakers++;
        }
        turn->speaker = names[turn->speaker];
        out->seconds[turn->speaker] += turn->end - turn->start;
    }
    so_free(names);
    return SOTTO_OK;
}

sotto_status so_find_turns(const struct so_activity *activity, const struct so_voices *voices,
                           const struct so_identity *identity, double duration, struct so_turns *out,
                           sotto_error *err) {
    *out = (struct so_turns){0};
    size_t k = identity->n_speakers, frames = so_activity_frames(activity);
    struct sweep s = {
        .activity = activity, .voices = voices, .id = identity, .duration = duration, .out = out};
    s.score = so_alloc(k, sizeof *s.score);
    s.since = so_alloc(k, sizeof *s.since);
    s.speaks = so_calloc(k, sizeof *s.speaks);
    sotto_status status =
        s.score && s.since && s.speaks ? SOTTO_OK : so_fail_memory(err, k * sizeof *s.score, "turns");
    for (size_t i = 0; !status && i < k; i++) s.since[i] = SIZE_MAX;
    for (size_t t = 0; !status && t < frames; t++) status = step(&s, t, err);
    for (size_t i = 0; !status && i < k; i++)
        if (s.since[i] != SIZE_MAX) status = add_turn(&s, i, frames, err);
    if (!status && out->n) status = put_in_order(out, k, err);
    so_free(s.score);
    so_free(s.since);
    so_free(s.speaks);
    return status;
}

void so_turns_free(struct so_turns *turns) {
    so_free(turns->turns);
    so_free(turns->identity);
    so_free(turns->seconds);
    *turns = (struct so_turns){0};
}
