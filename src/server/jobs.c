#include "server/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/jobfiles.h"
#include "server/keys.h"

enum { SWEEP_SECONDS = 20 };

bool so_jobs_is_id(const char *text) { return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32; }

static void *sweep(void *context) {
    struct so_jobs *j = context;
    pthread_mutex_lock(&j->lock);
    while (!j->stopping) {
        pthread_mutex_unlock(&j->lock);
        so_jobfiles_sweep(j->folder, j->keep);
        pthread_mutex_lock(&j->lock);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += j->keep < SWEEP_SECONDS ? 1 : SWEEP_SECONDS;
        if (!j->stopping) pthread_cond_timedwait(&j->wake, &j->lock, &until);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

void so_jobs_start(struct so_jobs *j, const char *spool, double keep) {
    struct stat info;
    memset(j, 0, sizeof *j);
    j->keep = keep;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->wake, NULL);
    int n = snprintf(j->folder, sizeof j->folder, "%s/sotto-jobs-%u", spool, (unsigned)getuid());
    if (n <= 0 || (size_t)n >= sizeof j->folder - 64) return;
    if (mkdir(j->folder, 0700) != 0 && errno != EEXIST) return;
    /* In a folder that all may write to, somebody else may have made it. */
    if (lstat(j->folder, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != getuid() || (info.st_mode & 077)) return;
    j->usable = true;
    j->sweeping = pthread_create(&j->sweeper, NULL, sweep, j) == 0;
}

void so_jobs_stop(struct so_jobs *j) {
    pthread_mutex_lock(&j->lock);
    j->stopping = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
    if (j->sweeping) pthread_join(j->sweeper, NULL);
}

void so_jobs_watch(struct so_jobs *j, struct so_task *task) {
    so_task_hold(task);
    pthread_mutex_lock(&j->lock);
    task->next_live = j->live;
    j->live = task;
    pthread_mutex_unlock(&j->lock);
}

static void unwatch(struct so_jobs *j, struct so_task *task) {
    pthread_mutex_lock(&j->lock);
    struct so_task **at = &j->live;
    while (*at && *at != task) at = &(*at)->next_live;
    bool found = *at != NULL;
    if (found) *at = task->next_live;
    pthread_mutex_unlock(&j->lock);
    if (found) so_task_drop(task);
}

struct so_task *so_jobs_find(struct so_jobs *j, const char *id, const char *owner) {
    pthread_mutex_lock(&j->lock);
    struct so_task *task = j->live;
    while (task && (strcmp(task->id, id) != 0 || strcmp(task->key, owner) != 0 || atomic_load(&task->forgotten))) task = task->next_live;
    if (task) so_task_hold(task);
    pthread_mutex_unlock(&j->lock);
    return task;
}

static json_t *description(const struct so_task *task) {
    json_t *fields = json_array();
    for (size_t i = 0; i < task->form.n_fields; i++)
        json_array_append_new(fields, json_pack("[s,s]", task->form.fields[i].name, task->form.fields[i].value));
    for (size_t i = 0; i < task->form.n_references; i++) {
        char *text = so_reference_text(&task->form.references[i]);
        json_array_append_new(fields, text ? json_pack("[s,s]", "known_speaker_references[]", text) : NULL);
        free(text);
        if (json_array_size(fields) <= task->form.n_fields + i) { /* better none than one without its voices */
            json_decref(fields);
            return NULL;
        }
    }
    return json_pack("{s:i,s:s,s:s,s:I,s:o}", "call", (int)task->request.call, "label", task->form.label, "owner", task->key, "arrived",
                     (json_int_t)time(NULL), "fields", fields);
}

bool so_jobs_accept(struct so_jobs *j, struct so_task *task, struct so_problem *problem) {
    if (!j->usable) return so_problem(problem, 501, "async", "unsupported", "this server keeps no jobs: its folder for them cannot be used");
    json_t *what = description(task);
    bool ok = what && so_jobfiles_link(j->folder, task->id, task->form.file.fd) && so_jobfiles_write(j->folder, task->id, "job", what);
    json_decref(what);
    if (!ok) so_jobs_forget(j, task->id);
    return ok || so_problem(problem, 500, NULL, NULL, "the job cannot be stored");
}

/** A task from what was asked; NULL: it is damaged or the model is offered no more. */
static struct so_task *revive(struct so_jobs *j, const char *id, json_t *what, struct so_spool *spool, struct so_models *models) {
    struct so_form form = {.file.fd = -1, .spool = spool, .has_file = true};
    struct so_request request = {0};
    struct so_problem problem;
    json_t *fields = json_object_get(what, "fields"), *pair;
    const char *label = json_string_value(json_object_get(what, "label")), *owner = json_string_value(json_object_get(what, "owner"));
    size_t i;
    bool ok = label && owner && strlen(owner) < SO_KEY_NAME && so_jobfiles_open(j->folder, id, spool, &form.file);
    if (ok) snprintf(form.label, sizeof form.label, "%s", label);
    json_array_foreach(fields, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
        ok = ok && name && value && so_form_add(&form, name, value);
    }
    int call = (int)json_integer_value(json_object_get(what, "call"));
    ok = ok && call >= SO_CALL_OLD && call <= SO_CALL_TRANSLATE && so_request_parse(&request, (enum so_call)call, &form, models, &problem);
    if (!ok) {
        so_form_free(&form);
        so_request_free(&request);
        return NULL;
    }
    struct so_task *task = so_task_create(&form, &request);
    if (!task) return NULL;
    snprintf(task->id, sizeof task->id, "%s", id);
    snprintf(task->key, sizeof task->key, "%s", owner);
    task->accepted = true;
    return task;
}

void so_jobs_recover(struct so_jobs *j, struct so_spool *spool, struct so_models *models, so_job_found *found, void *context) {
    size_t n = 0;
    char(*ids)[33] = j->usable ? so_jobfiles_accepted(j->folder, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        json_t *what = so_jobfiles_read(j->folder, ids[i], "job");
        struct so_task *task = what ? revive(j, ids[i], what, spool, models) : NULL;
        json_decref(what);
        if (task) found(context, task);
    }
    free(ids);
}

static json_t *outcome(struct so_task *task) {
    if (task->state == SO_TASK_DONE)
        return json_pack("{s:i,s:s,s:s%,s:s,s:s}", "status", 200, "type", task->answer_type, "body", task->answer, task->n_answer, "device",
                         task->device, "owner", task->key);
    char *body = so_problem_json(&task->problem);
    json_t *result = body ? json_pack("{s:i,s:s,s:s,s:s,s:s}", "status", (int)task->problem.status, "type", "application/json", "body", body,
                                      "device", "", "owner", task->key)
                          : NULL;
    free(body);
    return result;
}

void so_jobs_settled(struct so_jobs *j, struct so_task *task, bool stopping) {
    bool durable = task->request.asynchronous && task->accepted, forgotten = atomic_load(&task->forgotten);
    bool cut_short = stopping && task->state == SO_TASK_FAILED && task->problem.code && strcmp(task->problem.code, "cancelled") == 0;
    if (durable && forgotten) {
        so_jobs_forget(j, task->id);
    } else if (durable && !cut_short) {
        json_t *result = outcome(task);
        /* Without its result on disk it stays accepted, and is done again after the next start. */
        if (result && so_jobfiles_write(j->folder, task->id, "result", result)) so_jobfiles_done(j->folder, task->id);
        json_decref(result);
    }
    unwatch(j, task);
}

bool so_jobs_result(struct so_jobs *j, const char *id, const char *owner, struct so_job_result *result) {
    json_t *read = j->usable && so_jobs_is_id(id) ? so_jobfiles_read(j->folder, id, "result") : NULL;
    json_t *body = json_object_get(read, "body");
    const char *type = json_string_value(json_object_get(read, "type")), *device = json_string_value(json_object_get(read, "device"));
    const char *whose = json_string_value(json_object_get(read, "owner"));
    bool ok = type && device && whose && strcmp(whose, owner) == 0 && json_is_string(body);
    *result = (struct so_job_result){.status = (unsigned)json_integer_value(json_object_get(read, "status"))};
    if (ok) {
        result->n = json_string_length(body);
        result->body = malloc(result->n + 1);
        ok = result->body != NULL;
    }
    if (ok) {
        memcpy(result->body, json_string_value(body), result->n + 1);
        snprintf(result->type, sizeof result->type, "%s", type);
        snprintf(result->device, sizeof result->device, "%s", device);
    }
    json_decref(read);
    return ok;
}

void so_jobs_forget(struct so_jobs *j, const char *id) { so_jobfiles_remove(j->folder, id); }
