#include "server/run.h"

#include <stdlib.h>

#include "server/answer.h"
#include "server/voices.h"
#include "util/clock.h"

/** The client has gone, the server stops, or the time is over. */
static bool cancel(void *user) {
    struct so_task *task = user;
    return atomic_load(&task->cancelled) || so_now() > task->deadline;
}

static void on_segment(void *user, const sotto_segment *segment) {
    struct so_task *task = user;
    if (!task->request.stream || task->request.diarize) return; /* who speaks is known at the end */
    pthread_mutex_lock(&task->lock);
    if (!so_answer_segment_event(task, NULL, segment)) atomic_store(&task->cancelled, true);
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
}

static void on_progress(void *user, double done, double total) {
    struct so_task *task = user;
    pthread_mutex_lock(&task->lock);
    task->done = done;
    task->total = total;
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
}

static void fail(struct so_task *task, sotto_status status, const sotto_error *err) {
    struct so_problem problem;
    so_problem_from(&problem, status, err);
    if (status == SOTTO_ERR_CANCELLED && !atomic_load(&task->cancelled))
        so_problem(&problem, 503, NULL, "deadline_exceeded", "the request was not finished in time");
    so_task_fail(task, &problem);
}

/** Seconds of computing: waiting for others, with whom it shared the machine, is not among them. */
static double computing(const sotto_result *result) {
    const sotto_timing *t = &result->timing;
    return t->vad + t->features + t->encode + t->decode + t->diarize;
}

static void deliver(struct so_work *w, struct so_task *task, const sotto_result *result) {
    static const sotto_error short_of_memory = {SOTTO_ERR_MEMORY, "out of memory"};
    double processing = so_now() - task->arrived;
    const char *type = NULL;
    size_t n = 0;
    char *body = so_answer(task, result, processing, &n, &type);
    bool ok = body != NULL;
    pthread_mutex_lock(&task->lock);
    task->device = result->device_path;
    task->done = task->total = result->duration;
    for (size_t i = 0; ok && task->request.stream && task->request.diarize && i < result->n_segments; i++)
        ok = so_answer_segment_event(task, result, &result->segments[i]);
    if (ok && task->request.stream) ok = so_answer_done_event(task, result);
    pthread_mutex_unlock(&task->lock);
    if (!ok) {
        free(body);
        fail(task, SOTTO_ERR_MEMORY, &short_of_memory);
        return;
    }
    so_models_learn(w->models, task->request.offer, result->duration, computing(result));
    so_metrics_done(w->metrics, result, processing);
    if (w->settings->log_text) so_note(&w->settings->log, SOTTO_LOG_INFO, "transcript", "job:s text:s", task->id, result->text);
    so_task_succeed(task, body, n, type);
}

static sotto_status transcribe(struct so_work *w, struct so_task *task, const sotto_model *model, sotto_device device, sotto_result **result,
                               sotto_error *err) {
    struct so_media_stream stream = {.cancel = cancel, .user = task};
    double left = task->deadline - so_now();
    uint32_t seconds = left < 1 ? 1 : left > 1e6 ? 1000000 : (uint32_t)left + 1;
    sotto_status status = so_media_decode(w->media, task->form.file.fd, task->form.label, false, seconds, &stream, err);
    if (status) return status;
    sotto_options options;
    so_request_options(&task->request, &options);
    options.device = device;
    options.measure = device != SOTTO_DEVICE_CPU; /* how busy it was */
    options.threads = w->settings->threads;
    options.max_duration = w->settings->audio_seconds;
    options.user = task;
    options.on_segment = on_segment;
    options.on_progress = on_progress;
    options.cancel = cancel;
    options.cancel_at_once = true; /* nobody waits for what was begun */
    sotto_people *people;
    status = so_voices_learn(w->media, task, &options, &people, err);
    options.people = people;
    if (!status) status = sotto_transcribe_stream(model, so_media_read, &stream, stream.duration, &options, result, err);
    so_media_close(&stream);
    sotto_people_free(people);
    return status;
}

/** What came of a request that went to the NPU. */
static void learn(struct so_work *w, const struct so_task *task, const sotto_result *result) {
    struct so_rollout_outcome outcome = {.failed = true};
    if (result) {
        bool nothing_there = result->matmuls_npu == 0 && result->matmuls_cpu > 0;
        outcome = (struct so_rollout_outcome){result->fallbacks > 0 || nothing_there, result->mismatches};
    }
    if (!so_rollout_learn(w->rollout, &outcome)) return;
    struct so_rollout now = so_rollout_look(w->rollout);
    so_note(&w->settings->log, SOTTO_LOG_ERROR, "npu_returned", "job:s problem:s", task->id, now.why);
}

/** By the device that its id falls to; what cannot be used is no request's fault, the CPU does it then. */
static sotto_status compute(struct so_work *w, struct so_task *task, const sotto_model *model, sotto_result **result, sotto_error *err) {
    sotto_device device = so_rollout_choose(w->rollout, task->id);
    sotto_status status = transcribe(w, task, model, device, result, err);
    if (device == SOTTO_DEVICE_CPU) return status;
    if (!status || status == SOTTO_ERR_DEVICE) learn(w, task, *result);
    if (status != SOTTO_ERR_DEVICE) return status;
    so_metrics_unusable(w->metrics);
    so_note(&w->settings->log, SOTTO_LOG_WARNING, "npu_unusable", "job:s problem:s", task->id, err->message);
    return transcribe(w, task, model, SOTTO_DEVICE_CPU, result, err);
}

void so_run_task(struct so_work *w, struct so_task *task) {
    sotto_result *result = NULL;
    sotto_error err = {SOTTO_ERR_CANCELLED, "cancelled"};
    pthread_mutex_lock(&task->lock);
    task->state = SO_TASK_RUNNING;
    task->started = so_now();
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
    struct so_model_use *use = so_models_use(w->models, task->request.offer); /* the result borrows its name */
    sotto_status status = cancel(task) ? SOTTO_ERR_CANCELLED : compute(w, task, use->model, &result, &err);
    if (status) fail(task, status, &err);
    else deliver(w, task, result);
    sotto_result_free(result);
    so_models_release(use);
}
