#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "decode/fallback.h"
#include "decode/segments.h"
#include "rules_toy.h"

#include <math.h>

#define T(steps) (TOY_TIME + (steps))

enum { FRAMES = 150 };

static struct so_cut spans[16];

static struct so_split split(const int32_t *tokens, size_t n) { return so_segments_split(&toy_vocab, tokens, n, FRAMES, spans); }

static void assert_span(size_t i, size_t first, size_t count, uint32_t start, uint32_t end) {
    assert_int_equal(spans[i].first, first);
    assert_int_equal(spans[i].count, count);
    assert_int_equal(spans[i].start, start);
    assert_int_equal(spans[i].end, end);
}

static void each_pair_of_timestamps_cuts(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), 1, 2, T(20), T(25), 4, T(40), T(40), 5, 6};
    struct so_split s = split(tokens, 10);
    assert_int_equal(s.n_spans, 2);
    assert_span(0, 0, 4, 0, 40);
    assert_span(1, 4, 3, 50, 80);
}

static void what_follows_the_last_pair_is_heard_again(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), 1, T(20), T(20), 5, 6};
    struct so_split s = split(tokens, 6);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.advance, 40);
}

static void a_pair_at_the_end_moves_to_its_time(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), 1, T(20), T(20), 5, T(33), T(33)};
    struct so_split s = split(tokens, 7);
    assert_int_equal(s.n_spans, 2);
    assert_span(1, 3, 3, 40, 66);
    assert_int_equal(s.advance, 66);
}

static void one_timestamp_at_the_end_finishes_the_window(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), 1, T(20), T(20), 5, T(33)};
    struct so_split s = split(tokens, 6);
    assert_int_equal(s.n_spans, 2);
    assert_span(0, 0, 3, 0, 40);
    assert_span(1, 3, 3, 40, 66);
    assert_int_equal(s.advance, FRAMES);
}

static void without_a_pair_the_window_is_one_segment_to_its_last_timestamp(void **state) {
    (void)state;
    const int32_t tokens[] = {T(3), 1, 2, T(44)};
    struct so_split s = split(tokens, 4);
    assert_int_equal(s.n_spans, 1);
    assert_span(0, 0, 4, 0, 88);
    assert_int_equal(s.advance, FRAMES);
}

static void without_a_later_timestamp_the_segment_lasts_as_long_as_the_window(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), 1, 2};
    struct so_split s = split(tokens, 3);
    assert_int_equal(s.n_spans, 1);
    assert_span(0, 0, 3, 0, FRAMES);
    assert_int_equal(s.advance, FRAMES);
    s = split(tokens + 1, 2);
    assert_span(0, 0, 2, 0, FRAMES);
}

static void no_tokens_are_one_empty_segment(void **state) {
    (void)state;
    struct so_split s = split(NULL, 0);
    assert_int_equal(s.n_spans, 1);
    assert_span(0, 0, 0, 0, FRAMES);
    assert_int_equal(s.advance, FRAMES);
}

static void a_window_always_moves_on(void **state) {
    (void)state;
    const int32_t tokens[] = {T(0), T(0), 1};
    assert_int_equal(split(tokens, 3).advance, FRAMES);
}

static void text_where_a_time_should_stand_counts_as_the_start(void **state) {
    (void)state;
    const int32_t tokens[] = {1, T(5), T(5), 2, T(9), T(9)};
    struct so_split s = split(tokens, 6);
    assert_span(0, 0, 2, 0, 10);
    assert_int_equal(s.advance, 18);
}

static const struct so_thresholds usual = {2.4f, -1.0f, 0.6f};

static void repetition_and_uncertainty_call_for_another_attempt(void **state) {
    (void)state;
    assert_false(so_needs_fallback(&usual, &(struct so_quality){2.4f, -1.0f, 0.1f}));
    assert_true(so_needs_fallback(&usual, &(struct so_quality){2.41f, -0.1f, 0.1f}));
    assert_true(so_needs_fallback(&usual, &(struct so_quality){1, -1.01f, 0.1f}));
}

static void silence_does_not_call_for_another_attempt(void **state) {
    (void)state;
    assert_false(so_needs_fallback(&usual, &(struct so_quality){1, -1.01f, 0.61f}));
    assert_false(so_needs_fallback(&usual, &(struct so_quality){3, -1.01f, 0.61f}));
    assert_true(so_needs_fallback(&usual, &(struct so_quality){3, -0.5f, 0.61f}));
}

static void silence_is_dropped_unless_the_text_is_certain(void **state) {
    (void)state;
    assert_true(so_is_silence(&usual, &(struct so_quality){1, -1.01f, 0.61f}));
    assert_true(so_is_silence(&usual, &(struct so_quality){1, -1.0f, 0.61f}));
    assert_false(so_is_silence(&usual, &(struct so_quality){1, -0.99f, 0.61f}));
    assert_false(so_is_silence(&usual, &(struct so_quality){1, -5, 0.6f}));
}

static void a_threshold_that_is_no_number_is_off(void **state) {
    (void)state;
    const struct so_quality bad = {9, -9, 0.1f}, silent = {9, -9, 0.9f};
    assert_false(so_needs_fallback(&(struct so_thresholds){NAN, NAN, 0.6f}, &bad));
    assert_true(so_needs_fallback(&(struct so_thresholds){2.4f, NAN, 0.6f}, &bad));
    assert_true(so_needs_fallback(&(struct so_thresholds){NAN, -1, 0.6f}, &bad));
    assert_true(so_needs_fallback(&(struct so_thresholds){NAN, -1, NAN}, &silent));
    assert_false(so_is_silence(&(struct so_thresholds){2.4f, -1, NAN}, &silent));
    // Without a limit of certainty the probability of silence alone decides.
    assert_true(so_is_silence(&(struct so_thresholds){2.4f, NAN, 0.6f}, &(struct so_quality){1, 0, 0.9f}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_of_timestamps_cuts),
        cmocka_unit_test(what_follows_the_last_pair_is_heard_again),
        cmocka_unit_test(a_pair_at_the_end_moves_to_its_time),
        cmocka_unit_test(one_timestamp_at_the_end_finishes_the_window),
        cmocka_unit_test(without_a_pair_the_window_is_one_segment_to_its_last_timestamp),
        cmocka_unit_test(without_a_later_timestamp_the_segment_lasts_as_long_as_the_window),
        cmocka_unit_test(no_tokens_are_one_empty_segment),
        cmocka_unit_test(a_window_always_moves_on),
        cmocka_unit_test(text_where_a_time_should_stand_counts_as_the_start),
        cmocka_unit_test(repetition_and_uncertainty_call_for_another_attempt),
        cmocka_unit_test(silence_does_not_call_for_another_attempt),
        cmocka_unit_test(silence_is_dropped_unless_the_text_is_certain),
        cmocka_unit_test(a_threshold_that_is_no_number_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
