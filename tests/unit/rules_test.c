#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "decode/rules.h"
#include "rules_toy.h"

static const struct so_rules timed = {&toy_vocab, true, 50};
static const struct so_rules untimed = {&toy_vocab, false, 50};

/** Text is far likelier than all timestamps together, so that only the rule under test forbids anything. */
static void prefer_text(float *logits) {
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i < TOY_TIME ? 20.0f : 0.0f;
}

static bool allowed(const float *logits, int32_t id) { return logits[id] > -INFINITY; }

static int count_allowed(const float *logits, int from, int to) {
    int n = 0;
    for (int i = from; i < to; i++) n += allowed(logits, i);
    return n;
}

static void suppressed_tokens_are_never_allowed(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1};
    for (int with_times = 0; with_times < 2; with_times++) {
        float logits[TOY_PADDED];
        prefer_text(logits);
        so_rules_apply(with_times ? &timed : &untimed, sampled, 2, logits);
        for (size_t i = 0; i < toy_vocab.n_suppress; i++) assert_false(allowed(logits, toy_suppress[i]));
        assert_int_equal(count_allowed(logits, 0, TOY_TEXT), TOY_TEXT - 1);
    }
}

static void blank_and_end_are_forbidden_at_the_first_step_only(void **state) {
    (void)state;
    const int32_t sampled[] = {1};
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&untimed, sampled, 0, logits);
    assert_false(allowed(logits, TOY_BLANK));
    assert_false(allowed(logits, TOY_EOT));
    assert_true(allowed(logits, 1));
    prefer_text(logits);
    so_rules_apply(&untimed, sampled, 1, logits);
    assert_true(allowed(logits, TOY_BLANK));
    assert_true(allowed(logits, TOY_EOT));
}

static void the_first_token_is_a_timestamp_of_at_most_one_second(void **state) {
    (void)state;
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&timed, NULL, 0, logits);
    assert_int_equal(count_allowed(logits, 0, TOY_TIME), 0);
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), 51);
    assert_true(allowed(logits, toy_time(50)));
    assert_false(allowed(logits, toy_time(51)));
}

static void without_a_limit_the_first_timestamp_may_be_any(void **state) {
    (void)state;
    const struct so_rules unlimited = {&toy_vocab, true, -1};
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&unlimited, NULL, 0, logits);
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), TOY_TIMES);
}

static void the_no_timestamps_token_is_not_sampled_among_timestamps(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1};
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&timed, sampled, 2, logits);
    assert_false(allowed(logits, TOY_NO_TIMESTAMPS));
}

static void text_follows_the_first_timestamp(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(4)};
    float logits[TOY_PADDED];
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i < TOY_TIME ? 0.0f : 20.0f;
    so_rules_apply(&timed, sampled, 1, logits);
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), 0);
    assert_true(allowed(logits, 1));
}

static void text_or_the_end_follows_a_pair_of_timestamps(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1, toy_time(9), toy_time(9)};
    float logits[TOY_PADDED];
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i < TOY_TIME ? 0.0f : 20.0f;
    so_rules_apply(&timed, sampled, 4, logits);
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), 0);
    assert_true(allowed(logits, 1));
    assert_true(allowed(logits, TOY_EOT));
}

static void a_timestamp_or_the_end_follows_a_closing_timestamp(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1, toy_time(9)};
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&timed, sampled, 3, logits);
    assert_int_equal(count_allowed(logits, 0, TOY_TEXT), 0);
    assert_true(allowed(logits, TOY_EOT));
    assert_false(allowed(logits, toy_time(8)));
    assert_true(allowed(logits, toy_time(9)));
    assert_true(allowed(logits, toy_time(100)));
}

static void time_moves_on_after_text(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1, toy_time(9), toy_time(12), 2, 4};
    float logits[TOY_PADDED];
    prefer_text(logits);
    so_rules_apply(&timed, sampled, 6, logits);
    assert_int_equal(count_allowed(logits, 0, TOY_TEXT), TOY_TEXT - 1);
    assert_false(allowed(logits, toy_time(12)));
    assert_true(allowed(logits, toy_time(13)));
}

static void timestamps_win_when_together_they_are_likelier_than_any_text(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1};
    float logits[TOY_PADDED];
    // Of 100 timestamps left, each e^4.5 = 90 times less likely than one text token: together a bit likelier.
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i < TOY_TIME ? -10.0f : -4.5f;
    logits[5] = 0;
    so_rules_apply(&timed, sampled, 2, logits);
    assert_int_equal(count_allowed(logits, 0, TOY_TIME), 0);
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), 100);
}

static void text_wins_when_it_is_likelier_than_all_timestamps_together(void **state) {
    (void)state;
    const int32_t sampled[] = {toy_time(0), 1};
    float logits[TOY_PADDED];
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i < TOY_TIME ? -10.0f : -4.7f;
    logits[5] = 0;
    so_rules_apply(&timed, sampled, 2, logits);
    assert_true(allowed(logits, 5));
    assert_int_equal(count_allowed(logits, TOY_TIME, TOY_VOCAB), 100);
}

static void log_probabilities_are_those_of_the_allowed_tokens(void **state) {
    (void)state;
    float logits[TOY_PADDED];
    double sum = 0;
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i % 3 ? (float)i * 0.05f : -INFINITY;
    for (int i = 0; i < TOY_VOCAB; i++) sum += exp((double)logits[i]);
    struct so_normaliser normaliser = so_normalise(logits, TOY_VOCAB);
    for (int i = 0; i < TOY_VOCAB; i++) {
        if (i % 3 == 0) continue;
        assert_true(fabs((double)so_logprob(logits, i, normaliser) - ((double)logits[i] - log(sum))) < 1e-5);
        assert_true(fabs((double)so_probability(logits, TOY_VOCAB, i) - exp((double)logits[i]) / sum) < 1e-6);
    }
}

static void nothing_allowed_is_told_from_something(void **state) {
    (void)state;
    float logits[32];
    for (int i = 0; i < 32; i++) logits[i] = -INFINITY;
    struct so_normaliser normaliser = so_normalise(logits, 32);
    assert_true(normaliser.max == -INFINITY);
    assert_true(normaliser.log_sum == 0.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suppressed_tokens_are_never_allowed),
        cmocka_unit_test(blank_and_end_are_forbidden_at_the_first_step_only),
        cmocka_unit_test(the_first_token_is_a_timestamp_of_at_most_one_second),
        cmocka_unit_test(without_a_limit_the_first_timestamp_may_be_any),
        cmocka_unit_test(the_no_timestamps_token_is_not_sampled_among_timestamps),
        cmocka_unit_test(text_follows_the_first_timestamp),
        cmocka_unit_test(text_or_the_end_follows_a_pair_of_timestamps),
        cmocka_unit_test(a_timestamp_or_the_end_follows_a_closing_timestamp),
        cmocka_unit_test(time_moves_on_after_text),
        cmocka_unit_test(timestamps_win_when_together_they_are_likelier_than_any_text),
        cmocka_unit_test(text_wins_when_it_is_likelier_than_all_timestamps_together),
        cmocka_unit_test(log_probabilities_are_those_of_the_allowed_tokens),
        cmocka_unit_test(nothing_allowed_is_told_from_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
