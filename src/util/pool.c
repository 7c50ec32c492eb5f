#include "util/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "util/memory.h"

#define MAX_THREADS 256
#define SPINS 400 /* of 32 reads and a sched_yield each: some tens of microseconds before a worker sleeps */

/*
 * The loop under way is one 64-bit word: which loop (generation), how many items, and the next one. A thread claims an
 * item by comparing and swapping the word, so a late worker can never take an item of another loop, and a loop
 * does not wait for workers that are asleep: it ends when its items are done.
 */
#define ITEM_BITS 20
#define ITEM_MASK ((1u << ITEM_BITS) - 1)

struct worker {
    struct so_pool *pool;
    size_t index;
    pthread_t thread;
};

/*
 * A loop beside the others. Its items are long, so all but `open` is simply under the pool's mutex.
 */
struct side {
    _Atomic bool open; /* there are items to claim */
    bool away;         /* the caller of the pool's own loops leaves its core to these */
    size_t items, next, done;
    so_pool_task *task;
    void *context;
    pthread_cond_t changed;
};

struct so_pool {
    struct so_pool *front;   /* NULL, or whose side loops this one's are; then nothing below but `threads` counts */
    struct side side;
    _Atomic uint64_t ticket; /* generation << 40 | items << 20 | next */
    _Atomic size_t done;
    so_pool_task *task;
    void *context;
    _Atomic int sleepers;
    _Atomic bool caller_sleeps, stop;
    pthread_mutex_t mutex;
    pthread_cond_t work, finished;
    size_t threads, started;
    struct worker workers[];
};

static bool has_items(uint64_t ticket) { return (ticket & ITEM_MASK) < (ticket >> ITEM_BITS & ITEM_MASK); }

/* Work on the present loop until its items are claimed. */
static void drain(struct so_pool *pool, size_t worker) {
    uint64_t ticket = atomic_load(&pool->ticket);
    while (has_items(ticket)) {
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1)) continue;
        size_t items = ticket >> ITEM_BITS & ITEM_MASK;
        pool->task(pool->context, ticket & ITEM_MASK, worker);
        if (atomic_fetch_add(&pool->done, 1) + 1 == items && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->mutex);
        }
        ticket = atomic_load(&pool->ticket);
    }
}

/* An item of the side loop, by whoever holds the mutex; it is let go meanwhile. */
static void work_beside(struct so_pool *pool, size_t worker) {
    struct side *side = &pool->side;
    size_t item = side->next++;
    atomic_store(&side->open, side->next < side->items);
    pthread_mutex_unlock(&pool->mutex);
    side->task(side->context, item, worker);
    pthread_mutex_lock(&pool->mutex);
    if (++side->done == side->items) pthread_cond_signal(&side->changed);
}

/* One item, so that the pool's own loops are looked for again after each. */
static void help_beside(struct so_pool *pool, size_t worker) {
    if (!atomic_load(&pool->side.open)) return;
    pthread_mutex_lock(&pool->mutex);
    if (atomic_load(&pool->side.open)) work_beside(pool, worker);
    pthread_mutex_unlock(&pool->mutex);
}

static bool has_work(struct so_pool *pool, memory_order order) {
    return has_items(atomic_load_explicit(&pool->ticket, order)) || atomic_load_explicit(&pool->side.open, order);
}

static bool spin_for_work(struct so_pool *pool) {
    for (int i = 0; i < SPINS; i++) {
        for (int j = 0; j < 32; j++)
            if (has_work(pool, memory_order_relaxed)) return true;
        sched_yield();
    }
    return false;
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct so_pool *pool = worker->pool;
    while (!atomic_load(&pool->stop)) {
        drain(pool, worker->index);
        help_beside(pool, worker->index);
        if (spin_for_work(pool)) continue;
        pthread_mutex_lock(&pool->mutex);
        atomic_fetch_add(&pool->sleepers, 1);
        while (!has_work(pool, memory_order_seq_cst) && !atomic_load(&pool->stop))
            pthread_cond_wait(&pool->work, &pool->mutex);
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->mutex);
    }
    return NULL;
}

