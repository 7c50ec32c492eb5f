#include "decode/window.h"

#include <math.h>
#include <string.h>

#include "decode/beam.h"
#include "decode/loop.h"
#include "decode/rules.h"
#include "decode/sample.h"
#include "util/memory.h"

struct so_window {
    const struct so_model *model;
    const struct so_search *search;
    struct so_rules rules;
    size_t n_vocab, logits_size; /**< tokens, and floats of one row of logits */

    const struct so_cross *cross;
    int32_t *prompt; /**< [n_text_ctx] */
    size_t n_prompt, sot; /**< sot: position of <|startoftranscript|> in it */
    size_t fed;           /**< prompt tokens that the model has seen */
    float *prompt_logits; /**< [logits_size] after the last prompt token, before any rule */
    float *scratch;       /**< [logits_size] */
    float no_speech_prob;

    uint32_t index, attempt;
    float temperature;
    size_t group, max_group; /**< sequences side by side: now, and at most */
    struct so_seq **seqs;    /**< [max_group], created when first needed */
    struct so_seq **moved;   /**< [max_group] scratch of reorder() */
    float **logits;          /**< [max_group], each [logits_size] */
    size_t *sources;         /**< [max_group] */
    struct so_hypothesis *drawn; /**< [max_group]: greedy search and sampling */
    struct so_beam *beam;        /**< beam search; NULL if it is never used */
    bool use_beam, done;
    size_t steps;          /**< tokens sampled in this attempt */
    size_t cursor, asked;  /**< rows of this step that have run, and that were handed out last */
};

static size_t sample_length(const struct so_window *window) { return window->model->hp.n_text_ctx / 2; }

sotto_status so_window_create(const struct so_model *model, const struct so_search *search, struct so_window **out,
                              sotto_error *err) {
    *out = NULL;
    struct so_window *w = so_calloc(1, sizeof *w);
    if (!w) return so_fail_memory(err, sizeof *w, "decoding");
    w->model = model;
    w->search = search;
    w->rules = (struct so_rules){&model->vocab, search->timestamps, (int32_t)(SO_MAX_INITIAL_TIMESTAMP / SO_TIMESTAMP_STEP + 0.5)};
    w->n_vocab = model->hp.n_vocab;
    w->logits_size = so_round_up(w->n_vocab, 16);
    w->max_group = so_max(1, so_max(search->beam_size, search->best_of));
    w->done = true;
    w->prompt = so_calloc(model->hp.n_text_ctx, sizeof *w->prompt);
    w->prompt_logits = so_calloc(w->logits_size, sizeof *w->prompt_logits);
    w->scratch = so_calloc(w->logits_size, sizeof *w->scratch);
    w->seqs = so_calloc(w->max_group, sizeof *w->seqs);
    w->moved = so_calloc(w->max_group, sizeof *w->moved);
    w->logits = so_calloc(w->max_group, sizeof *w->logits);
    w->sources = so_calloc(w->max_group, sizeof *w->sources);
    w->drawn = so_calloc(w->max_group, sizeof *w->drawn);
    sotto_status status = SOTTO_OK;
    if (!w->prompt || !w->prompt_logits || !w->scratch || !w->seqs || !w->moved || !w->logits || !w->sources || !w->drawn)
        status = so_fail_memory(err, 2 * w->logits_size * sizeof(float), "decoding");
    if (!status && search->beam_size > 1)
        status = so_beam_create(search->beam_size, search->patience, sample_length(w), &w->beam, err);
    if (status) {
        so_window_free(w);
        return status;
    }
    *out = w;
    return SOTTO_OK;
}

void so_window_free(struct so_window *w) {
    if (!w) return;
    for (size_t i = 0; i < w->max_group; i++) {
        if (w->seqs) so_seq_free(w->seqs[i]);
        if (w->logits) so_free(w->logits[i]);
        if (w->drawn) so_hypothesis_free(&w->drawn[i]);
    }
    so_beam_free(w->beam);
    so_free(w->prompt);
    so_free(w->prompt_logits);
    so_free(w->scratch);
    so_free(w->seqs);
    so_free(w->moved);
    so_free(w->logits);
    so_free(w->sources);
    so_free(w->drawn);
    so_free(w);
}

void so_window_start(struct so_window *w, const struct so_cross *cross, int language, const int32_t *previous,
                     size_t n_previous, uint32_t index) {
    const struct so_vocab *vocab = &w->model->vocab;
    size_t most = w->model->hp.n_text_ctx / 2 - 1, n = 0;
    if (n_previous > most) {
        previous += n_previous - most;
        n_previous = most;
    }
    if (n_previous > 0) {
        w->prompt[n++] = vocab->start_of_prev;
        memcpy(w->prompt + n, previous, n_previous * sizeof *previous);
        n += n_previous;
    }
    w->sot = n;
    w->prompt[n++] = vocab->sot;
    if (vocab->multilingual) {
        w->prompt[n++] = vocab->first_language + language;
        w->prompt[n++] = w->search->task == SOTTO_TRANSLATE ? vocab->translate : vocab->transcribe;
    }
    if (!w->search->timestamps) w->prompt[n++] = vocab->no_timestamps;
    w->n_prompt = n;
    w->fed = 0;
    w->index = index;
    w->no_speech_prob = 0;
    w->done = true;
    w->cross = cross;
}

