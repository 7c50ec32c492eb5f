/* Guards: texts that repeat themselves or outrun their time, and which of several failed attempts counts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "decode/judge.h"
#include "decode/loop.h"
#include "rules_toy.h"
#include "window_fake.h"

static const struct so_thresholds usual = {2.4f, -1.0f, 0.6f};

/** `start` different tokens, then `period` tokens `times` times; ids of plain text. */
static size_t make_text(size_t start, size_t period, size_t times, int32_t *tokens) {
    size_t n = 0;
    for (size_t i = 0; i < start; i++) tokens[n++] = (int32_t)(i % 2 ? 8 : 9);
    for (size_t t = 0; t < times; t++)
        for (size_t i = 0; i < period; i++) tokens[n++] = (int32_t)((i * i + i / 3) % 8);
    return n;
}

static void four_times_the_same_is_a_loop_and_three_times_is_not(void **state) {
    (void)state;
    int32_t tokens[300];
    size_t keep = 0;
    for (size_t period = 8; period <= 56; period += 3) {
        size_t n = make_text(7, period, 4, tokens);
        assert_true(so_loop_at_end(&toy_vocab, tokens, n, &keep));
        assert_int_equal(keep, 7 + period);
        n = make_text(7, period, 3, tokens);
        if (period < 20) assert_false(so_loop_find(&toy_vocab, tokens, n, &keep));
    }
}

static void a_word_may_be_said_some_times(void **state) {
    (void)state;
    int32_t tokens[64] = {0};
    size_t keep = 0;
    for (size_t n = 0; n <= 20; n++)
        assert_false(so_loop_find(&toy_vocab, tokens, make_text(0, 1, n, tokens), &keep));
    assert_true(so_loop_find(&toy_vocab, tokens, make_text(0, 1, 21, tokens), &keep));
    assert_int_equal(keep, 1);
}

static void timestamps_between_do_not_hide_a_loop(void **state) {
    (void)state;
    int32_t tokens[128];
    size_t n = 0, keep = 0;
    for (int i = 0; i < 5; i++) {
        tokens[n++] = toy_time(10 * i);
        for (int word = 0; word < 6; word++) tokens[n++] = word;
        tokens[n++] = toy_time(10 * i + 10);
    }
    assert_true(so_loop_find(&toy_vocab, tokens, n, &keep));
    assert_int_equal(keep, 8); /* the first sentence and the timestamps on both sides */
    assert_true(so_loop_at_end(&toy_vocab, tokens, n - 1, &keep));
}

static void a_loop_is_found_before_other_text(void **state) {
    (void)state;
    int32_t tokens[128];
    size_t n = make_text(3, 1, 40, tokens), keep = 0;
    n += make_text(30, 0, 0, tokens + n);
    for (size_t i = 44; i < n; i += 3) tokens[i] = (int32_t)(i % 7);
    assert_false(so_loop_at_end(&toy_vocab, tokens, n, &keep));
    assert_true(so_loop_find(&toy_vocab, tokens, n, &keep));
    assert_int_equal(keep, 4);
}

static void loops_and_floods_are_tried_again_and_are_silence_where_nobody_speaks(void **state) {
    (void)state;
    struct so_quality sure = {1, -0.1f, 0.1f, .loop = true};
    assert_true(so_needs_fallback(&usual, &sure));
    assert_false(so_is_silence(&usual, &sure));
    sure.no_speech_prob = 0.9f;
    assert_true(so_is_silence(&usual, &sure));
    struct so_quality flood = {1, -0.1f, 0.1f, .outruns = true};
    assert_true(so_needs_fallback(&usual, &flood));
    assert_true(so_most_tokens(30) > 448 && so_most_tokens(0.2) < 20);
}

static void where_model_and_detector_doubt_nobody_speaks(void **state) {
    (void)state;
    struct so_quality quality = {1, -1.3f, 0.4f, .doubted = true};
    assert_true(so_is_silence(&usual, &quality));
    quality.avg_logprob = -0.9f; /* faint speech that the model understands */
    assert_false(so_is_silence(&usual, &quality));
    quality = (struct so_quality){1, -1.3f, 0.4f};
    assert_false(so_is_silence(&usual, &quality));
    struct so_thresholds off = usual;
    off.no_speech = NAN;
    quality.doubted = true;
    assert_false(so_is_silence(&off, &quality));
}

