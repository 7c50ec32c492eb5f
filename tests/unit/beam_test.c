#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "decode/beam.h"

/** Tokens A to C and the end; a toy language model gives the probabilities of what follows a sequence. */
enum { A, B, C, END, N_VOCAB, LONGEST = 8 };

typedef void toy_model(const int32_t *tokens, size_t n, double p[N_VOCAB]);

static void set(double *p, double a, double b, double c, double end) {
    p[A] = a;
    p[B] = b;
    p[C] = c;
    p[END] = end;
}

/** A is the best first token, but leads nowhere in particular; B is followed by certainties. */
static void greedy_trap(const int32_t *tokens, size_t n, double p[N_VOCAB]) {
    if (n == 0) set(p, 0.5, 0.4, 0.1, 0);
    else if (n == 1 && tokens[0] == A) set(p, 0.3, 0.3, 0.3, 0.1);
    else if (n == 1 && tokens[0] == B) set(p, 0.01, 0.01, 0.97, 0.01);
    else set(p, 0.02, 0.02, 0.02, 0.94);
}

/** The end is likely at each step. */
static void early_end(const int32_t *tokens, size_t n, double p[N_VOCAB]) {
    (void)tokens;
    if (n == 0) set(p, 0.5, 0.3, 0.2, 0);
    else set(p, 0.2, 0.1, 0.1, 0.6);
}

static void never_ends(const int32_t *tokens, size_t n, double p[N_VOCAB]) {
    (void)tokens;
    (void)n;
    set(p, 0.5, 0.3, 0.2, 0);
}

static void equal_tokens(const int32_t *tokens, size_t n, double p[N_VOCAB]) {
    (void)tokens;
    if (n < 2) set(p, 1 / 3.0, 1 / 3.0, 1 / 3.0, 0);
    else set(p, 0, 0, 0, 1);
}

static struct so_beam *make_beam(size_t size, float patience) {
    struct so_beam *beam;
    assert_int_equal(so_beam_create(size, patience, LONGEST, &beam, NULL), SOTTO_OK);
    return beam;
}

/** One step of all live sequences; checks that each continues the one that `sources` names. */
static void step(struct so_beam *beam, toy_model *model, size_t *sources) {
    static float logits[16][16];
    const float *rows[16];
    struct {
        int32_t tokens[LONGEST];
        size_t n;
    } before[16];
    for (size_t i = 0; i < so_beam_live(beam); i++) {
        const struct so_hypothesis *h = so_beam_get(beam, i);
        double p[N_VOCAB];
        model(h->tokens, h->n, p);
        for (int t = 0; t < N_VOCAB; t++) logits[i][t] = p[t] > 0 ? (float)log(p[t]) + 3 : -INFINITY;
        rows[i] = logits[i];
        memcpy(before[i].tokens, h->tokens, h->n * sizeof *h->tokens);
        before[i].n = h->n;
    }
    so_beam_step(beam, rows, N_VOCAB, END, sources);
    for (size_t i = 0; i < so_beam_live(beam); i++) {
        const struct so_hypothesis *h = so_beam_get(beam, i);
        assert_int_equal(h->n, before[sources[i]].n + 1);
        assert_memory_equal(h->tokens, before[sources[i]].tokens, before[sources[i]].n * sizeof *h->tokens);
    }
}

static int search(struct so_beam *beam, toy_model *model) {
    size_t sources[16];
    int steps = 0;
    while (!so_beam_done(beam) && steps < LONGEST) {
        step(beam, model, sources);
        steps++;
    }
    return steps;
}

static void assert_tokens(const struct so_hypothesis *h, size_t n, const int32_t *expected) {
    assert_int_equal(h->n, n);
    assert_memory_equal(h->tokens, expected, n * sizeof *expected);
}

static void two_beams_avoid_the_greedy_trap(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(2, 1);
    search(beam, greedy_trap);
    size_t n;
    const struct so_hypothesis *all = so_beam_finish(beam, &n);
    const struct so_hypothesis *best = &all[so_hypothesis_rank(all, n, -1)];
    assert_tokens(best, 2, (const int32_t[]){B, C});
    assert_true(best->ended);
    assert_true(fabs(best->sum - log(0.4 * 0.97 * 0.94)) < 1e-5);
    assert_true(fabs((double)best->logprobs[1] - log(0.97)) < 1e-6);
    so_beam_free(beam);
}

