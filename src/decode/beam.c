#include "decode/beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode/rules.h"
#include "util/memory.h"

/** One way to continue one live sequence. */
struct candidate {
    double score; /**< sum of log-probabilities with this token */
    float logprob;
    int32_t token;
    size_t source, order; /**< order: index among all candidates of the step, which decides between equals */
};

struct so_beam {
    size_t size, max_finished;
    size_t n_live, n_finished;
    struct so_hypothesis *live, *next; /**< [size] each */
    struct so_hypothesis *finished;    /**< [max(size, max_finished)] */
    struct candidate *candidates;      /**< [size * (size + 1)] */
};

static size_t finished_capacity(const struct so_beam *beam) { return so_max(beam->size, beam->max_finished); }

static sotto_status create_all(struct so_hypothesis **out, size_t n, size_t capacity, sotto_error *err) {
    *out = so_calloc(n, sizeof **out);
    if (!*out) return so_fail_memory(err, n * sizeof **out, "beam search");
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; i < n && !status; i++) status = so_hypothesis_create(&(*out)[i], capacity, err);
    return status;
}

static void free_all(struct so_hypothesis *hypotheses, size_t n) {
    for (size_t i = 0; hypotheses && i < n; i++) so_hypothesis_free(&hypotheses[i]);
    so_free(hypotheses);
}

sotto_status so_beam_create(size_t size, float patience, size_t capacity, struct so_beam **out, sotto_error *err) {
    *out = NULL;
    struct so_beam *beam = so_calloc(1, sizeof *beam);
    if (!beam) return so_fail_memory(err, sizeof *beam, "beam search");
    beam->size = size;
    beam->max_finished = so_max(1, (size_t)rint((double)size * (double)patience));
    beam->candidates = so_calloc(size * (size + 1), sizeof *beam->candidates);
    sotto_status status =
        beam->candidates ? SOTTO_OK : so_fail_memory(err, size * (size + 1) * sizeof *beam->candidates, "beam search");
    if (!status) status = create_all(&beam->live, size, capacity, err);
    if (!status) status = create_all(&beam->next, size, capacity, err);
    if (!status) status = create_all(&beam->finished, finished_capacity(beam), capacity, err);
    if (status) {
        so_beam_free(beam);
        return status;
    }
    so_beam_reset(beam);
    *out = beam;
    return SOTTO_OK;
}

void so_beam_free(struct so_beam *beam) {
    if (!beam) return;
    free_all(beam->live, beam->size);
    free_all(beam->next, beam->size);
    free_all(beam->finished, finished_capacity(beam));
    so_free(beam->candidates);
    so_free(beam);
}

void so_beam_reset(struct so_beam *beam) {
    beam->n_live = 1;
    beam->n_finished = 0;
    so_hypothesis_clear(&beam->live[0]);
}

size_t so_beam_live(const struct so_beam *beam) { return beam->n_live; }
const struct so_hypothesis *so_beam_get(const struct so_beam *beam, size_t index) { return &beam->live[index]; }

/** The `k` largest allowed logits, best first, the lower id first among equals; returns how many there are. */
static size_t top_tokens(const float *logits, size_t n_vocab, size_t k, struct candidate *best) {
    size_t n = 0;
    for (size_t i = 0; i < n_vocab; i++) {
        float logit = logits[i];
        if (!(logit > -INFINITY) || (n == k && !(logit > logits[best[n - 1].token]))) continue;
        size_t at = n < k ? n++ : n - 1;
        for (; at > 0 && logit > logits[best[at - 1].token]; at--) best[at] = best[at - 1];
        best[at].token = (int32_t)i;
    }
    return n;
}

static int by_score(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static size_t collect(struct so_beam *beam, const float *const *logits, size_t n_vocab) {
    size_t n = 0;
    for (size_t source = 0; source < beam->n_live; source++) {
        struct candidate *own = beam->candidates + n;
        size_t n_own = top_tokens(logits[source], n_vocab, beam->size + 1, own);
        struct so_normaliser normaliser = so_normalise(logits[source], n_vocab);
        for (size_t i = 0; i < n_own; i++) {
            own[i].logprob = so_logprob(logits[source], own[i].token, normaliser);
            own[i].score = beam->live[source].sum + (double)own[i].logprob;
            own[i].source = source;
            own[i].order = n + i;
        }
        n += n_own;
    }
    qsort(beam->candidates, n, sizeof *beam->candidates, by_score);
    return n;
}

void so_beam_step(struct so_beam *beam, const float *const *logits, size_t n_vocab, int32_t eot, size_t *sources) {
    size_t n = collect(beam, logits, n_vocab), kept = 0;
    for (size_t i = 0; i < n && kept < beam->size; i++) {
        const struct candidate *c = &beam->candidates[i];
        const struct so_hypothesis *from = &beam->live[c->source];
        if (c->token != eot) {
            so_hypothesis_extend(&beam->next[kept], from, c->token, c->logprob, eot);
            sources[kept++] = c->source;
        } else if (beam->n_finished < beam->max_finished) {
            so_hypothesis_extend(&beam->finished[beam->n_finished++], from, c->token, c->logprob, eot);
        }
    }
    struct so_hypothesis *swap = beam->live;
    beam->live = beam->next;
    beam->next = swap;
    beam->n_live = kept;
}

bool so_beam_done(const struct so_beam *beam) {
    return beam->n_finished >= beam->max_finished || beam->n_live == 0;
}

const struct so_hypothesis *so_beam_finish(struct so_beam *beam, size_t *n) {
    // Live sequences are in the order of their scores already.
    for (size_t i = 0; i < beam->n_live && beam->n_finished < beam->size; i++) {
        struct so_hypothesis *to = &beam->finished[beam->n_finished++], swap = *to;
        *to = beam->live[i];
        beam->live[i] = swap;
    }
    if (beam->n_finished == 0) so_hypothesis_clear(&beam->finished[beam->n_finished++]);
    *n = beam->n_finished;
    return beam->finished;
}
