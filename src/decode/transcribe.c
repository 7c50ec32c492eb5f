#include "decode/transcribe.h"

#include <math.h>
#include <string.h>

#include "decode/compress.h"
#include "decode/engine.h"
#include "decode/fallback.h"
#include "decode/history.h"
#include "decode/segments.h"
#include "util/memory.h"
#include "util/text.h"

#define FRAMES_PER_SECOND 100.0

/** Text of a window drawn above this temperature is not shown to the next one: errors would breed errors. */
#define MAX_HISTORY_TEMPERATURE 0.5f

struct task {
    const struct so_model *model;
    const sotto_options *options;
    struct so_search search;
    struct so_thresholds thresholds;
    struct so_feed feed;
    struct so_engine engine;
    struct so_window *window;
    struct so_history history;
    struct so_transcript *transcript;
    struct so_span *spans; /**< [n_text_ctx / 2 + 1] */
    char *text;            /**< scratch for decoded text */
    size_t text_size;
    int language;          /**< index, -1 while unknown */
};

/** How the best attempt at a window turned out. */
struct outcome {
    struct so_window_result decoded;
    struct so_quality quality;
    float temperature;
};

static sotto_status decode_text(struct task *t, const int32_t *tokens, size_t n, struct so_text *text, sotto_error *err) {
    size_t length = so_vocab_decode(&t->model->vocab, tokens, n, t->text, t->text_size);
    if (length >= t->text_size) {
        so_free(t->text);
        t->text_size = length + 1;
        t->text = so_alloc(t->text_size, 1);
        if (!t->text) {
            t->text_size = 0;
            return so_fail_memory(err, length + 1, "a segment's text");
        }
        so_vocab_decode(&t->model->vocab, tokens, n, t->text, t->text_size);
    }
    *text = (struct so_text){t->text, length};
    return SOTTO_OK;
}

static sotto_status judge(struct task *t, struct outcome *outcome, sotto_error *err) {
    so_window_result(t->window, &outcome->decoded);
    struct so_text text = {NULL, 0};
    sotto_status status = decode_text(t, outcome->decoded.tokens, outcome->decoded.n, &text, err);
    if (status) return status;
    text = so_text_trim(text.bytes, text.length);
    outcome->quality.avg_logprob = outcome->decoded.avg_logprob;
    outcome->quality.no_speech_prob = outcome->decoded.no_speech_prob;
    return so_compression_ratio(text.bytes, text.length, &outcome->quality.compression_ratio, err);
}

/** Temperatures in order until the transcript is good enough; the last one counts in any case. */
static sotto_status decode_window(struct task *t, struct outcome *outcome, sotto_error *err) {
    const sotto_options *o = t->options;
    so_window_start(t->window, t->engine.cross, t->language, t->history.tokens, t->history.n, (uint32_t)t->feed.start_frame);
    for (uint32_t i = 0; i < o->n_temperatures; i++) {
        outcome->temperature = o->temperatures[i];
        sotto_status status = so_window_attempt(t->window, outcome->temperature, i, err);
        if (!status) status = so_engine_decode(&t->engine, t->window, o->cancel, o->user, err);
        if (!status) status = judge(t, outcome, err);
        if (status) return status;
        if (!so_needs_fallback(&t->thresholds, &outcome->quality)) break;
    }
    return SOTTO_OK;
}

static sotto_status add_span(struct task *t, const struct outcome *outcome, const struct so_span *span, sotto_error *err) {
    const int32_t *tokens = outcome->decoded.tokens + span->first;
    struct so_text text = {NULL, 0};
    sotto_status status = decode_text(t, tokens, span->count, &text, err);
    if (status) return status;
    if (span->start == span->end || so_text_trim(text.bytes, text.length).length == 0) return SOTTO_OK;

    double offset = (double)t->feed.start_frame;
    sotto_segment segment = {
        .start = (offset + span->start) / FRAMES_PER_SECOND,
        .end = (offset + span->end) / FRAMES_PER_SECOND,
        .text = text.bytes,
        .tokens = tokens,
        .token_logprobs = outcome->decoded.logprobs + span->first,
        .n_tokens = span->count,
        .temperature = outcome->temperature,
        .avg_logprob = outcome->quality.avg_logprob,
        .compression_ratio = outcome->quality.compression_ratio,
        .no_speech_prob = outcome->quality.no_speech_prob,
        .speaker = -1,
    };
    const sotto_segment *added;
    status = so_transcript_add(t->transcript, &segment, &added, err);
    if (status) return status;
    so_history_add(&t->history, tokens, span->count);
    if (t->options->on_segment) t->options->on_segment(t->options->user, added);
    return SOTTO_OK;
}

/** Segments of the window; *advance: frames to the next one. */
static sotto_status understand(struct task *t, const struct outcome *outcome, uint32_t frames, uint32_t *advance, sotto_error *err) {
    *advance = frames;
    if (so_is_silence(&t->thresholds, &outcome->quality)) return SOTTO_OK;
    struct so_split split =
        so_segments_split(&t->model->vocab, outcome->decoded.tokens, outcome->decoded.n, frames, t->spans);
    *advance = split.advance;
    for (size_t i = 0; i < split.n_spans; i++) {
        sotto_status status = add_span(t, outcome, &t->spans[i], err);
        if (status) return status;
    }
    if (!t->options->condition_on_previous || outcome->temperature > MAX_HISTORY_TEMPERATURE) so_history_reset(&t->history);
    return SOTTO_OK;
}