static void the_first_step_branches_from_one_sequence(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(3, 1);
    size_t sources[3];
    assert_int_equal(so_beam_live(beam), 1);
    step(beam, greedy_trap, sources);
    assert_int_equal(so_beam_live(beam), 3);
    for (int32_t i = 0; i < 3; i++) assert_tokens(so_beam_get(beam, (size_t)i), 1, &i);
    so_beam_free(beam);
}

static void fewer_allowed_tokens_than_beams_are_no_trouble(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(5, 1);
    size_t sources[5];
    step(beam, greedy_trap, sources);
    assert_int_equal(so_beam_live(beam), 3);
    so_beam_free(beam);
}

static void the_search_ends_when_as_many_are_finished_as_beams(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(2, 1);
    // The first step finishes none, the second both: A END (0.3) and B END (0.18) are its best candidates.
    assert_int_equal(search(beam, early_end), 2);
    size_t n;
    const struct so_hypothesis *all = so_beam_finish(beam, &n);
    assert_int_equal(n, 2);
    assert_tokens(&all[0], 1, (const int32_t[]){A});
    assert_tokens(&all[1], 1, (const int32_t[]){B});
    so_beam_free(beam);
}

static void patience_waits_for_more(void **state) {
    (void)state;
    struct so_beam *patient = make_beam(2, 2);
    assert_true(search(patient, early_end) > 2);
    size_t n;
    so_beam_finish(patient, &n);
    assert_int_equal(n, 4);
    so_beam_free(patient);
}

static void unfinished_sequences_fill_up_what_is_missing(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(2, 1);
    assert_int_equal(search(beam, never_ends), LONGEST);
    size_t n;
    const struct so_hypothesis *all = so_beam_finish(beam, &n);
    assert_int_equal(n, 2);
    assert_false(all[0].ended);
    assert_int_equal(all[0].n, LONGEST);
    for (size_t i = 0; i < LONGEST; i++) assert_int_equal(all[0].tokens[i], A);
    assert_true(all[0].sum > all[1].sum);
    so_beam_free(beam);
}

static void the_lower_token_goes_first_among_equals(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(2, 1);
    size_t sources[2];
    step(beam, equal_tokens, sources);
    assert_tokens(so_beam_get(beam, 0), 1, (const int32_t[]){A});
    assert_tokens(so_beam_get(beam, 1), 1, (const int32_t[]){B});
    step(beam, equal_tokens, sources);
    assert_tokens(so_beam_get(beam, 0), 2, (const int32_t[]){A, A});
    assert_tokens(so_beam_get(beam, 1), 2, (const int32_t[]){A, B});
    assert_int_equal(sources[0], 0);
    assert_int_equal(sources[1], 0);
    so_beam_free(beam);
}

static void a_reset_forgets_everything(void **state) {
    (void)state;
    struct so_beam *beam = make_beam(2, 1);
    search(beam, never_ends);
    so_beam_reset(beam);
    search(beam, greedy_trap);
    size_t n;
    const struct so_hypothesis *all = so_beam_finish(beam, &n);
    assert_tokens(&all[so_hypothesis_rank(all, n, -1)], 2, (const int32_t[]){B, C});
    so_beam_free(beam);
}

static void the_mean_log_probability_ranks(void **state) {
    (void)state;
    // Sums -3 over 2 tokens and -4 over 4 tokens: the mean prefers the longer one, a length penalty of 0 the shorter one.
    struct so_hypothesis h[2] = {{.n = 2, .sum = -3}, {.n = 4, .sum = -4}};
    assert_int_equal(so_hypothesis_rank(h, 2, -1), 1);
    assert_int_equal(so_hypothesis_rank(h, 2, 0), 0);
    // ((5 + 4) / 6)^1 = 1.5 and ((5 + 2) / 6)^1 = 1.1667: -2.571 against -2.667.
    assert_int_equal(so_hypothesis_rank(h, 2, 1), 0);
    h[0].sum = -3.2;
    assert_int_equal(so_hypothesis_rank(h, 2, 1), 1);
    h[1] = h[0];
    assert_int_equal(so_hypothesis_rank(h, 2, -1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_beams_avoid_the_greedy_trap),
        cmocka_unit_test(the_first_step_branches_from_one_sequence),
        cmocka_unit_test(fewer_allowed_tokens_than_beams_are_no_trouble),
        cmocka_unit_test(the_search_ends_when_as_many_are_finished_as_beams),
        cmocka_unit_test(patience_waits_for_more),
        cmocka_unit_test(unfinished_sequences_fill_up_what_is_missing),
        cmocka_unit_test(the_lower_token_goes_first_among_equals),
        cmocka_unit_test(a_reset_forgets_everything),
        cmocka_unit_test(the_mean_log_probability_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