/** Make the sequences of this attempt exist; the first one is needed from the prompt on, the others only now. */
static sotto_status ensure_group(struct so_window *w, sotto_error *err) {
    for (size_t i = 0; i < w->group; i++) {
        sotto_status status = SOTTO_OK;
        if (!w->seqs[i]) status = so_seq_create(w->model, &w->seqs[i], err);
        if (!status && !w->logits[i]) {
            w->logits[i] = so_calloc(w->logits_size, sizeof **w->logits);
            if (!w->logits[i]) status = so_fail_memory(err, w->logits_size * sizeof **w->logits, "logits");
        }
        if (!status && !w->use_beam && !w->drawn[i].tokens)
            status = so_hypothesis_create(&w->drawn[i], sample_length(w), err);
        if (status) return status;
    }
    return SOTTO_OK;
}

/** Give each live sequence the keys and values of the one it continues, copying only where two continue the same. */
static void reorder(struct so_window *w, size_t n_live) {
    memset(w->moved, 0, w->max_group * sizeof *w->moved);
    for (size_t i = 0; i < n_live; i++) {
        struct so_seq **from = &w->seqs[w->sources[i]];
        w->moved[i] = *from;
        *from = NULL;
    }
    // What nobody continues is free to become a copy.
    size_t free_slot = 0;
    for (size_t i = 0; i < w->group; i++) {
        if (w->moved[i]) continue;
        while (!w->seqs[free_slot]) free_slot++;
        w->moved[i] = w->seqs[free_slot];
        w->seqs[free_slot] = NULL;
        if (i >= n_live) continue;
        size_t original = 0;
        while (w->sources[original] != w->sources[i]) original++;
        so_seq_copy(w->moved[i], w->moved[original]);
    }
    memcpy(w->seqs, w->moved, w->group * sizeof *w->seqs);
}

/** Forbid what the rules forbid; they always leave something, so nothing left means that the logits are not numbers. */
static sotto_status filter(const struct so_window *w, const struct so_hypothesis *hypothesis, float *logits, sotto_error *err) {
    so_rules_apply(&w->rules, hypothesis->tokens, hypothesis->n, logits);
    struct so_normaliser normaliser = so_normalise(logits, w->n_vocab);
    if (!isfinite(normaliser.max) || !isfinite(normaliser.log_sum))
        return so_fail(err, SOTTO_ERR_MODEL, "the model computes values that are not numbers");
    return SOTTO_OK;
}

static void extend_drawn(struct so_window *w, size_t i) {
    const float *logits = w->logits[i];
    struct so_draw draw = {w->search->seed, w->index, w->attempt, (uint32_t)i, (uint32_t)w->steps};
    int32_t eot = w->model->vocab.eot;
    int32_t token = w->temperature > 0 ? so_sample_draw(logits, w->n_vocab, w->temperature, &draw, w->scratch)
                                       : so_sample_best(logits, w->n_vocab);
    float logprob = so_logprob(logits, token, so_normalise(logits, w->n_vocab));
    struct so_hypothesis *drawn = &w->drawn[i];
    so_hypothesis_extend(drawn, drawn, token, logprob, eot);
    size_t keep;
    if (w->search->stop_loops && !drawn->ended && so_loop_at_end(w->rules.vocab, drawn->tokens, drawn->n, &keep))
        drawn->ended = drawn->looped = true;
}

static sotto_status step_drawn(struct so_window *w, sotto_error *err) {
    bool all_ended = true;
    for (size_t i = 0; i < w->group; i++) {
        if (w->drawn[i].ended) continue;
        sotto_status status = filter(w, &w->drawn[i], w->logits[i], err);
        if (status) return status;
        extend_drawn(w, i);
        all_ended = all_ended && w->drawn[i].ended;
    }
    w->done = all_ended;
    return SOTTO_OK;
}

static sotto_status step_beam(struct so_window *w, sotto_error *err) {
    for (size_t i = 0; i < so_beam_live(w->beam); i++) {
        sotto_status status = filter(w, so_beam_get(w->beam, i), w->logits[i], err);
        if (status) return status;
    }
    so_beam_step(w->beam, (const float *const *)w->logits, w->n_vocab, w->model->vocab.eot, w->sources);
    reorder(w, so_beam_live(w->beam));
    w->done = so_beam_done(w->beam);
    return SOTTO_OK;
}

