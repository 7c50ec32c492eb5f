/* Who is next at a machine. Transcriptions are made up: nothing is computed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "decode/turn.h"

enum { MANY = 3 };

static struct so_machine machine;
static struct so_engine engines[MANY];

static int set_up(void **state) {
    (void)state;
    machine = (struct so_machine){0};
    if (pthread_mutex_init(&machine.lock, NULL)) return -1;
    for (int i = 0; i < MANY; i++) {
        engines[i] = (struct so_engine){.machine = &machine, .away = true};
        if (pthread_cond_init(&engines[i].wake, NULL)) return -1;
        so_turn_join(&engines[i]);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++) {
        so_turn_leave(&engines[i]);
        pthread_cond_destroy(&engines[i].wake);
    }
    return pthread_mutex_destroy(&machine.lock);
}

/** Engine 0 has had a turn of so many seconds; whose is the next one? */
static const struct so_engine *after(double seconds) {
    so_turn_take(&engines[0]);
    so_turn_give(&engines[0], seconds);
    return machine.holder;
}

static void the_one_served_least_encodes_next(void **state) {
    (void)state;
    engines[1].wants = engines[2].wants = SO_WANTS_WORK;
    engines[1].served = 2;
    engines[2].served = 1;
    /* A turn is asked for and given by hand: engine 0 cannot get one before them. */
    machine.holder = &engines[0];
    so_turn_give(&engines[0], 1);
    assert_ptr_equal(machine.holder, &engines[2]);
    engines[2].wants = SO_WANTS_NOTHING;
    so_turn_give(&engines[2], 5);
    assert_ptr_equal(machine.holder, &engines[1]);
}

static void encodings_go_before_steps(void **state) {
    (void)state;
    engines[1].wants = SO_WANTS_STEP;
    engines[1].n_active = 1;
    engines[2].wants = SO_WANTS_WORK;
    engines[2].served = 9;
    machine.holder = &engines[0];
    so_turn_give(&engines[0], 1);
    assert_ptr_equal(machine.holder, &engines[2]);
}

static void one_who_comes_has_no_claim_on_the_past(void **state) {
    (void)state;
    struct so_engine late = {.machine = &machine, .away = true};
    for (int i = 0; i < MANY; i++) engines[i].served = 5 + i;
    so_turn_join(&late);
    assert_true(late.served == 5);
    so_turn_leave(&late);
}

static void long_ones_rest_while_a_brief_one_is_at_work(void **state) {
    (void)state;
    engines[1].wants = SO_WANTS_WORK;
    engines[2].brief = true;
    engines[2].away = false; /* about to ask for a step */
    engines[2].n_active = 1;
    machine.holder = &engines[0];
    so_turn_give(&engines[0], 0.1);
    assert_null(machine.holder);
    so_turn_away(&engines[2], true); /* it reads: somebody else may work, for there is nobody to make its step */
    assert_ptr_equal(machine.holder, &engines[1]);
}

static void a_step_for_a_brief_one_serves_no_long_one(void **state) {
    (void)state;
    struct so_run of_long = {.active = true, .owner = &engines[1]}, of_brief = {.active = true, .owner = &engines[2]}, *runs[4];
    engines[1].wants = SO_WANTS_STEP;
    engines[1].runs = &of_long;
    engines[2].brief = true;
    engines[2].runs = &of_brief;
    engines[1].n_active = engines[2].n_active = 1;
    assert_true(so_turn_step(&engines[2]));
    assert_int_equal(so_turn_runs(&engines[2], runs, 4), 1);
    assert_ptr_equal(runs[0], &of_brief);
    so_turn_give(&engines[2], 0.01);
    machine.paying = true; /* what long ones are owed */
    machine.owed = 1;
    machine.holder = NULL;
    assert_true(so_turn_step(&engines[2]));
    assert_int_equal(so_turn_runs(&engines[2], runs, 4), 2);
    so_turn_give(&engines[2], 0.01);
    engines[1].runs = engines[2].runs = NULL;
    engines[1].n_active = engines[2].n_active = 0;
}

static void long_ones_get_back_what_they_are_owed(void **state) {
    (void)state;
    engines[0].brief = engines[2].brief = true;
    engines[1].served = 100;
    engines[1].wants = engines[2].wants = SO_WANTS_WORK;
    machine.holder = &engines[0];
    engines[0].wants = SO_WANTS_WORK;
    so_turn_take(&engines[0]);
    so_turn_give(&engines[0], 0.9);
    assert_ptr_equal(machine.holder, &engines[2]); /* a third of it is less than what is paid */
    engines[2].wants = SO_WANTS_NOTHING;
    machine.holder = &engines[0];
    so_turn_take(&engines[0]);
    engines[2].wants = SO_WANTS_WORK;
    so_turn_give(&engines[0], 0.9);
    assert_ptr_equal(machine.holder, &engines[1]);
    so_turn_take(&engines[1]);
    so_turn_give(&engines[1], 1);
    assert_ptr_equal(machine.holder, &engines[2]);
}

static void who_is_alone_is_next(void **state) {
    (void)state;
    assert_null(after(1));
    engines[1].wants = SO_WANTS_WORK;
    so_turn_away(&engines[0], true);
    assert_ptr_equal(machine.holder, &engines[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_one_served_least_encodes_next),
        TEST(encodings_go_before_steps),
        TEST(one_who_comes_has_no_claim_on_the_past),
        TEST(long_ones_rest_while_a_brief_one_is_at_work),
        TEST(a_step_for_a_brief_one_serves_no_long_one),
        TEST(long_ones_get_back_what_they_are_owed),
        TEST(who_is_alone_is_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
