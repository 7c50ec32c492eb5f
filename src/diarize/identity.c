#include "diarize/identity.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "diarize/assign.h"
#include "util/memory.h"

/** Frames of a piece that is long enough to found a speaker: a second. Shorter ones have too little voice in
 * them. */
#define SEED_FRAMES 60

/** Cosine distance up to which clusters of pieces are one speaker. Anything from 0.60 to 0.65 does as well on
 * conversations. */
#define THRESHOLD 0.63f

/** Pieces that a speaker has at least, unless a tenth of all is less. */
#define SMALL 4

/** Frames of pieces that a local speaker's own frames must meet to have a voice. */
#define VOICE_FRAMES 6

enum { DIM = SO_EMBEDDING_SIZE };

/** Those pieces that found speakers, thinned if there are very many. */
struct seeds {
    float *points;  /* [n][DIM] */
    float *weights; /* [n] */
    uint32_t *owner;
    uint32_t *labels;
    struct so_merge *merges;
    size_t n;
};

static void seeds_free(struct seeds *s) {
    so_free(s->points);
    so_free(s->weights);
    so_free(s->owner);
    so_free(s->labels);
    so_free(s->merges);
}

static size_t pick(const struct so_voices *voices, size_t shortest, struct seeds *s) {
    size_t n = 0;
    for (size_t i = 0; i < voices->n; i++) {
        if (voices->pieces[i].last - voices->pieces[i].first < shortest) continue;
        if (s) memcpy(s->points + n * DIM, voices->embeddings + i * DIM, DIM * sizeof(float));
        if (s) s->weights[n] = 1;
        n++;
    }
    return n;
}

static sotto_status cluster(const struct so_voices *voices, const struct so_cut_rule *rule,
                            struct so_identity *out, sotto_error *err) {
    size_t shortest = pick(voices, SEED_FRAMES, NULL) ? SEED_FRAMES : 0;
    struct seeds s = {.n = pick(voices, shortest, NULL)};
    s.points = so_alloc(s.n * DIM, sizeof *s.points);
    s.weights = so_alloc(s.n, sizeof *s.weights);
    s.owner = so_alloc(s.n, sizeof *s.owner);
    s.labels = so_alloc(s.n, sizeof *s.labels);
    s.merges = so_alloc(s.n, sizeof *s.merges);
    sotto_status status = s.points && s.weights && s.owner && s.labels && s.merges
                              ? SOTTO_OK
                              : so_fail_memory(err, s.n * DIM * sizeof(float), "clustering");
    if (!status) {
        pick(voices, shortest, &s);
        status = so_linkage_thin(s.points, s.weights, s.n, DIM, SO_LINKAGE_MAX_POINTS, s.owner, &s.n, err);
    }
    if (!status) status = so_linkage(s.points, s.weights, s.n, DIM, s.merges, err);
    if (!status)
        status = so_cut(s.merges, s.points, s.weights, s.n, DIM, rule, s.labels, &out->n_speakers, err);
    if (!status) {
        out->centroids = so_alloc(out->n_speakers * DIM, sizeof *out->centroids);
        status = out->centroids ? so_centroids(s.points, s.weights, s.labels, s.n, DIM, out->n_speakers,
                                               out->centroids, err)
                                : so_fail_memory(err, out->n_speakers * DIM * sizeof(float), "clustering");
    }
    seeds_free(&s);
    return status;
}

/** Which piece each frame of a window lies in. piece_of: [SO_SEGMENT_FRAMES], SIZE_MAX: none. *at moves on
 * with windows. */
static void find_pieces(const struct so_voices *voices, size_t start, size_t *at, size_t *piece_of) {
    while (*at < voices->n && voices->pieces[*at].last <= start) ++*at;
    size_t p = *at;
    for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++) {
        while (p < voices->n && voices->pieces[p].last <= start + f) p++;
        piece_of[f] = p < voices->n && voices->pieces[p].first <= start + f ? p : SIZE_MAX;
    }
}