/** All live sequences have their logits: choose one token for each. */
static sotto_status step(struct so_window *w, sotto_error *err) {
    sotto_status status = w->use_beam ? step_beam(w, err) : step_drawn(w, err);
    w->steps++;
    w->cursor = 0;
    if (w->steps >= sample_length(w) || w->n_prompt + w->steps > w->model->hp.n_text_ctx) w->done = true;
    return status;
}

/** The prompt is known to the model: the first token of every sequence comes from the same logits. */
static sotto_status first_step(struct so_window *w, sotto_error *err) {
    size_t n = w->use_beam ? 1 : w->group;
    for (size_t i = 0; i < n; i++) memcpy(w->logits[i], w->prompt_logits, w->n_vocab * sizeof **w->logits);
    for (size_t i = 1; i < n; i++) so_seq_copy(w->seqs[i], w->seqs[0]);
    return step(w, err);
}

sotto_status so_window_attempt(struct so_window *w, float temperature, uint32_t attempt, sotto_error *err) {
    w->temperature = temperature;
    w->attempt = attempt;
    w->group = so_max(1, temperature > 0 ? w->search->best_of : w->search->beam_size);
    w->use_beam = temperature <= 0 && w->group > 1;
    w->steps = w->cursor = w->asked = 0;
    w->done = false;
    sotto_status status = ensure_group(w, err);
    if (status) return status;
    if (w->use_beam) so_beam_reset(w->beam);
    for (size_t i = 0; i < w->group && !w->use_beam; i++) so_hypothesis_clear(&w->drawn[i]);
    if (w->fed == 0) {
        so_seq_reset(w->seqs[0], w->cross);
        return SOTTO_OK;
    }
    // Every sequence starts with the same prompt, so whichever is first now still knows it.
    so_seq_truncate(w->seqs[0], w->n_prompt);
    return first_step(w, err);
}

static size_t next_prompt(struct so_window *w, struct so_step_row *rows, size_t capacity) {
    size_t n = so_min(capacity, w->n_prompt - w->fed);
    for (size_t i = 0; i < n; i++) {
        size_t position = w->fed + i;
        float *logits = position + 1 == w->n_prompt ? w->prompt_logits : position == w->sot ? w->scratch : NULL;
        rows[i] = (struct so_step_row){w->seqs[0], w->prompt[position], logits};
    }
    return n;
}

static const struct so_hypothesis *sequence(const struct so_window *w, size_t i) {
    return w->use_beam ? so_beam_get(w->beam, i) : &w->drawn[i];
}

static size_t n_sequences(const struct so_window *w) { return w->use_beam ? so_beam_live(w->beam) : w->group; }

/** Rows of this step that are still to be run, the first `cursor` of them already have been. */
static size_t next_sampled(struct so_window *w, struct so_step_row *rows, size_t capacity) {
    size_t n = 0, passed = 0;
    for (size_t i = 0; i < n_sequences(w) && n < capacity; i++) {
        const struct so_hypothesis *hypothesis = sequence(w, i);
        if (hypothesis->ended || passed++ < w->cursor) continue;
        rows[n++] = (struct so_step_row){w->seqs[i], hypothesis->tokens[hypothesis->n - 1], w->logits[i]};
    }
    return n;
}

size_t so_window_next(struct so_window *w, struct so_step_row *rows, size_t capacity) {
    if (w->done) return 0;
    w->asked = w->fed < w->n_prompt ? next_prompt(w, rows, capacity) : next_sampled(w, rows, capacity);
    return w->asked;
}

static sotto_status consume_prompt(struct so_window *w, sotto_error *err) {
    size_t from = w->fed;
    w->fed += w->asked;
    if (w->sot >= from && w->sot < w->fed) {
        const float *logits = w->sot + 1 == w->n_prompt ? w->prompt_logits : w->scratch;
        w->no_speech_prob = so_probability(logits, w->n_vocab, w->model->vocab.no_speech);
    }
    return w->fed == w->n_prompt ? first_step(w, err) : SOTTO_OK;
}

sotto_status so_window_consume(struct so_window *w, sotto_error *err) {
    if (w->done) return SOTTO_OK;
    if (w->fed < w->n_prompt) return consume_prompt(w, err);
    w->cursor += w->asked;
    size_t live = 0;
    for (size_t i = 0; i < n_sequences(w); i++) live += !sequence(w, i)->ended;
    return w->cursor < live ? SOTTO_OK : step(w, err);
}

void so_window_result(struct so_window *w, struct so_window_result *result) {
    const struct so_hypothesis *all = w->drawn;
    size_t n = w->group;
    if (w->use_beam) all = so_beam_finish(w->beam, &n);
    const struct so_hypothesis *best = &all[so_hypothesis_rank(all, n, w->search->length_penalty)];
    result->tokens = best->tokens;
    result->logprobs = best->logprobs;
    result->n = best->n;
    result->avg_logprob = (float)(best->sum / (double)(best->n + 1));
    result->no_speech_prob = w->no_speech_prob;
}
