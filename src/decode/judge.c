#include "decode/judge.h"

#include <math.h>
#include <string.h>

#include "decode/compress.h"
#include "decode/loop.h"
#include "util/memory.h"
#include "util/text.h"

sotto_status so_judge_create(const struct so_model *model, const sotto_options *o, struct so_judge *judge, sotto_error *err) {
    *judge = (struct so_judge){.model = model};
    judge->thresholds = (struct so_thresholds){o->compression_ratio_threshold, o->logprob_threshold, o->no_speech_threshold};
    size_t n = model->hp.n_text_ctx / 2 + 1;
    judge->cuts = so_calloc(n, sizeof *judge->cuts);
    judge->spoken = so_calloc(n, sizeof *judge->spoken);
    if (!judge->cuts || !judge->spoken) return so_fail_memory(err, n * sizeof *judge->cuts, "segments");
    return so_wording_create(model, o, &judge->wording, err);
}

void so_judge_free(struct so_judge *judge) {
    so_wording_free(&judge->wording);
    so_free(judge->spoken);
    so_free(judge->cuts);
    so_free(judge->text);
    *judge = (struct so_judge){0};
}

static sotto_status decode_text(struct so_judge *j, const int32_t *tokens, size_t n, struct so_text *text, sotto_error *err) {
    *text = (struct so_text){NULL, 0};
    size_t length = so_vocab_decode(&j->model->vocab, tokens, n, j->text, j->text_size);
    if (length >= j->text_size) {
        so_free(j->text);
        j->text_size = length + 1;
        j->text = so_alloc(j->text_size, 1);
        if (!j->text) {
            j->text_size = 0;
            return so_fail_memory(err, length + 1, "a segment's text");
        }
        so_vocab_decode(&j->model->vocab, tokens, n, j->text, j->text_size);
    }
    *text = (struct so_text){j->text, length};
    return SOTTO_OK;
}

static size_t count_text(const struct so_vocab *vocab, const struct so_window_result *decoded) {
    size_t n = 0;
    for (size_t i = 0; i < decoded->n; i++) n += !so_vocab_is_timestamp(vocab, decoded->tokens[i]);
    return n;
}

sotto_status so_judge_attempt(struct so_judge *j, struct so_window *window, struct so_speech speech, struct so_outcome *outcome, sotto_error *err) {
    const struct so_vocab *vocab = &j->model->vocab;
    size_t keep;

    so_window_result(window, &outcome->decoded);
    struct so_text text;
    sotto_status status = decode_text(j, outcome->decoded.tokens, outcome->decoded.n, &text, err);
    if (status) return status;
    text = so_text_trim(text.bytes, text.length);
    outcome->cut = false;
    bool guarded = !isnan(j->thresholds.compression_ratio);
    outcome->quality.loop = guarded && so_loop_find(vocab, outcome->decoded.tokens, outcome->decoded.n, &keep);
    outcome->quality.outruns = guarded && (double)count_text(vocab, &outcome->decoded) > so_most_tokens(speech.seconds);
    outcome->quality.doubted = speech.probability < SO_DOUBTFUL_SPEECH;
    outcome->quality.avg_logprob = outcome->decoded.avg_logprob;
    outcome->quality.no_speech_prob = outcome->decoded.no_speech_prob;
    return so_compression_ratio(text.bytes, text.length, &outcome->quality.compression_ratio, err);
}

sotto_status so_kept_create(const struct so_model *model, struct so_kept *kept, sotto_error *err) {
    *kept = (struct so_kept){.capacity = model->hp.n_text_ctx};
    kept->tokens = so_calloc(kept->capacity, sizeof *kept->tokens);
    kept->logprobs = so_calloc(kept->capacity, sizeof *kept->logprobs);
    if (kept->tokens && kept->logprobs) return SOTTO_OK;
    so_kept_free(kept);
    return so_fail_memory(err, model->hp.n_text_ctx * sizeof *kept->tokens, "attempts");
}

void so_kept_free(struct so_kept *kept) {
    so_free(kept->tokens);
    so_free(kept->logprobs);
    *kept = (struct so_kept){0};
}