static void repetition_loses_against_doubt(void **state) {
    (void)state;
    struct so_quality loop = {1, -0.1f, 0, .loop = true}, packed = {3, -0.2f, 0}, doubtful = {1, -1.5f, 0},
                      worse = {1, -2, 0};
    assert_true(so_is_better(&usual, &doubtful, &loop) && !so_is_better(&usual, &loop, &doubtful));
    assert_true(so_is_better(&usual, &worse, &packed));
    assert_true(so_is_better(&usual, &doubtful, &worse));
}

static struct so_model toy_model(void) {
    struct so_model model = {.vocab = toy_vocab};
    model.hp.n_text_ctx = FAKE_MOST;
    model.hp.n_vocab = TOY_VOCAB;
    return model;
}

static struct so_outcome outcome_of(const int32_t *tokens, const float *logprobs, size_t n, float logprob,
                                    bool loop) {
    struct so_outcome outcome = {.decoded = {tokens, logprobs, n, logprob, 0},
                                 .quality = {1, logprob, 0, .loop = loop}};
    return outcome;
}

static void the_best_of_the_failed_attempts_counts_and_its_loop_is_cut(void **state) {
    (void)state;
    struct so_model model = toy_model();
    struct so_judge judge = {.model = &model, .thresholds = usual};
    struct so_kept kept;
    int32_t tokens[64];
    static const float logprobs[64];
    assert_int_equal(so_kept_create(&model, &kept, NULL), SOTTO_OK);
    size_t n = make_text(2, 1, 30, tokens);
    struct so_outcome loop = outcome_of(tokens, logprobs, n, -0.1f, true);
    assert_true(so_kept_offer(&kept, &judge, &loop, false));
    struct so_outcome doubt = outcome_of((const int32_t[]){4, 5}, logprobs, 2, -1.5f, false);
    assert_true(so_kept_offer(&kept, &judge, &doubt, false));
    assert_false(so_kept_offer(&kept, &judge, &loop, true));
    assert_int_equal(kept.outcome.decoded.n, 2);
    assert_int_equal(kept.outcome.decoded.tokens[0], 4);
    kept.any = false;
    assert_false(so_kept_offer(&kept, &judge, &loop, true));
    assert_int_equal(kept.outcome.decoded.n, 3);
    assert_true(kept.outcome.cut);
    kept.any = false;
    struct so_outcome good = outcome_of((const int32_t[]){6}, logprobs, 1, -0.5f, false);
    assert_false(so_kept_offer(&kept, &judge, &good, false));
    assert_int_equal(kept.outcome.decoded.tokens[0], 6);
    so_kept_free(&kept);
}

/** A model that says one word for ever. */
static void stuck(const struct so_seq *seq, float *logits) {
    (void)seq;
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i == 5 ? 10 : 0;
}

static void search_stops_where_a_loop_begins(void **state) {
    (void)state;
    struct so_model model = toy_model();
    struct so_search search = {
        .stop_loops = true, .beam_size = 1, .best_of = 1, .patience = 1, .length_penalty = -1};
    struct so_cross cross = {1};
    size_t n[2];
    for (int stop = 0; stop < 2; stop++) {
        struct so_window *window;
        struct so_window_result result;
        search.stop_loops = stop;
        fake_model = stuck;
        fake_context = FAKE_MOST;
        assert_int_equal(so_window_create(&model, &search, &window, NULL), SOTTO_OK);
        so_window_start(window, &cross, 0, NULL, 0, 0);
        assert_int_equal(so_window_attempt(window, 0, 0, NULL), SOTTO_OK);
        assert_int_equal(fake_run(window, 8), SOTTO_OK);
        so_window_result(window, &result);
        n[stop] = result.n;
        so_window_free(window);
    }
    assert_int_equal(n[0], 32); /* half the context */
    assert_int_equal(n[1], 21);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_times_the_same_is_a_loop_and_three_times_is_not),
        cmocka_unit_test(a_word_may_be_said_some_times),
        cmocka_unit_test(timestamps_between_do_not_hide_a_loop),
        cmocka_unit_test(a_loop_is_found_before_other_text),
        cmocka_unit_test(loops_and_floods_are_tried_again_and_are_silence_where_nobody_speaks),
        cmocka_unit_test(where_model_and_detector_doubt_nobody_speaks),
        cmocka_unit_test(repetition_loses_against_doubt),
        cmocka_unit_test(the_best_of_the_failed_attempts_counts_and_its_loop_is_cut),
        cmocka_unit_test(search_stops_where_a_loop_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
