#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "util/pool.h"

#define ITEMS 5000

struct tally {
    _Atomic unsigned char seen[ITEMS];
    _Atomic size_t largest_worker;
};

static void count(void *context, size_t item, size_t worker) {
    struct tally *tally = context;
    tally->seen[item]++;
    size_t largest = tally->largest_worker;
    while (worker > largest && !atomic_compare_exchange_weak(&tally->largest_worker, &largest, worker)) {}
}

static void check_each_once(struct so_pool *pool, size_t items) {
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    so_pool_run(pool, items, count, &tally);
    for (size_t i = 0; i < ITEMS; i++) assert_int_equal(tally.seen[i], i < items ? 1 : 0);
    assert_true(tally.largest_worker < so_pool_threads(pool));
}

static void every_item_runs_once_whatever_the_number_of_threads(void **unused) {
    (void)unused;
    for (size_t threads = 1; threads <= 6; threads++) {
        struct so_pool *pool;
        assert_int_equal(so_pool_create(threads, &pool, NULL), SOTTO_OK);
        assert_int_equal(so_pool_threads(pool), threads);
        static const size_t sizes[] = {0, 1, 2, 3, 7, 64, ITEMS};
        for (int round = 0; round < 200; round++) check_each_once(pool, sizes[round % 7]);
        so_pool_free(pool);
    }
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

static void a_pool_whose_workers_fell_asleep_wakes_up(void **unused) {
    (void)unused;
    struct so_pool *pool;
    assert_int_equal(so_pool_create(3, &pool, NULL), SOTTO_OK);
    for (int i = 0; i < 5; i++) {
        nap();
        check_each_once(pool, 100);
    }
    so_pool_free(pool);
}

/* The caller's own item is short, the worker's long: the caller has to wait asleep and be woken. */
static void one_long_item(void *context, size_t item, size_t worker) {
    (void)worker;
    if (item == 0) nanosleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
    atomic_fetch_add((_Atomic int *)context, 1);
}

static void the_caller_waits_for_a_long_item(void **unused) {
    (void)unused;
    struct so_pool *pool;
    assert_int_equal(so_pool_create(2, &pool, NULL), SOTTO_OK);
    for (int i = 0; i < 5; i++) {
        _Atomic int done = 0;
        so_pool_run(pool, 9, one_long_item, &done);
        assert_int_equal(done, 9);
    }
    so_pool_free(pool);
}

/* A thread that runs loops beside, again and again until it is told to stop. */
struct neighbour {
    struct so_pool *beside;
    _Atomic bool stop;
    _Atomic size_t loops;
    size_t wrong; /* loops whose items did not each run once */
};

static void once(void *context, size_t item, size_t worker) {
    (void)worker;
    ((_Atomic unsigned char *)context)[item]++;
}

static void *loop_beside(void *argument) {
    struct neighbour *n = argument;
    while (!n->stop) {
        _Atomic unsigned char seen[5] = {0};
        so_pool_run(n->beside, 5, once, (void *)seen);
        for (size_t i = 0; i < 5; i++) n->wrong += seen[i] != 1;
        n->loops++;
    }
    return NULL;
}

static void two_threads_run_loops_on_one_pool_side_by_side(void **unused) {
    (void)unused;
    for (size_t threads = 1; threads <= 3; threads++) {
        struct so_pool *pool;
        struct neighbour n = {0};
        pthread_t thread;
        assert_int_equal(so_pool_create(threads, &pool, NULL), SOTTO_OK);
        assert_int_equal(so_pool_create_beside(pool, &n.beside, NULL), SOTTO_OK);
        assert_int_equal(so_pool_threads(n.beside), threads);
        assert_int_equal(pthread_create(&thread, NULL, loop_beside, &n), 0);
        for (int round = 0; round < 300 || n.loops < 20; round++) check_each_once(pool, (size_t)round % 65);
        n.stop = true;
        pthread_join(thread, NULL);
        assert_int_equal(n.wrong, 0);
        so_pool_free(n.beside);
        so_pool_free(pool);
    }
}

struct company {
    _Atomic size_t here;
    size_t wanted;
    _Atomic bool caller;
};

/* Ends when as many threads as are wanted are in it at once, so each must take part. */
static void meet(void *context, size_t item, size_t worker) {
    struct company *company = context;
    (void)item;
    if (worker == 0) company->caller = true;
    company->here++;
    while (company->here < company->wanted) nap();
}

static void whoever_loops_beside_takes_part_while_the_caller_is_away(void **unused) {
    (void)unused;
    struct so_pool *pool, *beside;
    assert_int_equal(so_pool_create(3, &pool, NULL), SOTTO_OK);
    assert_int_equal(so_pool_create_beside(pool, &beside, NULL), SOTTO_OK);
    struct company without = {.wanted = 2}, with = {.wanted = 3};
    so_pool_run(beside, 2, meet, &without);
    assert_false(without.caller);
    so_pool_set_away(pool, true);
    so_pool_run(beside, 3, meet, &with);
    assert_true(with.caller);
    so_pool_set_away(pool, false);
    so_pool_free(beside);
    so_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_runs_once_whatever_the_number_of_threads),
        cmocka_unit_test(a_pool_whose_workers_fell_asleep_wakes_up),
        cmocka_unit_test(the_caller_waits_for_a_long_item),
        cmocka_unit_test(two_threads_run_loops_on_one_pool_side_by_side),
        cmocka_unit_test(whoever_loops_beside_takes_part_while_the_caller_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