static void keep(struct so_kept *kept, const struct so_outcome *outcome) {
    size_t n = so_min(outcome->decoded.n, kept->capacity);
    if (n) memcpy(kept->tokens, outcome->decoded.tokens, n * sizeof *kept->tokens);
    if (n) memcpy(kept->logprobs, outcome->decoded.logprobs, n * sizeof *kept->logprobs);
    kept->outcome = *outcome;
    kept->outcome.decoded.tokens = kept->tokens;
    kept->outcome.decoded.logprobs = kept->logprobs;
    kept->outcome.decoded.n = n;
    kept->any = true;
}

bool so_kept_offer(struct so_kept *kept, const struct so_judge *judge, const struct so_outcome *outcome, bool last) {
    bool good = !so_needs_fallback(&judge->thresholds, &outcome->quality);
    if (good || !kept->any || so_is_better(&judge->thresholds, &outcome->quality, &kept->outcome.quality)) keep(kept, outcome);
    if (!good && !last) return true;
    struct so_window_result *decoded = &kept->outcome.decoded;
    if (kept->outcome.quality.loop)
        kept->outcome.cut = so_loop_find(&judge->model->vocab, decoded->tokens, decoded->n, &decoded->n);
    return false;
}

/** The cuts that become segments, to j->spoken. */
static sotto_status keep_spoken(struct so_judge *j, const struct so_window_result *decoded, size_t n_cuts, so_frame_time *time, void *context,
                                size_t *n_spoken, sotto_error *err) {
    *n_spoken = 0;
    for (size_t i = 0; i < n_cuts; i++) {
        const struct so_cut *cut = &j->cuts[i];
        struct so_text text;
        sotto_status status = decode_text(j, decoded->tokens + cut->first, cut->count, &text, err);
        if (status) return status;
        /* What is said to lie wholly after the end of what was heard has no length there: it is an invention. */
        bool has_length = time(context, cut->end, true) > time(context, cut->start, false);
        if (!has_length || so_text_trim(text.bytes, text.length).length == 0) continue;
        j->spoken[(*n_spoken)++] = (struct so_align_segment){decoded->tokens + cut->first, decoded->logprobs + cut->first, cut->count,
                                                             cut->start, cut->end};
    }
    return SOTTO_OK;
}

sotto_status so_judge_segments(struct so_judge *j, const struct so_outcome *outcome, const struct so_align_window *window,
                               struct so_engine *engine, so_frame_time *time, so_segment_added *added,
                               void *context, struct so_transcript *transcript, struct so_split *split, sotto_error *err) {
    uint32_t frames = window->frames;
    size_t n_spoken;
    *split = (struct so_split){0, frames};
    if (so_is_silence(&j->thresholds, &outcome->quality)) return SOTTO_OK;
    *split = so_segments_split(&j->model->vocab, outcome->decoded.tokens, outcome->decoded.n, frames, j->cuts);
    /* What follows a loop has not been understood, whatever the text's last timestamp seems to say. */
    uint32_t last = split->n_spans ? j->cuts[split->n_spans - 1].end : 0;
    if (outcome->cut && last > 0 && last < frames) split->advance = last;
    sotto_status status = keep_spoken(j, &outcome->decoded, split->n_spans, time, context, &n_spoken, err);
    if (!status) status = so_wording_find(&j->wording, engine, window, j->spoken, n_spoken, err);
    for (size_t i = 0; i < n_spoken && !status; i++) {
        const struct so_align_segment *spoken = &j->spoken[i];
        struct so_text text;
        status = decode_text(j, spoken->tokens, spoken->n, &text, err);
        if (status) return status;
        sotto_segment segment = {
            .start = time(context, spoken->start, false),
            .end = time(context, spoken->end, true),
            .text = text.bytes,
            .language = j->language,
            .tokens = spoken->tokens,
            .token_logprobs = spoken->logprobs,
            .n_tokens = spoken->n,
            .temperature = outcome->temperature,
            .avg_logprob = outcome->quality.avg_logprob,
            .compression_ratio = outcome->quality.compression_ratio,
            .no_speech_prob = outcome->quality.no_speech_prob,
            .speaker = -1,
        };
        so_wording_take(&j->wording, i, time, context, transcript, &segment);
        const sotto_segment *copy;
        status = so_transcript_add(transcript, &segment, &copy, err);
        if (!status && added) added(context, copy);
    }
    return status;
}