/** The mean voice of a local speaker's clean frames against each speaker; false if it has too little. */
static bool score_voice(const struct so_voices *voices, const struct so_identity *id, const uint8_t *codes,
                        unsigned local, const size_t *piece_of, float *score) {
    double sum[DIM] = {0};
    size_t n = 0, p = SIZE_MAX, run = 0;
    for (size_t f = 0; f <= SO_SEGMENT_FRAMES; f++) {
        bool clean = f < SO_SEGMENT_FRAMES && codes[f] == 1u << local && piece_of[f] != SIZE_MAX;
        if (clean && piece_of[f] == p) {
            run++;
            continue;
        }
        if (run)
            for (size_t j = 0; j < DIM; j++) sum[j] += (double)run * (double)voices->embeddings[p * DIM + j];
        n += run;
        run = clean;
        p = clean ? piece_of[f] : SIZE_MAX;
    }
    if (n < VOICE_FRAMES) return false;
    double length = 0;
    float mean[DIM];
    for (size_t j = 0; j < DIM; j++) length += sum[j] * sum[j];
    for (size_t j = 0; j < DIM; j++) mean[j] = length > 0 ? (float)(sum[j] / sqrt(length)) : 0;
    for (size_t k = 0; k < id->n_speakers; k++)
        score[k] = so_kernels()->dot_f32(DIM, mean, id->centroids + k * DIM);
    return true;
}

/** Local speakers with a voice: one to one to the speakers, so that the cosines' sum is largest. */
static void match_voices(const struct so_activity *activity, const struct so_voices *voices,
                         struct so_identity *id, float *score) {
    size_t piece_of[SO_SEGMENT_FRAMES], at = 0;
    for (size_t w = 0; w < activity->n_windows; w++) {
        const uint8_t *codes = activity->codes + w * SO_SEGMENT_FRAMES;
        unsigned rows[SO_SEGMENT_SPEAKERS];
        int choice[SO_SEGMENT_SPEAKERS];
        size_t n = 0;
        find_pieces(voices, so_activity_start(activity, w), &at, piece_of);
        for (unsigned local = 0; local < SO_SEGMENT_SPEAKERS; local++)
            if (score_voice(voices, id, codes, local, piece_of, score + n * id->n_speakers))
                rows[n++] = local;
        so_assign(score, n, id->n_speakers, choice);
        for (size_t i = 0; i < n; i++) id->who[w * SO_SEGMENT_SPEAKERS + rows[i]] = (int16_t)choice[i];
    }
}

/** Frames in which local speaker `local` of window w speaks together with each speaker of other windows. */
static void score_company(const struct so_activity *activity, const struct so_identity *id, size_t w,
                          unsigned local, float *score) {
    const uint8_t *codes = activity->codes + w * SO_SEGMENT_FRAMES;
    size_t start = so_activity_start(activity, w);
    for (size_t k = 0; k < id->n_speakers; k++) score[k] = 0;
    for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++) {
        if (!(codes[f] >> local & 1)) continue;
        size_t first, last;
        so_activity_over(activity, start + f, &first, &last);
        for (size_t v = first; v < last; v++) {
            unsigned code =
                activity->codes[v * SO_SEGMENT_FRAMES + start + f - so_activity_start(activity, v)];
            for (unsigned other = 0; other < SO_SEGMENT_SPEAKERS; other++) {
                int who = id->who[v * SO_SEGMENT_SPEAKERS + other];
                if ((code >> other & 1) && who >= 0) score[who]++;
            }
        }
    }
}

