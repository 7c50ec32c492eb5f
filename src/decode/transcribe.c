#include "decode/transcribe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decode/job.h"
#include "decode/speakers.h"
#include "decode/turn.h"
#include "util/clock.h"

/** SOTTO_LOG_WARNING if nobody can be sure which language this is. */
static void warn_of_guess(const struct so_job *job, struct so_language_guess guess) {
    const sotto_options *o = job->options;
    char line[160];
    if (!o->on_log) return;
    snprintf(line, sizeof line, "the language is not certain: %s with a probability of %.2f; give it if it is another one",
             so_language_name((size_t)guess.index), (double)guess.probability);
    o->on_log(o->user, SOTTO_LOG_WARNING, line);
}

sotto_status so_job_language(struct so_job *job, struct so_cross *const *windows, size_t n, sotto_error *err) {
    sotto_result *result = &job->transcript->result;
    bool sure = result->language_probability >= job->options->language_floor || job->votes >= SO_LANGUAGE_VOTES;
    if (result->language[0] != '\0' && sure) return SOTTO_OK;
    struct so_language_guess guess = {job->language, 1};
    if (job->language < 0 || job->votes > 0) {
        sotto_status status = so_engine_language(&job->engine, windows, n, &guess, err);
        if (status) return status;
        job->votes += (uint32_t)n;
        if (guess.probability < job->options->language_floor && job->votes == n) warn_of_guess(job, guess);
    }
    job->language = guess.index;
    if (guess.probability <= result->language_probability) return SOTTO_OK;
    result->language = so_language_code((size_t)guess.index);
    result->language_probability = guess.probability;
    return SOTTO_OK;
}

sotto_status so_job_window_language(struct so_job *job, struct so_cross *window, int *language, sotto_error *err) {
    *language = job->language;
    if (!job->options->language_per_segment || !job->model->vocab.multilingual) return SOTTO_OK;
    struct so_language_guess guess;
    sotto_status status = so_engine_language(&job->engine, &window, 1, &guess, err);
    if (!status && guess.probability >= job->options->language_floor) *language = guess.index;
    return status;
}

const char *so_job_segment_language(const struct so_job *job, int language) {
    return job->options->language_per_segment ? so_language_code((size_t)language) : NULL;
}

sotto_status so_job_cancelled(const struct so_job *job, sotto_error *err) {
    const sotto_options *o = job->options;
    return o->cancel && o->cancel(o->user) ? so_fail(err, SOTTO_ERR_CANCELLED, "cancelled") : SOTTO_OK;
}

void so_job_progress(struct so_job *job, double done) {
    so_device_tell(&job->engine.device, job->options);
    if (!job->options->on_progress) return;
    double total = job->ended ? (double)job->n_samples / SOTTO_SAMPLE_RATE : job->source->duration_hint;
    job->options->on_progress(job->options->user, total > 0 ? fmin(done, total) : done, total);
}

/** Text of earlier windows can only be shown to later ones if they come one after another. */
static bool is_sequential(const sotto_options *o) { return o->sequential || o->condition_on_previous; }

static sotto_status take_device(struct so_job *job, struct so_devices *devices, sotto_error *err) {
    struct so_device_use use;
    sotto_status status = so_device_use(devices, job->options, &use, err);
    if (!status) so_engine_use(&job->engine, &use);
    return status;
}

/** SOTTO_LOG_WARNING if the caller's words had no room. */
static void warn_of_length(const struct so_job *job) {
    const sotto_options *o = job->options;
    char line[160];
    if (!o->on_log) return;
    if (job->history.left_out) {
        snprintf(line, sizeof line, "the hot words have more than %zu tokens: the last %zu words are left out", job->history.limit / 2,
                 job->history.left_out);
        o->on_log(o->user, SOTTO_LOG_WARNING, line);
    }
    if (job->history.cut_prompt) {
        snprintf(line, sizeof line, "the prompt has more than %zu tokens: its beginning is left out", job->history.limit - job->history.n_hot);
        o->on_log(o->user, SOTTO_LOG_WARNING, line);
    }
}

/** Segments that an earlier call finished are given to the caller again. */
static sotto_status open_journal(struct so_job *job, sotto_error *err) {
    const sotto_options *o = job->options;
    const char *fingerprint = job->source->fingerprint ? job->source->fingerprint : "";
    if (!o->journal) return SOTTO_OK;
    bool resume = o->resume && !o->condition_on_previous;
    sotto_status status = so_journal_open(o->journal, fingerprint, resume, job->transcript, &job->journal, &job->resumed, err);
    const sotto_result *result = &job->transcript->result;
    if (status || job->resumed.chunks == 0) return status;
    if (result->language[0]) {
        job->language = so_language_index(result->language);
        job->votes = SO_LANGUAGE_VOTES;
    }
    for (size_t i = 0; o->on_segment && i < result->n_segments; i++) o->on_segment(o->user, &result->segments[i]);
    so_job_progress(job, job->resumed.end);
    return SOTTO_OK;
}

static bool is_brief(const struct so_source *source) { return source->duration_hint > 0 && source->duration_hint <= SO_BRIEF_SECONDS; }