static sotto_status find_language(struct task *t, sotto_error *err) {
    sotto_result *result = &t->transcript->result;
    struct so_language_guess guess = {t->language, 1};
    if (t->language < 0) {
        sotto_status status = so_engine_language(&t->engine, &guess, err);
        if (status) return status;
    }
    t->language = guess.index;
    result->language = so_language_code((size_t)guess.index);
    result->language_probability = guess.probability;
    return SOTTO_OK;
}

static void report_progress(const struct task *t) {
    if (!t->options->on_progress) return;
    double total = t->feed.ended ? (double)t->feed.total / SOTTO_SAMPLE_RATE : t->feed.source.duration_hint;
    double done = (double)t->feed.start_frame / FRAMES_PER_SECOND;
    t->options->on_progress(t->options->user, total > 0 ? fmin(done, total) : done, total);
}

static sotto_status fill(struct task *t, sotto_error *err) {
    double from = so_engine_clock();
    sotto_status status = so_feed_fill(&t->feed, err);
    t->engine.timing.audio += so_engine_clock() - from;
    return status;
}

static sotto_status run_window(struct task *t, sotto_error *err) {
    uint32_t frames = so_feed_frames(&t->feed);
    sotto_status status = so_engine_hear(&t->engine, t->feed.samples, t->feed.n, err);
    if (!status && t->transcript->result.language[0] == '\0') status = find_language(t, err);
    if (status || frames == 0) return status;
    struct outcome outcome;
    uint32_t advance = frames;
    status = decode_window(t, &outcome, err);
    if (!status) status = understand(t, &outcome, frames, &advance, err);
    if (status) return status;
    so_feed_advance(&t->feed, advance);
    report_progress(t);
    return SOTTO_OK;
}

static sotto_status run_windows(struct task *t, sotto_error *err) {
    const sotto_options *o = t->options;
    sotto_status status = fill(t, err);
    // The language of a recording too short for one frame is still asked for.
    bool more = true;
    while (!status && more) {
        if (o->cancel && o->cancel(o->user)) return so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
        status = run_window(t, err);
        if (!status) status = fill(t, err);
        more = so_feed_frames(&t->feed) > 0;
    }
    return status;
}

static sotto_status prepare(struct task *t, const struct so_source *source, sotto_error *err) {
    const sotto_options *o = t->options;
    const struct so_hparams *hp = &t->model->hp;
    t->search = (struct so_search){o->task,     !o->no_timestamps,  o->beam_size, o->best_of,
                                   o->patience, o->length_penalty, o->seed};
    t->thresholds = (struct so_thresholds){o->compression_ratio_threshold, o->logprob_threshold, o->no_speech_threshold};
    bool known = o->language && strcmp(o->language, "auto") != 0;
    t->language = known ? so_language_index(o->language) : t->model->vocab.multilingual ? -1 : so_language_index("en");
    t->spans = so_calloc(hp->n_text_ctx / 2 + 1, sizeof *t->spans);
    if (!t->spans) return so_fail_memory(err, hp->n_text_ctx * sizeof *t->spans, "segments");
    sotto_status status = so_transcript_create(t->model->name, &t->transcript, err);
    if (!status) status = so_feed_create(source, o->max_duration, &t->feed, err);
    if (!status) status = so_engine_create(t->model, o->threads, &t->engine, err);
    if (!status) status = so_window_create(t->model, &t->search, &t->window, err);
    if (!status)
        status = so_history_create(&t->model->vocab, hp->n_text_ctx / 2 - 1, o->initial_prompt, o->hotwords, &t->history, err);
    return status;
}

static void release(struct task *t) {
    so_history_free(&t->history);
    so_window_free(t->window);
    so_engine_free(&t->engine);
    so_feed_free(&t->feed);
    so_free(t->spans);
    so_free(t->text);
}

sotto_status so_transcribe(const struct so_model *model, const struct so_source *source, const sotto_options *options,
                           struct so_transcript **out, sotto_error *err) {
    double from = so_engine_clock();
    *out = NULL;
    struct task t = {.model = model, .options = options};
    sotto_status status = prepare(&t, source, err);
    if (!status) status = run_windows(&t, err);
    if (!status || status == SOTTO_ERR_CANCELLED) {
        sotto_result *result = &t.transcript->result;
        sotto_status finished = so_transcript_finish(t.transcript, err);
        if (finished) status = finished;
        result->duration = (double)t.feed.total / SOTTO_SAMPLE_RATE;
        result->timing = t.engine.timing;
        result->timing.total = so_engine_clock() - from;
        result->timing.realtime_factor = result->duration / fmax(result->timing.total, 1e-9);
    }
    release(&t);
    if (status && status != SOTTO_ERR_CANCELLED) {
        so_transcript_free(t.transcript);
        return status;
    }
    *out = t.transcript;
    return status;
}