/** Local speakers without a voice of their own: by who speaks at these times in the windows beside. */
static sotto_status match_company(const struct so_activity *activity, struct so_identity *id, float *score,
                                  sotto_error *err) {
    size_t n_who = activity->n_windows * SO_SEGMENT_SPEAKERS;
    int16_t *found = so_alloc(n_who, sizeof *found);
    if (!found) return so_fail_memory(err, n_who * sizeof *found, "speaker activity");
    memcpy(found, id->who, n_who * sizeof *found);
    for (size_t w = 0; w < activity->n_windows; w++) {
        const uint8_t *codes = activity->codes + w * SO_SEGMENT_FRAMES;
        unsigned any = 0, rows[SO_SEGMENT_SPEAKERS];
        int choice[SO_SEGMENT_SPEAKERS];
        size_t n = 0;
        for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++) any |= codes[f];
        for (unsigned local = 0; local < SO_SEGMENT_SPEAKERS; local++) {
            if (!(any >> local & 1) || id->who[w * SO_SEGMENT_SPEAKERS + local] >= 0) continue;
            float *row = score + n * id->n_speakers;
            score_company(activity, id, w, local, row);
            for (unsigned other = 0; other < SO_SEGMENT_SPEAKERS; other++)
                if (id->who[w * SO_SEGMENT_SPEAKERS + other] >= 0)
                    row[id->who[w * SO_SEGMENT_SPEAKERS + other]] = -1;
            rows[n++] = local;
        }
        so_assign(score, n, id->n_speakers, choice);
        for (size_t i = 0; i < n; i++)
            if (choice[i] >= 0 && score[i * id->n_speakers + (size_t)choice[i]] > 0)
                found[w * SO_SEGMENT_SPEAKERS + rows[i]] = (int16_t)choice[i];
    }
    memcpy(id->who, found, n_who * sizeof *found);
    so_free(found);
    return SOTTO_OK;
}

/** Speech without a single clean piece: one speaker, who is every window's first. */
static sotto_status only_speaker(const struct so_activity *activity, struct so_identity *out,
                                 sotto_error *err) {
    out->n_speakers = 1;
    out->centroids = so_calloc(DIM, sizeof *out->centroids);
    if (!out->centroids) return so_fail_memory(err, DIM * sizeof(float), "clustering");
    for (size_t w = 0; w < activity->n_windows; w++) {
        size_t most = 0;
        for (unsigned local = 0; local < SO_SEGMENT_SPEAKERS; local++) {
            size_t n = 0;
            for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++)
                n += activity->codes[w * SO_SEGMENT_FRAMES + f] >> local & 1;
            if (n <= most) continue;
            most = n;
            for (unsigned i = 0; i < SO_SEGMENT_SPEAKERS; i++)
                out->who[w * SO_SEGMENT_SPEAKERS + i] = i == local ? 0 : -1;
        }
    }
    return SOTTO_OK;
}

sotto_status so_identify(const struct so_activity *activity, const struct so_voices *voices, uint32_t least,
                         uint32_t most, struct so_identity *out, sotto_error *err) {
    size_t n_who = activity->n_windows * SO_SEGMENT_SPEAKERS;
    *out = (struct so_identity){.who = so_alloc(n_who, sizeof *out->who)};
    if (!out->who) return so_fail_memory(err, n_who * sizeof *out->who, "speaker activity");
    for (size_t i = 0; i < n_who; i++) out->who[i] = -1;
    if (voices->n == 0) return only_speaker(activity, out, err);

    if (!most || most > SO_MAX_SPEAKERS) most = SO_MAX_SPEAKERS;
    struct so_cut_rule rule = {.threshold = THRESHOLD, .small = SMALL, .least = least, .most = most};
    sotto_status status = cluster(voices, &rule, out, err);
    if (status) return status;
    float *score = so_alloc(SO_SEGMENT_SPEAKERS * out->n_speakers, sizeof *score);
    out->nearness = so_alloc(voices->n * out->n_speakers, sizeof *out->nearness);
    if (!score || !out->nearness) {
        so_free(score);
        return so_fail_memory(err, voices->n * out->n_speakers * sizeof(float), "clustering");
    }
    for (size_t i = 0; i < voices->n; i++)
        for (size_t k = 0; k < out->n_speakers; k++)
            out->nearness[i * out->n_speakers + k] =
                so_kernels()->dot_f32(DIM, voices->embeddings + i * DIM, out->centroids + k * DIM);
    match_voices(activity, voices, out, score);
    status = match_company(activity, out, score, err);
    so_free(score);
    return status;
}

void so_identity_free(struct so_identity *identity) {
    so_free(identity->centroids);
    so_free(identity->nearness);
    so_free(identity->who);
    *identity = (struct so_identity){0};
}
