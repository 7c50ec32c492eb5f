#include "server/transcription.h"

#include <string.h>

#include "server/progress.h"
#include "server/routes.h"

enum { EVENT_BLOCK = 8192 };

static bool settled(const struct so_exchange *e) { return e->task->state >= SO_TASK_DONE; }

static bool begun(const struct so_exchange *e) { return settled(e) || e->task->n_events > 0; }

static void wake(void *context) { MHD_resume_connection(((struct so_exchange *)context)->http); }

static bool accepted(const struct so_exchange *e) { return settled(e) || e->task->accepted; }

static void on_settled(struct so_task *task) {
    struct so_server *s = task->owner;
    so_jobs_settled(&s->jobs, task, atomic_load(&s->stopping));
    if (task->request.asynchronous) {
        pthread_mutex_lock(&task->lock);
        task->published = true;
        so_task_changed(task);
        pthread_mutex_unlock(&task->lock);
    }
    so_work_unreserve(&s->work);
}

/** On a thread that may wait for a disk. */
static bool accept_job(struct so_task *task, struct so_problem *problem) {
    struct so_server *s = task->owner;
    if (!so_jobs_accept(&s->jobs, task, problem)) return false;
    pthread_mutex_lock(&task->lock);
    task->accepted = true;
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
    return true;
}

static void own(struct so_server *s, struct so_task *task) {
    task->settled = on_settled;
    task->owner = s;
    so_jobs_watch(&s->jobs, task);
}

void so_transcription_resume(void *context, struct so_task *task) {
    struct so_server *s = context;
    task->revived = true;
    so_work_reserve_anyway(&s->work);
    own(s, task);
    so_work_submit(&s->work, task);
    so_task_drop(task);
}

/** From the form to a task in the queue. false: e->problem. */
static bool submit(struct so_exchange *e) {
    struct so_server *s = e->server;
    struct so_request request;
    if (!so_request_parse(&request, e->route->call, &e->form, &s->models, &e->problem)) {
        so_request_free(&request);
        return false;
    }
    e->task = so_task_create(&e->form, &request);
    if (!e->task) return so_problem(&e->problem, 503, NULL, "out_of_memory", "the server is short of memory; try again later");
    memcpy(e->task->key, e->key, sizeof e->task->key);
    if (e->task->request.asynchronous) e->task->accept = accept_job;
    own(s, e->task);
    e->reserved = false;
    e->waiter = (struct so_waiter){.wake = wake, .context = e};
    so_task_join(e->task, &e->waiter);
    e->joined = true;
    /* An asynchronous job goes on without its client. */
    so_connection_enter(&s->connections, e->connection, SO_PHASE_WORK, e->task->request.asynchronous ? NULL : e->task);
    so_work_submit(&s->work, e->task);
    return true;
}

/** Bytes of the events that were not sent yet; sleeps when there are none. */
static ssize_t read_events(void *context, uint64_t position, char *out, size_t most) {
    struct so_exchange *e = context;
    struct so_task *task = e->task;
    (void)position;
    pthread_mutex_lock(&task->lock);
    size_t n = task->n_events - e->sent;
    bool over = task->state >= SO_TASK_DONE;
    if (n > most) n = most;
    if (n > 0) memcpy(out, task->events + e->sent, n);
    e->sent += n;
    if (n == 0 && !over) {
        e->waiter.asleep = true;
        MHD_suspend_connection(e->http);
    }
    pthread_mutex_unlock(&task->lock);
    return n > 0 ? (ssize_t)n : over ? MHD_CONTENT_READER_END_OF_STREAM : 0;
}

static enum MHD_Result reply_events(struct so_exchange *e) {
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BLOCK, read_events, e, NULL);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx: pass it on as it comes */
    enum MHD_Result result = so_reply(e, 200, response, "text/event-stream; charset=utf-8");
    /* Still work: a client who closes stops it. */
    if (!settled(e)) so_connection_enter(&e->server->connections, e->connection, SO_PHASE_WORK, e->task);
    return result;
}

static void drop_task(void *task) { so_task_drop(task); }

enum MHD_Result so_transcription(struct so_exchange *e) {
    if (!e->task && !submit(e)) return so_reply_problem(e);
    bool job = e->task->request.asynchronous;
    if (so_exchange_sleep(e, job ? accepted : e->task->request.stream ? begun : settled)) return MHD_YES;
    struct so_task *task = e->task;
    pthread_mutex_lock(&task->lock);
    job = job && task->accepted;
    bool failed = !job && task->state == SO_TASK_FAILED && task->n_events == 0;
    if (failed) e->problem = task->problem;
    pthread_mutex_unlock(&task->lock);
    if (failed) return so_reply_problem(e);
    if (job) return so_job_accepted(e);
    if (task->request.stream) return reply_events(e);
    so_task_hold(task);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(task->n_answer, task->answer, drop_task, task);
    if (!response) so_task_drop(task);
    return so_reply(e, 200, response, task->answer_type);
}
