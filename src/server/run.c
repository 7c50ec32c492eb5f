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
    so_models_learn(w->models, task->request.offer, result->duration, result->timing.total);
    so_metrics_done(w->metrics, result, processing);
    if (w->settings->log_text) so_note(&w->settings->log, SOTTO_LOG_INFO, "transcript", "job:s text:s", task->id, result->text);
    so_task_succeed(task, body, n, type);
}

static sotto_status transcribe(struct so_work *w, struct so_task *task, const sotto_model *model, sotto_result **result, sotto_error *err) {
    struct so_media_stream stream = {.cancel = cancel, .user = task};
    double left = task->deadline - so_now();
    uint32_t seconds = left < 1 ? 1 : left > 1e6 ? 1000000 : (uint32_t)left + 1;
    sotto_status status = so_media_decode(w->media, task->form.file.fd, task->form.label, false, seconds, &stream, err);
    if (status) return status;
    sotto_options options;
    so_request_options(&task->request, &options);
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

void so_run_task(struct so_work *w, struct so_task *task) {
    sotto_result *result = NULL;
    sotto_error err = {SOTTO_ERR_CANCELLED, "cancelled"};
    pthread_mutex_lock(&task->lock);
    task->state = SO_TASK_RUNNING;
    task->started = so_now();
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
    struct so_model_use *use = so_models_use(w->models, task->request.offer); /* the result borrows its name */
    sotto_status status = cancel(task) ? SOTTO_ERR_CANCELLED : transcribe(w, task, use->model, &result, &err);
    if (status) fail(task, status, &err);
    else deliver(w, task, result);
    sotto_result_free(result);
    so_models_release(use);
}
