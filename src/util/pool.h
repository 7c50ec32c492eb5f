/**
 * A pool of threads that runs one loop at a time, the caller among its workers, and at most one more beside it. Work items may run in any order
 * and on any worker: nothing that is computed may depend on which. A waiting worker spins for a few microseconds,
 * then sleeps, so that another program on the same cores costs its share and no more.
 */
#ifndef SO_UTIL_POOL_H
#define SO_UTIL_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct so_pool;

/** `threads` counts the caller: 1 starts no thread. 0 means one for each core this process may use. */
sotto_status so_pool_create(size_t threads, struct so_pool **out, sotto_error *err);
void so_pool_free(struct so_pool *pool);

/**
 * A second way into a pool of several threads, for one other thread than the one that calls so_pool_run(pool): what is run through *out
 * is done beside the pool's own loops, by its workers wherever those leave them idle, item by item. The calling thread sleeps
 * meanwhile, so that no more threads compute than the pool has. Worker indices count from 0 in both: scratch is each side's own. `pool` is
 * borrowed; free with so_pool_free, before it. With one thread *out runs loops like any pool of one.
 */
sotto_status so_pool_create_beside(struct so_pool *pool, struct so_pool **out, sotto_error *err);

/** Whether the pool's own caller has nothing to run for a while: then whoever runs a loop beside takes part in it, on that core. */
void so_pool_set_away(struct so_pool *pool, bool away);

size_t so_pool_threads(const struct so_pool *pool);

/** One item of a loop. `worker` is in [0, threads): an index into per-worker scratch. */
typedef void so_pool_task(void *context, size_t item, size_t worker);

/** Run task(context, 0 .. items-1) and return when all are done. Not to be called from within a task, nor by two threads at once. */
void so_pool_run(struct so_pool *pool, size_t items, so_pool_task *task, void *context);

#endif
