#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "decode/window.h"
#include "rules_toy.h"
#include "window_fake.h"

enum { SAMPLES = FAKE_CONTEXT / 2, ENGLISH = 0, OTHER = 1 };

static struct so_model model;
static const struct so_search greedy = {
    .timestamps = true, .beam_size = 1, .best_of = 3, .patience = 1, .length_penalty = -1, .seed = 5};
static const struct so_search beams = {
    .timestamps = true, .beam_size = 3, .best_of = 3, .patience = 1, .length_penalty = -1, .seed = 5};

static int set_up(void **state) {
    (void)state;
    model = (struct so_model){.vocab = toy_vocab, .hp = {.n_text_ctx = FAKE_CONTEXT, .n_vocab = TOY_VOCAB}};
    fake_model = fake_random;
    fake_rows = 0;
    return 0;
}

static struct so_window *make(const struct so_search *search) {
    struct so_window *window;
    assert_int_equal(so_window_create(&model, search, &window, NULL), SOTTO_OK);
    return window;
}

/** What an attempt gave, kept. */
struct kept {
    int32_t tokens[SAMPLES];
    float logprobs[SAMPLES];
    size_t n;
    float avg_logprob, no_speech_prob;
};

static struct kept keep(struct so_window *window) {
    struct so_window_result result;
    so_window_result(window, &result);
    struct kept kept = {.n = result.n, .avg_logprob = result.avg_logprob, .no_speech_prob = result.no_speech_prob};
    assert_true(result.n <= SAMPLES);
    memcpy(kept.tokens, result.tokens, result.n * sizeof *result.tokens);
    memcpy(kept.logprobs, result.logprobs, result.n * sizeof *result.logprobs);
    return kept;
}

static struct kept run(struct so_window *window, float temperature, uint32_t attempt, size_t capacity) {
    assert_int_equal(so_window_attempt(window, temperature, attempt, NULL), SOTTO_OK);
    assert_int_equal(fake_run(window, capacity), SOTTO_OK);
    return keep(window);
}

static void assert_same(const struct kept *a, const struct kept *b) { assert_memory_equal(a, b, sizeof *a); }

/** Start a window, take its first rows and check the prompt. */
static void check_prompt(const struct so_search *search, int language, const int32_t *previous, size_t n_previous,
                         const int32_t *expected, size_t n_expected, size_t sot) {
    struct so_cross cross = {1};
    struct so_window *window = make(search);
    struct so_step_row rows[64];
    so_window_start(window, &cross, language, previous, n_previous, 0);
    assert_int_equal(so_window_attempt(window, 0, 0, NULL), SOTTO_OK);
    assert_int_equal(so_window_next(window, rows, 64), n_expected);
    for (size_t i = 0; i < n_expected; i++) {
        assert_int_equal(rows[i].token, expected[i]);
        assert_int_equal(rows[i].logits != NULL, i == sot || i == n_expected - 1);
    }
    so_window_free(window);
}

static void the_prompt_names_language_and_task(void **state) {
    (void)state;
    struct so_search search = greedy;
    check_prompt(&search, OTHER, NULL, 0, (const int32_t[]){TOY_SOT, TOY_LANGUAGE + 1, TOY_TRANSCRIBE}, 3, 0);
    search.task = SOTTO_TRANSLATE;
    search.timestamps = false;
    check_prompt(&search, ENGLISH, NULL, 0,
                 (const int32_t[]){TOY_SOT, TOY_LANGUAGE, TOY_TRANSLATE, TOY_NO_TIMESTAMPS}, 4, 0);
}

static void an_english_model_is_told_neither_language_nor_task(void **state) {
    (void)state;
    model.vocab.multilingual = false;
    check_prompt(&greedy, ENGLISH, NULL, 0, (const int32_t[]){TOY_SOT}, 1, 0);
}

static void earlier_text_stands_before_and_its_end_counts(void **state) {
    (void)state;
    int32_t previous[20], expected[19] = {TOY_PREV};
    for (int32_t i = 0; i < 20; i++) previous[i] = i % TOY_TEXT;
    memcpy(expected + 1, previous + 5, 15 * sizeof *previous); // the last 32 / 2 - 1
    memcpy(expected + 16, (const int32_t[]){TOY_SOT, TOY_LANGUAGE, TOY_TRANSCRIBE}, 3 * sizeof *expected);
    check_prompt(&greedy, ENGLISH, previous, 20, expected, 19, 16);
}

/** Says b c e, ends; <|nospeech|> has a probability of its own after <|startoftranscript|>. */
static void fixed_words(const struct so_seq *seq, float *logits) {
    static const int32_t words[] = {TOY_TIME, 1, 2, 4, TOY_TIME + 60, TOY_EOT};
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = 0;
    if (seq->tokens[seq->n - 1] == TOY_SOT) {
        logits[TOY_NO_SPEECH] = 3;
        return;
    }
    size_t prompt = 0;
    while (seq->tokens[prompt++] != TOY_SOT) {}
    prompt += 2;
    size_t said = seq->n - prompt;
    if (said < sizeof words / sizeof *words) logits[words[said]] = 9;
}

