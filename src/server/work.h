/**
 * The queue of accepted tasks and the threads that do them. A task's place is its arrival plus its estimated work, so
 * that a short one overtakes long ones, and a long one is overtaken only for so long.
 */
#ifndef SO_SERVER_WORK_H
#define SO_SERVER_WORK_H

#include <pthread.h>

#include "server/media.h"
#include "server/metrics.h"
#include "server/models.h"
#include "server/rollout.h"
#include "server/settings.h"
#include "server/task.h"

/** How many seconds of waiting a second of estimated work is worth. */
#define SO_WORK_WEIGHT 4.0

struct so_work {
    const struct so_settings *settings;
    struct so_models *models;
    struct so_media *media;
    struct so_metrics *metrics;
    struct so_rollout *rollout;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t more, measure;
    struct so_task *queue;     /* by tag */
    struct so_task *unmeasured; /* whose length is to be found out first */
    struct so_task **active;   /* [n_threads + 1]: what each is working on */
    unsigned reserved, waiting, running;
    double waiting_work;
    pthread_t *threads; /* [n_threads], and two more: one that measures, one for short tasks alone */
    unsigned n_threads, started;
    bool stopping;
};

/** Start the threads. so_work_stop is needed in any case. */
sotto_status so_work_start(struct so_work *work, const struct so_settings *settings, struct so_models *models, struct so_media *media,
                           struct so_metrics *metrics, struct so_rollout *rollout, sotto_error *err);

/** A place among the requests that are held, before an upload is read; to be given back when its task is settled or was never made. */
bool so_work_reserve(struct so_work *work, struct so_problem *problem);
void so_work_reserve_anyway(struct so_work *work); /**< for what was accepted before a restart */
void so_work_unreserve(struct so_work *work);

/** Queue a task (a reference of it). It will be settled, whatever happens. Never blocks. */
void so_work_submit(struct so_work *work, struct so_task *task);

/** Nobody wants it any more: fails at once if it is queued, soon if it is running. */
void so_work_cancel(struct so_work *work, struct so_task *task);

/** Wait until nothing is held, at most so many seconds; true if so. */
bool so_work_drain(struct so_work *work, double seconds);

/** Cancel everything, settle it and end the threads. */
void so_work_stop(struct so_work *work);

/** Seconds until a place is probably free. */
unsigned so_work_retry_after(struct so_work *work);

#endif
