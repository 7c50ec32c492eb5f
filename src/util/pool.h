/**
 * A pool of threads that runs one loop at a time, the caller among its workers. Work items may run in any order
 * and on any worker: nothing that is computed may depend on which. A waiting worker spins for a few microseconds,
 * then sleeps, so that another program on the same cores costs its share and no more.
 */
#ifndef SO_UTIL_POOL_H
#define SO_UTIL_POOL_H

#include <stddef.h>

#include "util/error.h"

struct so_pool;

/** `threads` counts the caller: 1 starts no thread. 0 means one for each core this process may use. */
sotto_status so_pool_create(size_t threads, struct so_pool **out, sotto_error *err);
void so_pool_free(struct so_pool *pool);

size_t so_pool_threads(const struct so_pool *pool);

/** One item of a loop. `worker` is in [0, threads): an index into per-worker scratch. */
typedef void so_pool_task(void *context, size_t item, size_t worker);

/** Run task(context, 0 .. items-1) and return when all are done. Not to be called from within a task. */
void so_pool_run(struct so_pool *pool, size_t items, so_pool_task *task, void *context);

#endif
