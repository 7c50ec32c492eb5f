#include <math.h>

#include "decode/job.h"
#include "decode/turn.h"
#include "util/clock.h"
#include "util/memory.h"

/** Text of a window drawn above this temperature is not shown to the next one: errors would breed errors. */
#define MAX_HISTORY_TEMPERATURE 0.5f

struct sequential {
    struct so_job *job;
    struct so_feed feed;
    struct so_window *window;
    struct so_cross *cross;
    int language;     /**< of the window */
    uint64_t windows; /**< finished so far */
    struct so_kept kept;
};

/** Temperatures in order until the transcript is good enough; the last one counts in any case. */
static sotto_status decode_window(struct sequential *s, struct so_outcome *outcome, sotto_error *err) {
    struct so_job *job = s->job;
    const sotto_options *o = job->options;
    double seconds = (double)so_feed_frames(&s->feed) / SO_FRAMES_PER_SECOND;
    s->kept.any = false;
    so_window_start(s->window, s->cross, s->language, job->history.tokens, job->history.n, (uint32_t)s->feed.start_frame);
    for (uint32_t i = 0; i < o->n_temperatures; i++) {
        outcome->temperature = o->temperatures[i];
        sotto_status status = so_window_attempt(s->window, outcome->temperature, i, err);
        if (!status) status = so_engine_decode(&job->engine, s->window, o->cancel, o->user, err);
        if (!status) status = so_judge_attempt(&job->judge, s->window, (struct so_speech){seconds, 1}, outcome, err);
        if (status) return status;
        if (!so_kept_offer(&s->kept, &job->judge, outcome, i + 1 == o->n_temperatures)) break;
    }
    *outcome = s->kept.outcome;
    return SOTTO_OK;
}

static double recording_time(void *context, uint32_t frame, bool end) {
    const struct sequential *s = context;
    (void)end;
    return fmin(((double)s->feed.start_frame + frame) / SO_FRAMES_PER_SECOND, (double)s->feed.total / SOTTO_SAMPLE_RATE);
}

static void segment_added(void *context, const sotto_segment *segment) {
    struct so_job *job = ((struct sequential *)context)->job;
    so_history_add(&job->history, segment->tokens, segment->n_tokens);
    if (job->options->on_segment) job->options->on_segment(job->options->user, segment);
}

static sotto_status fill(struct sequential *s, sotto_error *err) {
    double from = so_now();
    sotto_status status = so_feed_fill(&s->feed, err);
    s->job->engine.timing.audio += so_now() - from;
    s->job->n_samples = s->feed.total;
    so_turn_measure(&s->job->engine, s->feed.total);
    s->job->ended = s->feed.ended;
    return status;
}

static sotto_status run_window(struct sequential *s, sotto_error *err) {
    struct so_job *job = s->job;
    uint32_t frames = so_feed_frames(&s->feed);
    size_t first = job->transcript->result.n_segments;
    sotto_status status = so_engine_hear(&job->engine, s->feed.samples, s->feed.n, job->model->hp.n_audio_ctx, s->cross, err);
    if (!status) status = so_job_language(job, &s->cross, 1, err);
    if (!status) status = so_job_window_language(job, s->cross, &s->language, err);
    if (status || frames == 0) return status;
    struct so_outcome outcome;
    struct so_split split;
    status = decode_window(s, &outcome, err);
    job->judge.language = so_job_segment_language(job, s->language);
    struct so_align_window heard = {s->cross, s->feed.samples, s->feed.n, frames, s->language};
    if (!status)
        status = so_judge_segments(&job->judge, &outcome, &heard, &job->engine, recording_time, segment_added, s,
                                   job->transcript, &split, err);
    if (status) return status;
    if (split.n_spans && (!job->options->condition_on_previous || outcome.temperature > MAX_HISTORY_TEMPERATURE))
        so_history_reset(&job->history);
    so_feed_advance(&s->feed, split.advance);
    double end = (double)s->feed.start_frame / SO_FRAMES_PER_SECOND;
    status = so_journal_chunk(&job->journal, job->transcript, first, ++s->windows, end, err);
    if (status) return status;
    so_job_progress(job, (double)s->feed.start_frame / SO_FRAMES_PER_SECOND);
    return SOTTO_OK;
}

/** Pass over what an earlier call finished, and over the prompt, which is for the first window. */
static sotto_status pass_over(struct sequential *s, sotto_error *err) {
    const struct so_journal_state *resumed = &s->job->resumed;
    uint64_t target = (uint64_t)(resumed->end * SO_FRAMES_PER_SECOND + 0.5);
    uint32_t frames = 1;
    sotto_status status = SOTTO_OK;
    s->windows = resumed->chunks;
    if (resumed->chunks) so_history_reset(&s->job->history);
    while (!status && frames > 0 && s->feed.start_frame < target) {
        status = fill(s, err);
        uint64_t left = target - s->feed.start_frame;
        frames = so_feed_frames(&s->feed);
        if (left < frames) frames = (uint32_t)left;
        so_feed_advance(&s->feed, frames);
    }
    return status;
}

static sotto_status run_windows(struct sequential *s, sotto_error *err) {
    sotto_status status = pass_over(s, err);
    if (!status) status = fill(s, err);
    /* The language of a recording too short for one frame is still asked for. */
    bool more = true;
    while (!status && more) {
        status = so_job_cancelled(s->job, err);
        if (!status) status = run_window(s, err);
        if (!status) status = fill(s, err);
        more = so_feed_frames(&s->feed) > 0;
    }
    return status;
}

sotto_status so_run_sequential(struct so_job *job, sotto_error *err) {
    struct sequential s = {.job = job};
    sotto_status status = so_feed_create(job->source, job->options->max_duration, &s.feed, err);
    if (!status) status = so_window_create(job->model, &job->search, &s.window, err);
    if (!status) status = so_cross_create(job->model, &s.cross, err);
    if (!status) status = so_kept_create(job->model, &s.kept, err);
    if (!status) status = run_windows(&s, err);
    so_kept_free(&s.kept);
    so_cross_free(s.cross);
    so_window_free(s.window);
    so_feed_free(&s.feed);
    return status;
}
