/*
 * Transcription while somebody speaks. The sound that is not settled yet, at most half a minute, is
 * transcribed again and again as it grows; what two passes agree on is confirmed (agree.h). Sound before a
 * confirmed end of a sentence is forgotten.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/again.h"
#include "decode/feed.h"
#include "live/agree.h"
#include "sotto.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/memory.h"

#define LIVE_VERSION 1
#define MIN_STEP 0.2
#define MAX_STEP 10.0
#define LONGEST_STEP \
    5.0 /* seconds of new sound that one pass takes at most, however much was pushed at once */
#define TRIM_AFTER 12.0  /* seconds of unsettled sound after which the confirmed part of it is forgotten */
#define FULL 27.0        /* then all but the last words are confirmed, agreed on or not */
#define UNSURE_TAIL 2.0  /* seconds that are still open then */
#define SILENCE_KEPT 2.0 /* of sound in which nobody spoke */

struct sotto_live {
    const sotto_model *model;
    sotto_options options;
    sotto_live_callback callback;
    void *user;
    double step;
    float *samples;  /* [SO_FEED_SAMPLES], the first n are there: what is not settled */
    size_t n, fresh; /* fresh: of them, those that no pass has heard */
    uint64_t start;  /* of samples[0] in the stream */
    struct so_agreement agreement;
    struct so_heard pass;
    struct so_machine_hold machine; /* of all passes */
    double sentence_end; /* end of the last confirmed word that ends a sentence, seconds; 0: none in the
                            unsettled sound */
    bool finished;
};

void sotto_live_options_init(sotto_live_options *options) {
    *options = (sotto_live_options){.version = LIVE_VERSION, .step = 1};
}

void sotto_live_close(sotto_live *live) {
    if (!live) return;
    so_agreement_free(&live->agreement);
    so_heard_free(&live->pass);
    so_machine_let_go(&live->machine);
    so_free(live->samples);
    so_free(live);
}

/** What every pass is asked for, whatever else the caller wants. */
static void settle_options(sotto_options *options, const sotto_options *given) {
    if (given)
        *options = *given;
    else
        sotto_options_init(options);
    options->word_timestamps = true;
    options->no_timestamps = options->sequential = options->condition_on_previous = false;
    options->journal = NULL;
    options->diarize = false;
    options->resume = false;
    options->on_segment = NULL;
    options->on_progress = NULL;
    options->max_duration = 0;
    /* A pass has no time for doubt: the next one hears more. */
    if (options->n_temperatures > 2) options->n_temperatures = 2;
}

sotto_status sotto_live_open(const sotto_model *model, const sotto_live_options *how,
                             const sotto_options *options, sotto_live_callback callback, void *user,
                             sotto_live **out, sotto_error *err) {
    sotto_live_options defaults;
    sotto_options settled;
    *out = NULL;
    so_error_clear(err);
    sotto_live_options_init(&defaults);
    if (!how) how = &defaults;
    if (!model || !callback) return so_fail(err, SOTTO_ERR_ARGUMENT, "no model or no callback was given");
    if (how->version != LIVE_VERSION)
        return so_fail(err, SOTTO_ERR_ARGUMENT,
                       "the options were not set up by sotto_live_options_init of this version");
    if (!(how->step >= MIN_STEP && how->step <= MAX_STEP))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the step must be from %g to %g seconds", MIN_STEP, MAX_STEP);
    settle_options(&settled, options);
    sotto_status status = sotto_options_check(model, &settled, err);
    if (status) return status;
    struct sotto_live *live = so_calloc(1, sizeof *live);
    float *samples = so_alloc(SO_FEED_SAMPLES, sizeof *samples);
    if (!live || !samples) {
        so_free(live);
        so_free(samples);
        return so_fail_memory(err, SO_FEED_SAMPLES * sizeof *samples, "live transcription");
    }
    *live = (struct sotto_live){.model = model,
                                .options = settled,
                                .callback = callback,
                                .user = user,
                                .step = how->step,
                                .samples = samples};
    *out = live;
    return SOTTO_OK;
}

static double seconds(uint64_t samples) {
    return (double)samples / SOTTO_SAMPLE_RATE;
}

/** Transcribe what is unsettled; its words to live->pass, in the stream's time. */
static sotto_status hear(struct sotto_live *live, sotto_error *err) {
    sotto_result *result;
    so_heard_clear(&live->pass);
    sotto_status status =
        so_transcribe_again(live->model, live->samples, live->n, &live->options, &live->machine, &result, err);
    double from = seconds(live->start);
    for (size_t i = 0; !status && i < result->n_segments; i++) {
        const sotto_segment *segment = &result->segments[i];
        for (size_t w = 0; !status && w < segment->n_words; w++) {
            const sotto_word *word = &segment->words[w];
            status = so_heard_add(&live->pass, word->text, from + word->start, from + word->end, err);
        }
    }
    sotto_result_free(result);
    return status;
}

