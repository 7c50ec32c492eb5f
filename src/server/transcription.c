#include "server/transcription.h"

#include <string.h>

#include "server/routes.h"

enum { EVENT_BLOCK = 8192 };

static bool settled(const struct so_exchange *e) { return e->task->state >= SO_TASK_DONE; }

static bool begun(const struct so_exchange *e) { return settled(e) || e->task->n_events > 0; }

static void wake(void *context) { MHD_resume_connection(((struct so_exchange *)context)->http); }

static void give_place_back(struct so_task *task) { so_work_unreserve(task->owner); }

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
    e->task->settled = give_place_back;
    e->task->owner = &s->work;
    e->reserved = false;
    e->waiter = (struct so_waiter){.wake = wake, .context = e};
    so_task_join(e->task, &e->waiter);
    e->joined = true;
    so_connection_enter(&s->connections, e->connection, SO_PHASE_WORK, e->task);
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
    if (so_exchange_sleep(e, e->task->request.stream ? begun : settled)) return MHD_YES;
    struct so_task *task = e->task;
    pthread_mutex_lock(&task->lock);
    bool failed = task->state == SO_TASK_FAILED && task->n_events == 0;
    if (failed) e->problem = task->problem;
    pthread_mutex_unlock(&task->lock);
    if (failed) return so_reply_problem(e);
    if (task->request.stream) return reply_events(e);
    so_task_hold(task);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(task->n_answer, task->answer, drop_task, task);
    if (!response) so_task_drop(task);
    return so_reply(e, 200, response, task->answer_type);
}