static void greedy_search_takes_the_likeliest_tokens(void **state) {
    (void)state;
    struct so_cross cross = {1};
    struct so_window *window = make(&greedy);
    fake_model = fixed_words;
    so_window_start(window, &cross, ENGLISH, (const int32_t[]){5, 6}, 2, 0);
    struct kept kept = run(window, 0, 0, 64);
    assert_int_equal(kept.n, 5);
    assert_memory_equal(kept.tokens, ((const int32_t[]){TOY_TIME, 1, 2, 4, TOY_TIME + 60}), 5 * sizeof(int32_t));
    so_window_free(window);
}

static void the_no_speech_probability_is_that_after_the_start_token(void **state) {
    (void)state;
    struct so_cross cross = {1};
    struct so_window *window = make(&greedy);
    fake_model = fixed_words;
    for (size_t capacity = 1; capacity < 8; capacity++) {
        so_window_start(window, &cross, ENGLISH, (const int32_t[]){5, 6}, 2, 0);
        struct kept kept = run(window, 0, 0, capacity);
        assert_true(fabs((double)kept.no_speech_prob - exp(3) / (exp(3) + TOY_VOCAB - 1)) < 1e-5);
    }
    so_window_free(window);
}

static void the_mean_log_probability_counts_the_end(void **state) {
    (void)state;
    struct so_cross cross = {1};
    struct so_window *window = make(&greedy);
    fake_model = fixed_words;
    so_window_start(window, &cross, ENGLISH, NULL, 0, 0);
    struct kept kept = run(window, 0, 0, 64);
    double sum = 0;
    for (size_t i = 0; i < kept.n; i++) sum += (double)kept.logprobs[i];
    // After the closing timestamp: the end at 9, the special tokens at 0 that no rule forbids, and later timestamps.
    double others = 2 /* languages */ + (TOY_TIMES - 60);
    double end = 9 - log(exp(9) + others);
    assert_true(fabs((double)kept.avg_logprob - (sum + end) / 6) < 1e-5);
    so_window_free(window);
}

static void the_result_does_not_depend_on_the_size_of_a_step(void **state) {
    (void)state;
    const struct so_search *searches[] = {&greedy, &beams};
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int kind = 0; kind < 4; kind++) {
            struct so_cross cross = {seed};
            struct kept first = {0};
            for (size_t capacity = 1; capacity <= 64; capacity = capacity * 3 + 1) {
                struct so_window *window = make(searches[kind % 2]);
                so_window_start(window, &cross, ENGLISH, (const int32_t[]){1, 2, 3}, 3, 7);
                struct kept kept = run(window, kind < 2 ? 0 : 0.8f, 1, capacity);
                if (capacity == 1) first = kept;
                assert_same(&kept, &first);
                so_window_free(window);
            }
        }
    }
}

static void windows_that_share_steps_do_not_disturb_each_other(void **state) {
    (void)state;
    enum { WINDOWS = 3 };
    struct so_cross crosses[WINDOWS] = {{11}, {12}, {13}};
    struct so_window *windows[WINDOWS];
    struct kept alone[WINDOWS];
    for (int i = 0; i < WINDOWS; i++) {
        windows[i] = make(i == 1 ? &beams : &greedy);
        so_window_start(windows[i], &crosses[i], ENGLISH, NULL, 0, (uint32_t)i);
        alone[i] = run(windows[i], i == 2 ? 0.5f : 0, 0, 64);
        so_window_start(windows[i], &crosses[i], ENGLISH, NULL, 0, (uint32_t)i);
        assert_int_equal(so_window_attempt(windows[i], i == 2 ? 0.5f : 0, 0, NULL), SOTTO_OK);
    }
    for (size_t n = 1; n > 0;) {
        struct so_step_row rows[64];
        n = 0;
        for (int i = 0; i < WINDOWS; i++) n += so_window_next(windows[i], rows + n, 2);
        fake_step(rows, n);
        for (int i = 0; i < WINDOWS; i++) assert_int_equal(so_window_consume(windows[i], NULL), SOTTO_OK);
    }
    for (int i = 0; i < WINDOWS; i++) {
        struct kept together = keep(windows[i]);
        assert_same(&together, &alone[i]);
        so_window_free(windows[i]);
    }
}

static void another_attempt_does_not_run_the_prompt_again(void **state) {
    (void)state;
    struct so_cross cross = {3};
    struct so_window *window = make(&beams);
    fake_model = fixed_words;
    so_window_start(window, &cross, ENGLISH, (const int32_t[]){1, 2, 3}, 3, 0);
    struct kept first = run(window, 0, 0, 64);
    size_t rows = fake_rows;
    run(window, 1, 1, 64);
    fake_rows = 0;
    struct kept again = run(window, 0, 2, 64);
    assert_same(&first, &again);
    assert_int_equal(fake_rows, rows - 7);
    assert_true(so_window_next(window, &(struct so_step_row){0}, 1) == 0);
    so_window_free(window);
}

