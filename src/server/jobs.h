/**
 * Asynchronous jobs: accepted only once they are on disk, found again after any end of the server, their result published once.
 *
 * In the folder a job ID has, in this order: ID.media, the upload; ID.job, what was asked (its appearance is the
 * acceptance); ID.result, the answer (its appearance is the publication). Files appear by rename or link after
 * they were synced. ID.media and ID.job go after the publication; a result goes after a time.
 */
#ifndef SO_SERVER_JOBS_H
#define SO_SERVER_JOBS_H

#include <pthread.h>

#include "server/task.h"

struct so_jobs {
    char folder[4096];
    double keep; /**< seconds that a result is kept */
    bool usable; /**< the folder is there and ours */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct so_task *live; /**< by next_live: all tasks that are not settled, asynchronous or not */
    pthread_t sweeper;
    bool sweeping, stopping;
};

/** A job that was found again: `task` is as it was accepted. */
typedef void so_job_found(void *context, struct so_task *task);

/** The folder is SPOOL/sotto-jobs-UID; made if it is not there. Without one, jobs are refused and all else works. */
void so_jobs_start(struct so_jobs *jobs, const char *spool, double keep);
void so_jobs_stop(struct so_jobs *jobs);

/** Find the accepted jobs that have no result, oldest first. `spool` takes their files. A file that cannot be read is left alone. */
void so_jobs_recover(struct so_jobs *jobs, struct so_spool *spool, struct so_models *models, so_job_found *found, void *context);

/** A task may be asked about from now on; until so_jobs_settled. */
void so_jobs_watch(struct so_jobs *jobs, struct so_task *task);

/** Put an asynchronous task on disk. false: `problem`. */
bool so_jobs_accept(struct so_jobs *jobs, struct so_task *task, struct so_problem *problem);

/** A task is settled. Asynchronous: publish its result, unless the server is stopping, when it stays accepted. */
void so_jobs_settled(struct so_jobs *jobs, struct so_task *task, bool stopping);

/** A live task, with a reference, or NULL. owner: the key's name; others' tasks are not found. */
struct so_task *so_jobs_find(struct so_jobs *jobs, const char *id, const char *owner);

/** What is known of a finished job. */
struct so_job_result {
    unsigned status; /**< of HTTP */
    char *body, type[64], device[16];
    size_t n;
};

/** false: there is no such result. The body is malloc'd. */
bool so_jobs_result(struct so_jobs *jobs, const char *id, const char *owner, struct so_job_result *result);

/** Forget a job's files. */
void so_jobs_forget(struct so_jobs *jobs, const char *id);

/** Whether it looks like an id: 32 lower-case hexadecimal digits, so that it can be part of a path. */
bool so_jobs_is_id(const char *text);

#endif
