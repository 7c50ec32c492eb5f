#include "server/progress.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

enum { ID = 32, EVENT_BLOCK = 1024 };

/** The task is locked. A durable job is not finished before its result can be fetched. */
static json_t *state_of(const struct so_task *task) {
    static const char *const names[] = {"queued", "running", "done", "failed"};
    bool settled = task->state >= SO_TASK_DONE;
    const char *name = settled && task->request.asynchronous && !task->published ? "running" : names[task->state];
    double elapsed = (settled ? task->ended : so_now()) - (task->started > 0 ? task->started : task->arrived);
    double part = task->total > 0 ? task->done / task->total : 0, speed = elapsed > 0 ? task->done / elapsed : 0;
    double left = speed > 0 && task->total > task->done ? (task->total - task->done) / speed : 0;
    return json_pack("{s:s,s:s,s:f,s:f,s:f,s:f,s:f,s:f}", "job_id", task->id, "status", name, "progress", rint(part * 1e4) / 1e4,
                     "processed", rint(task->done * 1e3) / 1e3, "duration", rint(task->total * 1e3) / 1e3, "elapsed",
                     rint(elapsed * 1e3) / 1e3, "realtime_factor", rint(speed * 1e2) / 1e2, "seconds_left", rint(left * 1e1) / 1e1);
}

static enum MHD_Result reply_json(struct so_exchange *e, unsigned status, json_t *root) {
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    return so_reply_text(e, status, text, text ? strlen(text) : 0, "application/json");
}

static enum MHD_Result not_found(struct so_exchange *e) {
    so_problem(&e->problem, 404, NULL, "job_not_found", "there is no such job, or no longer");
    return so_reply_problem(e);
}

/** One event for each state that was not told; with no news it sleeps. */
static ssize_t read_states(void *context, uint64_t position, char *out, size_t most) {
    struct so_exchange *e = context;
    struct so_task *task = e->task;
    ssize_t n = 0;
    (void)position;
    pthread_mutex_lock(&task->lock);
    bool over = task->state >= SO_TASK_DONE && (!task->request.asynchronous || task->published);
    if (e->sent != task->version + 1) {
        json_t *state = state_of(task);
        char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
        json_decref(state);
        n = text ? snprintf(out, most, "data: %s\n\n", text) : -1;
        if (n < 0 || (size_t)n >= most) n = MHD_CONTENT_READER_END_WITH_ERROR;
        free(text);
        e->sent = task->version + 1;
    } else if (over) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        e->waiter.asleep = true;
        MHD_suspend_connection(e->http);
    }
    pthread_mutex_unlock(&task->lock);
    return n;
}

static void wake(void *context) { MHD_resume_connection(((struct so_exchange *)context)->http); }

static enum MHD_Result reply_stream(struct so_exchange *e) {
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BLOCK, read_states, e, NULL);
    if (!response) return MHD_NO;
    e->waiter = (struct so_waiter){.wake = wake, .context = e};
    so_task_join(e->task, &e->waiter);
    e->joined = true;
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    enum MHD_Result result = so_reply(e, 200, response, "text/event-stream; charset=utf-8");
    so_connection_enter(&e->server->connections, e->connection, SO_PHASE_LISTEN, NULL);
    return result;
}

/** The last state of a job that is over, as the one event of a stream. */
static enum MHD_Result reply_last(struct so_exchange *e, const char *id, const char *status) {
    char *text = malloc(EVENT_BLOCK);
    int n = text ? snprintf(text, EVENT_BLOCK, "data: {\"job_id\":\"%s\",\"status\":\"%s\",\"progress\":1.0}\n\n", id, status) : 0;
    return so_reply_text(e, 200, text, (size_t)n, "text/event-stream; charset=utf-8");
}

static enum MHD_Result reply_result(struct so_exchange *e, const char *id, bool body, bool stream) {
    struct so_job_result result;
    if (!so_jobs_result(&e->server->jobs, id, e->key, &result)) return not_found(e);
    if (body) {
        struct MHD_Response *response = MHD_create_response_from_buffer(result.n, result.body, MHD_RESPMEM_MUST_FREE);
        if (!response) {
            free(result.body);
            return MHD_NO;
        }
        if (result.device[0]) MHD_add_response_header(response, "X-Sotto-Device", result.device);
        return so_reply(e, result.status, response, result.type);
    }
    const char *status = result.status == 200 ? "done" : "failed";
    free(result.body);
    if (stream) return reply_last(e, id, status);
    return reply_json(e, 200, json_pack("{s:s,s:s,s:f}", "job_id", id, "status", status, "progress", 1.0));
}

/** The id at the beginning of the rest of the path; *what: what follows it. */
static bool take_id(const struct so_exchange *e, char id[ID + 1], const char **what) {
    size_t n = strnlen(e->rest, ID);
    memcpy(id, e->rest, n);
    id[n] = '\0';
    *what = e->rest + n;
    return so_jobs_is_id(id);
}

enum MHD_Result so_progress_answer(struct so_exchange *e) {
    char id[ID + 1];
    const char *what;
    if (!take_id(e, id, &what)) return not_found(e);
    bool stream = strcmp(what, "/stream") == 0, result = strcmp(what, "/result") == 0;
    if (*what && !stream && !result) return not_found(e);
    e->task = so_jobs_find(&e->server->jobs, id, e->key);
    if (!e->task) return reply_result(e, id, result, stream);
    if (stream) return reply_stream(e);
    if (result) {
        so_problem(&e->problem, 409, NULL, "job_not_finished", "this job is not finished");
        e->problem.retry_after = 1;
        return so_reply_problem(e);
    }
    pthread_mutex_lock(&e->task->lock);
    json_t *state = state_of(e->task);
    pthread_mutex_unlock(&e->task->lock);
    return reply_json(e, 200, state);
}

enum MHD_Result so_job_delete(struct so_exchange *e) {
    char id[ID + 1];
    const char *what;
    struct so_job_result result;
    if (!take_id(e, id, &what) || *what) return not_found(e);
    e->task = so_jobs_find(&e->server->jobs, id, e->key);
    if (e->task) {
        atomic_store(&e->task->forgotten, true);
        so_work_cancel(&e->server->work, e->task);
    } else if (so_jobs_result(&e->server->jobs, id, e->key, &result)) {
        free(result.body);
        so_jobs_forget(&e->server->jobs, id);
    } else {
        return not_found(e);
    }
    return reply_json(e, 200, json_pack("{s:s,s:b}", "job_id", id, "deleted", 1));
}

enum MHD_Result so_job_accepted(struct so_exchange *e) {
    char status[64], result[64];
    snprintf(status, sizeof status, "/jobs/%s", e->task->id);
    snprintf(result, sizeof result, "/jobs/%s/result", e->task->id);
    return reply_json(e, 202, json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", e->task->id, "job_id", e->task->id, "status", "queued", "status_url",
                                        status, "result_url", result));
}