static sotto_status prepare(struct so_job *job, struct so_machines *machines, struct so_devices *devices, sotto_error *err) {
    const sotto_options *o = job->options;
    const struct so_model *m = job->model;
    job->search = (struct so_search){.task = o->task,
                                     .timestamps = !o->no_timestamps,
                                     .stop_loops = !isnan(o->compression_ratio_threshold),
                                     .beam_size = o->beam_size,
                                     .best_of = o->best_of,
                                     .patience = o->patience,
                                     .length_penalty = o->length_penalty,
                                     .seed = o->seed};
    bool known = o->language && strcmp(o->language, "auto") != 0;
    job->language = known ? so_language_index(o->language) : m->vocab.multilingual ? -1 : so_language_index("en");
    sotto_status status = so_transcript_create(m->name, &job->transcript, err);
    if (!status) status = so_judge_create(m, o, &job->judge, err);
    if (!status) status = so_engine_create(m, machines, o->threads, is_brief(job->source), &job->engine, err);
    if (!status) so_usage_start(&job->engine.meter, o->measure);
    if (!status) status = take_device(job, devices, err);
    if (!status)
        status = so_history_create(&m->vocab, m->hp.n_text_ctx / 2 - 1, o->initial_prompt, o->hotwords, &job->history, err);
    if (!status) warn_of_length(job);
    if (!status) status = open_journal(job, err);
    return status;
}

/** Speakers of what was heard; then segments have them too and can be told. */
static sotto_status finish_hearing(struct so_job *job, struct so_hearing *hearing, const sotto_options *options, sotto_error *err) {
    sotto_status status = so_hearing_finish(hearing, &job->model->vocab, options, job->transcript, err);
    job->engine.timing.diarize = so_hearing_seconds(hearing);
    job->engine.timing.audio -= hearing->seconds; /* reads listened, too */
    const sotto_result *result = &job->transcript->result;
    for (size_t i = 0; !status && options->on_segment && i < result->n_segments; i++)
        options->on_segment(options->user, &result->segments[i]);
    return status;
}

static sotto_status finish(struct so_job *job, double from, sotto_error *err) {
    sotto_result *result = &job->transcript->result;
    sotto_status status = so_transcript_finish(job->transcript, err);
    result->duration = (double)job->n_samples / SOTTO_SAMPLE_RATE;
    result->timing = job->engine.timing;
    result->timing.total = so_now() - from;
    result->timing.realtime_factor = result->duration / fmax(result->timing.total, 1e-9);
    so_engine_products(&job->engine, result);
    so_device_tell(&job->engine.device, job->options);
    return status;
}

/* The parts reset the peak of memory that the whole would have seen. */
static void finish_usage(struct so_job *job, struct so_usage_meter *whole) {
    sotto_result *result = &job->transcript->result;
    if (!whole->on) return;
    so_usage_end(whole, &result->usage);
    result->encoder_usage = job->engine.encoder_usage;
    result->decoder_usage = job->engine.decoder_usage;
    result->usage.npu_busy = result->encoder_usage.npu_busy + result->decoder_usage.npu_busy;
    if (job->engine.meter.peak > result->usage.peak_memory) result->usage.peak_memory = job->engine.meter.peak;
}

/** Run the job; with `diarize` listen to what it reads. */
static sotto_status run(struct so_job *job, const sotto_options *options, double from, struct so_usage_meter *whole, sotto_error *err) {
    struct so_hearing hearing = {0};
    struct so_pool *own = NULL;
    sotto_status status = SOTTO_OK;
    if (options->diarize) {
        /* One listens beside the machine's loops; while there is one, others have threads of their own for it. */
        bool beside = so_machine_listen(job->engine.machine, job);
        if (!beside) status = so_pool_create(options->threads, &own, err);
        if (!status) status = so_hearing_start(job->source, own ? own : job->engine.machine->pool, true, options, &hearing, err);
        job->source = &hearing.source;
    }
    if (!status) status = is_sequential(options) ? so_run_sequential(job, err) : so_run_batch(job, err);
    if (!status || status == SOTTO_ERR_CANCELLED) {
        sotto_error later;
        bool wanted = options->diarize && !(status && options->cancel_at_once);
        sotto_status finished = wanted ? finish_hearing(job, &hearing, options, &later) : SOTTO_OK;
        if (!finished) finished = finish(job, from, &later);
        finish_usage(job, whole);
        if (finished && err) *err = later;
        if (finished) status = finished;
    }
    so_hearing_free(&hearing);
    so_machine_unlisten(job->engine.machine, job);
    so_pool_free(own);
    return status;
}

sotto_status so_transcribe(const struct so_model *model, const struct so_vad_weights *vad, struct so_machines *machines, struct so_devices *devices,
                           const struct so_source *source, const sotto_options *options, struct so_transcript **out, sotto_error *err) {
    double from = so_now();
    struct so_usage_meter whole;
    *out = NULL;
    so_usage_start(&whole, options->measure);
    so_usage_begin(&whole);
    sotto_options silent = *options;
    if (options->diarize) silent.on_segment = NULL; /* who speaks is known at the end */
    struct so_job job = {.model = model, .vad = vad, .options = &silent, .source = source};
    sotto_status status = prepare(&job, machines, devices, err);
    if (!status) status = run(&job, options, from, &whole, err);
    so_journal_close(&job.journal);
    so_history_free(&job.history);
    so_judge_free(&job.judge);
    so_engine_free(&job.engine);
    if (status && status != SOTTO_ERR_CANCELLED) {
        so_transcript_free(job.transcript);
        return status;
    }
    *out = job.transcript;
    return status;
}