static bool ends_sentence(const char *word) {
    static const char *const ends[] = {".", "?", "!", "\xe3\x80\x82", "\xef\xbc\x9f", "\xef\xbc\x81"};
    size_t length = strlen(word);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (length >= n && memcmp(word + length - n, ends[i], n) == 0) return true;
    }
    return false;
}

/** Forget sound up to a second of the stream. */
static void forget(struct sotto_live *live, double until) {
    double from = seconds(live->start);
    if (!(until > from)) return;
    size_t gone = so_min((size_t)((until - from) * SOTTO_SAMPLE_RATE), live->n);
    memmove(live->samples, live->samples + gone, (live->n - gone) * sizeof *live->samples);
    live->n -= gone;
    live->start += gone;
    if (live->sentence_end <= seconds(live->start)) live->sentence_end = 0;
}

static void trim(struct sotto_live *live) {
    double length = seconds(live->n), heard = seconds(live->start + live->n);
    if (live->pass.n == 0 && live->agreement.pending.n == 0) {
        forget(live, heard - SILENCE_KEPT);
    } else if (length > TRIM_AFTER) {
        if (live->sentence_end > 0)
            forget(live, live->sentence_end);
        else if (length > TRIM_AFTER + 6)
            forget(live, live->agreement.until);
    }
    /* Nothing was agreed on for half a minute: room must be made all the same. */
    if (seconds(live->n) > FULL) forget(live, heard - UNSURE_TAIL);
}

static sotto_status tell(struct sotto_live *live, size_t fresh, double pass_seconds, bool last,
                         sotto_error *err) {
    struct so_heard *pending = &live->agreement.pending;
    char *confirmed = so_heard_text(&live->pass, 0, fresh), *partial = so_heard_text(pending, 0, pending->n);
    sotto_status status = SOTTO_OK;
    if (confirmed && partial) {
        double heard = seconds(live->start + live->n);
        sotto_live_text text = {
            .confirmed = confirmed,
            .partial = partial,
            .start = fresh ? live->pass.words[0].start : live->agreement.until,
            .end = live->agreement.until,
            .heard = heard,
            .pass_seconds = pass_seconds,
            .last = last,
        };
        live->callback(live->user, &text);
    } else {
        status = so_fail_memory(err, 0, "text");
    }
    free(confirmed);
    free(partial);
    return status;
}

/** In a full buffer everything but the end of the pass is confirmed. */
static size_t first_unsure(const struct sotto_live *live) {
    double limit = seconds(live->start + live->n) - UNSURE_TAIL;
    size_t n = 0;
    while (n < live->pass.n && live->pass.words[n].end < limit) n++;
    return n;
}

static sotto_status run_pass(struct sotto_live *live, bool last, sotto_error *err) {
    double from = so_now();
    sotto_status status = hear(live, err);
    if (status) return status;
    live->fresh = 0;
    bool full = seconds(live->n) > FULL && live->agreement.until < seconds(live->start) + UNSURE_TAIL;
    if (full && !last) {
        size_t sure = first_unsure(live);
        while (live->pass.n > sure) free(live->pass.words[--live->pass.n].text);
    }
    size_t fresh;
    status = so_agree(&live->agreement, &live->pass, last || full, &fresh, err);
    if (status) return status;
    for (size_t i = 0; i < fresh; i++)
        if (ends_sentence(live->pass.words[i].text)) live->sentence_end = live->pass.words[i].end;
    status = tell(live, fresh, so_now() - from, last, err);
    if (!last) trim(live);
    return status;
}

sotto_status sotto_live_push(sotto_live *live, const float *samples, size_t n_samples, sotto_error *err) {
    so_error_clear(err);
    if (live->finished) return so_fail(err, SOTTO_ERR_ARGUMENT, "the stream is finished");
    const size_t step = (size_t)(live->step * SOTTO_SAMPLE_RATE),
                 most = (size_t)(fmax(LONGEST_STEP, live->step) * SOTTO_SAMPLE_RATE);
    while (n_samples > 0) {
        size_t room = so_min(SO_FEED_SAMPLES - live->n, most - live->fresh), n = so_min(n_samples, room);
        memcpy(live->samples + live->n, samples, n * sizeof *samples);
        live->n += n;
        live->fresh += n;
        samples += n;
        n_samples -= n;
        bool full = live->fresh >= most || live->n == SO_FEED_SAMPLES;
        if (!full && (n_samples > 0 || live->fresh < step)) continue;
        sotto_status status = run_pass(live, false, err);
        if (status) return status;
    }
    return SOTTO_OK;
}

sotto_status sotto_live_finish(sotto_live *live, sotto_error *err) {
    so_error_clear(err);
    if (live->finished) return SOTTO_OK;
    live->finished = true;
    return live->n > 0 ? run_pass(live, true, err) : SOTTO_OK;
}