static void an_attempt_is_repeatable_and_another_one_differs(void **state) {
    (void)state;
    struct so_cross cross = {4};
    struct so_window *window = make(&greedy);
    so_window_start(window, &cross, ENGLISH, NULL, 0, 100);
    struct kept a = run(window, 1, 1, 64), b = run(window, 1, 2, 64), c = run(window, 1, 1, 64);
    assert_same(&a, &c);
    assert_memory_not_equal(&a, &b, sizeof a);
    so_window_start(window, &cross, ENGLISH, NULL, 0, 101);
    struct kept d = run(window, 1, 1, 64);
    assert_memory_not_equal(&a, &d, sizeof a);
    so_window_free(window);
}

static double score(const struct kept *kept) {
    return (double)kept->avg_logprob * (double)(kept->n + 1) / (double)(kept->n ? kept->n : 1);
}

static void the_best_of_several_draws_is_kept(void **state) {
    (void)state;
    struct so_search one = greedy;
    one.best_of = 1;
    int better = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct so_cross cross = {seed};
        struct so_window *single = make(&one), *several = make(&greedy);
        so_window_start(single, &cross, ENGLISH, NULL, 0, 0);
        so_window_start(several, &cross, ENGLISH, NULL, 0, 0);
        struct kept a = run(single, 1, 0, 64), b = run(several, 1, 0, 64);
        // The first of the three is the very sequence that is drawn alone.
        assert_true(score(&b) >= score(&a));
        better += score(&b) > score(&a);
        so_window_free(single);
        so_window_free(several);
    }
    assert_true(better > 10);
}

static void talking_on_and_on(const struct so_seq *seq, float *logits) {
    (void)seq;
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = i == 1 ? 20.0f : 0.0f;
}

static void sampling_stops_at_half_the_context(void **state) {
    (void)state;
    struct so_cross cross = {1};
    const struct so_search *searches[] = {&greedy, &beams};
    fake_model = talking_on_and_on;
    for (int i = 0; i < 2; i++) {
        struct so_window *window = make(searches[i]);
        so_window_start(window, &cross, ENGLISH, NULL, 0, 0);
        assert_int_equal(run(window, 0, 0, 64).n, SAMPLES);
        so_window_free(window);
    }
}

static void a_full_prompt_leaves_room_in_the_context(void **state) {
    (void)state;
    struct so_cross cross = {1};
    int32_t previous[SAMPLES] = {0};
    struct so_window *window = make(&greedy);
    fake_model = talking_on_and_on;
    so_window_start(window, &cross, ENGLISH, previous, SAMPLES, 0);
    // 19 prompt tokens; the 14th token fills the 33rd place, which is never given to the model.
    assert_int_equal(run(window, 0, 0, 64).n, FAKE_CONTEXT + 1 - 19);
    so_window_free(window);
}

static void not_a_number(const struct so_seq *seq, float *logits) {
    (void)seq;
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = NAN;
}

static void logits_that_are_no_numbers_are_an_error(void **state) {
    (void)state;
    struct so_cross cross = {1};
    const struct so_search *searches[] = {&greedy, &beams};
    fake_model = not_a_number;
    for (int i = 0; i < 2; i++) {
        struct so_window *window = make(searches[i]);
        so_window_start(window, &cross, ENGLISH, NULL, 0, 0);
        assert_int_equal(so_window_attempt(window, 0, 0, NULL), SOTTO_OK);
        assert_int_equal(fake_run(window, 64), SOTTO_ERR_MODEL);
        so_window_free(window);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_prompt_names_language_and_task, set_up),
        cmocka_unit_test_setup(an_english_model_is_told_neither_language_nor_task, set_up),
        cmocka_unit_test_setup(earlier_text_stands_before_and_its_end_counts, set_up),
        cmocka_unit_test_setup(greedy_search_takes_the_likeliest_tokens, set_up),
        cmocka_unit_test_setup(the_no_speech_probability_is_that_after_the_start_token, set_up),
        cmocka_unit_test_setup(the_mean_log_probability_counts_the_end, set_up),
        cmocka_unit_test_setup(the_result_does_not_depend_on_the_size_of_a_step, set_up),
        cmocka_unit_test_setup(windows_that_share_steps_do_not_disturb_each_other, set_up),
        cmocka_unit_test_setup(another_attempt_does_not_run_the_prompt_again, set_up),
        cmocka_unit_test_setup(an_attempt_is_repeatable_and_another_one_differs, set_up),
        cmocka_unit_test_setup(the_best_of_several_draws_is_kept, set_up),
        cmocka_unit_test_setup(sampling_stops_at_half_the_context, set_up),
        cmocka_unit_test_setup(a_full_prompt_leaves_room_in_the_context, set_up),
        cmocka_unit_test_setup(logits_that_are_no_numbers_are_an_error, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
