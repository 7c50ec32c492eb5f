/**
 * One accepted request, from the end of its upload to the end of its answer: shared by the connection that waits for it,
 * the worker that does it, and whoever asks how far it is. Reference counted.
 */
#ifndef SO_SERVER_TASK_H
#define SO_SERVER_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/request.h"

enum so_task_state { SO_TASK_QUEUED, SO_TASK_RUNNING, SO_TASK_DONE, SO_TASK_FAILED };

/** Somebody who sleeps until a task moves on. */
struct so_waiter {
    void (*wake)(void *context); /**< called with the task locked; must not block */
    void *context;
    bool asleep;
    struct so_waiter *next;
};

struct so_task {
    atomic_uint references;
    char id[33]; /**< hexadecimal, random */
    struct so_form form;
    struct so_request request;
    char key[48];         /**< name of the key it came with; empty: none was asked for */
    double sound, work;     /**< estimates: seconds of the recording, seconds of computing */
    double arrived, tag;    /**< clock; place in the queue */
    double deadline;        /**< clock */
    double started, ended;  /**< clock, 0: not yet */
    atomic_bool cancelled, forgotten; /**< forgotten: its owner wants no result either */
    bool revived;         /**< was accepted before a restart */
    bool (*accept)(struct so_task *task, struct so_problem *problem); /**< called by a worker thread before it is queued; may be NULL */
    struct so_task *next; /**< in the queue */
    struct so_task *next_live; /**< see jobs.h */
    void (*settled)(struct so_task *task); /**< called once, unlocked, when it is done or failed; may be NULL */
    void *owner;

    pthread_mutex_t lock; /**< of all below */
    enum so_task_state state;
    bool accepted, published;  /**< of an asynchronous one: it is on disk; its result is */
    struct so_problem problem; /**< of a failed one */
    char *events;              /**< server-sent events so far, if the request streams */
    size_t n_events, events_capacity;
    char *answer; /**< of a done one; without NUL */
    size_t n_answer;
    const char *answer_type; /**< content type, static */
    const char *device;      /**< what computed, static; NULL while unknown */
    double done, total;      /**< seconds of the recording */
    size_t n_text;           /**< bytes of text that were streamed */
    unsigned version;        /**< grows with every change */
    struct so_waiter *waiters;
};

/** One reference, the caller's. The form is moved in (also when memory is short: then it is freed), the request too. NULL without memory. */
struct so_task *so_task_create(struct so_form *form, struct so_request *request);
void so_task_hold(struct so_task *task);
void so_task_drop(struct so_task *task); /**< NULL is allowed */

/** Wake all who sleep. The task is locked. */
void so_task_changed(struct so_task *task);

/** Add or remove somebody who may sleep; he says so by `asleep` with the task locked. */
void so_task_join(struct so_task *task, struct so_waiter *waiter);
void so_task_leave(struct so_task *task, struct so_waiter *waiter);

/** Append to the events. false without memory. The task is locked. */
bool so_task_event(struct so_task *task, const char *json);

/** The end: an answer (taken over) or, with body NULL, a problem. */
void so_task_succeed(struct so_task *task, char *body, size_t n, const char *type);
void so_task_fail(struct so_task *task, const struct so_problem *problem);

/** 32 hexadecimal digits and NUL from the system's random source. */
void so_random_id(char id[33]);

#endif
