#include "server/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/clock.h"

void so_random_id(char id[33]) {
    unsigned char bytes[16];
    while (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) continue;
    for (int i = 0; i < 16; i++) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

struct so_task *so_task_create(struct so_form *form, struct so_request *request) {
    struct so_task *task = calloc(1, sizeof *task);
    if (!task) {
        so_form_free(form);
        so_request_free(request);
        return NULL;
    }
    task->form = *form;
    task->request = *request;
    *form = (struct so_form){.file.fd = -1};
    *request = (struct so_request){0};
    atomic_init(&task->references, 1);
    atomic_init(&task->cancelled, false);
    atomic_init(&task->forgotten, false);
    pthread_mutex_init(&task->lock, NULL);
    task->arrived = so_now();
    so_random_id(task->id);
    return task;
}

void so_task_hold(struct so_task *task) { atomic_fetch_add(&task->references, 1); }

void so_task_drop(struct so_task *task) {
    if (!task || atomic_fetch_sub(&task->references, 1) != 1) return;
    so_form_free(&task->form);
    so_request_free(&task->request);
    pthread_mutex_destroy(&task->lock);
    free(task->events);
    free(task->answer);
    free(task);
}

void so_task_changed(struct so_task *task) {
    task->version++;
    for (struct so_waiter *w = task->waiters; w; w = w->next) {
        if (!w->asleep) continue;
        w->asleep = false;
        w->wake(w->context);
    }
}

void so_task_join(struct so_task *task, struct so_waiter *waiter) {
    pthread_mutex_lock(&task->lock);
    waiter->next = task->waiters;
    task->waiters = waiter;
    pthread_mutex_unlock(&task->lock);
}

void so_task_leave(struct so_task *task, struct so_waiter *waiter) {
    pthread_mutex_lock(&task->lock);
    struct so_waiter **at = &task->waiters;
    while (*at && *at != waiter) at = &(*at)->next;
    if (*at) *at = waiter->next;
    pthread_mutex_unlock(&task->lock);
}

bool so_task_event(struct so_task *task, const char *json) {
    size_t n = strlen(json), needed = task->n_events + n + 9;
    if (needed > task->events_capacity) {
        size_t capacity = 2 * needed;
        char *events = realloc(task->events, capacity);
        if (!events) return false;
        task->events = events;
        task->events_capacity = capacity;
    }
    task->n_events += (size_t)snprintf(task->events + task->n_events, n + 9, "data: %s\n\n", json);
    return true;
}

/** Common to both ends; the upload is needed no longer. */
static void settle(struct so_task *task, enum so_task_state state) {
    task->state = state;
    task->ended = so_now();
    so_task_changed(task);
    pthread_mutex_unlock(&task->lock);
    so_spool_close(&task->form.file);
    if (task->settled) task->settled(task);
}

void so_task_succeed(struct so_task *task, char *body, size_t n, const char *type) {
    pthread_mutex_lock(&task->lock);
    task->answer = body;
    task->n_answer = n;
    task->answer_type = type;
    settle(task, SO_TASK_DONE);
}

void so_task_fail(struct so_task *task, const struct so_problem *problem) {
    pthread_mutex_lock(&task->lock);
    task->problem = *problem;
    if (task->n_events) { /* the answer has begun: the error is its last event */
        char *json = so_problem_json(problem);
        if (json) so_task_event(task, json);
        free(json);
    }
    settle(task, SO_TASK_FAILED);
}