static size_t usable_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0) return (size_t)count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

sotto_status so_pool_create(size_t threads, struct so_pool **out, sotto_error *err) {
    *out = NULL;
    if (threads == 0) threads = usable_cores();
    threads = so_min(threads, MAX_THREADS);
    size_t bytes = sizeof(struct so_pool) + threads * sizeof(struct worker);
    struct so_pool *pool = so_calloc(1, bytes);
    if (!pool) return so_fail_memory(err, bytes, "a thread pool");
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pthread_cond_init(&pool->side.changed, NULL);
    pool->threads = threads;
    for (size_t i = 1; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            so_pool_free(pool);
            return so_fail(err, SOTTO_ERR_MEMORY, "cannot start thread %zu of %zu", i + 1, threads);
        }
        pool->started = i;
    }
    *out = pool;
    return SOTTO_OK;
}

sotto_status so_pool_create_beside(struct so_pool *pool, struct so_pool **out, sotto_error *err) {
    *out = so_calloc(1, sizeof **out);
    if (!*out) return so_fail_memory(err, sizeof **out, "a thread pool");
    (*out)->front = pool;
    (*out)->threads = pool->threads;
    return SOTTO_OK;
}

void so_pool_free(struct so_pool *pool) {
    if (pool && pool->front) {
        so_free(pool);
        return;
    }
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 1; i <= pool->started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->side.changed);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    so_free(pool);
}

size_t so_pool_threads(const struct so_pool *pool) { return pool->threads; }

static void run_some(struct so_pool *pool, size_t items) {
    atomic_store(&pool->done, 0);
    uint64_t generation = (atomic_load(&pool->ticket) >> (2 * ITEM_BITS)) + 1;
    atomic_store(&pool->ticket, generation << (2 * ITEM_BITS) | (uint64_t)items << ITEM_BITS);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->mutex);
    }
    drain(pool, 0);
    for (int i = 0; i < SPINS && atomic_load(&pool->done) < items; i++) sched_yield();
    if (atomic_load(&pool->done) < items) {
        pthread_mutex_lock(&pool->mutex);
        atomic_store(&pool->caller_sleeps, true);
        while (atomic_load(&pool->done) < items) pthread_cond_wait(&pool->finished, &pool->mutex);
        atomic_store(&pool->caller_sleeps, false);
        pthread_mutex_unlock(&pool->mutex);
    }
}

struct shifted {
    so_pool_task *task;
    void *context;
    size_t first;
};

static void run_shifted(void *argument, size_t item, size_t worker) {
    struct shifted *shifted = argument;
    shifted->task(shifted->context, shifted->first + item, worker);
}

static void run_beside(struct so_pool *pool, size_t items, so_pool_task *task, void *context) {
    struct side *side = &pool->side;
    pthread_mutex_lock(&pool->mutex);
    side->task = task;
    side->context = context;
    side->items = items;
    side->next = side->done = 0;
    atomic_store(&side->open, items > 0);
    pthread_cond_broadcast(&pool->work);
    while (side->done < items) {
        if (side->away && side->next < items)
            work_beside(pool, 0);
        else
            pthread_cond_wait(&side->changed, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

void so_pool_set_away(struct so_pool *pool, bool away) {
    pthread_mutex_lock(&pool->mutex);
    pool->side.away = away;
    pthread_cond_signal(&pool->side.changed);
    pthread_mutex_unlock(&pool->mutex);
}

void so_pool_run(struct so_pool *pool, size_t items, so_pool_task *task, void *context) {
    if (pool->front && pool->threads > 1) {
        run_beside(pool->front, items, task, context);
        return;
    }
    if (pool->threads == 1 || items == 1) {
        for (size_t i = 0; i < items; i++) task(context, i, 0);
        return;
    }
    struct shifted shifted = {task, context, 0};
    while (shifted.first < items) {
        size_t some = so_min(items - shifted.first, ITEM_MASK);
        pool->task = run_shifted;
        pool->context = &shifted;
        run_some(pool, some);
        shifted.first += some;
    }
}
