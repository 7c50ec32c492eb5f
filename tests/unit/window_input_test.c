/* What a window is given: samples by way of the feed, earlier text by way of the history; and how repetitive its text is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode/compress.h"
#include "decode/feed.h"
#include "decode/history.h"
#include "decode/language.h"
#include "rules_toy.h"

/** Sample t of a recording is t mod 1000; read in uneven pieces. */
struct ramp {
    uint64_t at, length;
};

static float ramp_sample(uint64_t t) { return (float)(t % 1000); }

static sotto_status read_ramp(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    struct ramp *ramp = context;
    (void)err;
    size_t piece = 1 + (size_t)(ramp->at * 7 % 5000);
    *n = piece < capacity ? piece : capacity;
    if (*n > ramp->length - ramp->at) *n = (size_t)(ramp->length - ramp->at);
    for (size_t i = 0; i < *n; i++) samples[i] = ramp_sample(ramp->at++);
    return SOTTO_OK;
}

static void the_feed_shows_the_recording_from_where_it_stands(void **state) {
    (void)state;
    struct ramp ramp = {0, 1000000};
    struct so_source source = {&ramp, read_ramp, 0};
    struct so_feed feed;
    assert_int_equal(so_feed_create(&source, 0, &feed, NULL), SOTTO_OK);
    uint64_t start = 0;
    for (uint32_t step = 1; start + SO_FEED_SAMPLES < ramp.length; step += 517) {
        assert_int_equal(so_feed_fill(&feed, NULL), SOTTO_OK);
        assert_int_equal(so_feed_frames(&feed), SO_MEL_FRAMES);
        assert_int_equal(feed.start_frame * SO_MEL_HOP, start);
        for (size_t i = 0; i < feed.n; i += 997) assert_true(feed.samples[i] == ramp_sample(start + i));
        so_feed_advance(&feed, step);
        start += (uint64_t)step * SO_MEL_HOP;
    }
    assert_int_equal(so_feed_fill(&feed, NULL), SOTTO_OK);
    assert_true(feed.ended);
    assert_int_equal(feed.total, ramp.length);
    assert_int_equal(so_feed_frames(&feed), (ramp.length - start) / SO_MEL_HOP);
    so_feed_advance(&feed, SO_MEL_FRAMES);
    assert_int_equal(so_feed_fill(&feed, NULL), SOTTO_OK);
    assert_int_equal(so_feed_frames(&feed), 0);
    so_feed_free(&feed);
}

static void a_recording_without_samples_is_an_error(void **state) {
    (void)state;
    struct ramp ramp = {0, 0};
    struct so_source source = {&ramp, read_ramp, 0};
    struct so_feed feed;
    sotto_error err;
    assert_int_equal(so_feed_create(&source, 0, &feed, &err), SOTTO_OK);
    assert_int_equal(so_feed_fill(&feed, &err), SOTTO_ERR_MEDIA);
    assert_non_null(strstr(err.message, "holds no audio samples"));
    so_feed_free(&feed);
}

static void one_sample_is_a_recording(void **state) {
    (void)state;
    struct ramp ramp = {0, 1};
    struct so_source source = {&ramp, read_ramp, 0};
    struct so_feed feed;
    assert_int_equal(so_feed_create(&source, 0, &feed, NULL), SOTTO_OK);
    assert_int_equal(so_feed_fill(&feed, NULL), SOTTO_OK);
    assert_int_equal(feed.n, 1);
    assert_int_equal(so_feed_frames(&feed), 0);
    so_feed_free(&feed);
}

static void a_recording_over_the_limit_is_refused(void **state) {
    (void)state;
    for (uint64_t length = 31999; length <= 32001; length++) {
        struct ramp ramp = {0, length};
        struct so_source source = {&ramp, read_ramp, 0};
        struct so_feed feed;
        assert_int_equal(so_feed_create(&source, 2, &feed, NULL), SOTTO_OK);
        assert_int_equal(so_feed_fill(&feed, NULL), length > 32000 ? SOTTO_ERR_MEDIA : SOTTO_OK);
        so_feed_free(&feed);
    }
}

static sotto_status read_wild(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    static const float wild[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0.25f};
    bool *done = context;
    (void)capacity;
    (void)err;
    *n = *done ? 0 : 6;
    if (!*done) memcpy(samples, wild, sizeof wild);
    *done = true;
    return SOTTO_OK;
}

static void samples_that_are_no_numbers_are_silence_and_huge_ones_are_limited(void **state) {
    (void)state;
    bool done = false;
    struct so_source source = {&done, read_wild, 0};
    struct so_feed feed;
    assert_int_equal(so_feed_create(&source, 0, &feed, NULL), SOTTO_OK);
    assert_int_equal(so_feed_fill(&feed, NULL), SOTTO_OK);
    const float expected[] = {0, 0, 0, 1e6f, -1e6f, 0.25f};
    assert_memory_equal(feed.samples, expected, sizeof expected);
    so_feed_free(&feed);
}

static void assert_history(const struct so_history *history, size_t n, const int32_t *expected) {
    assert_int_equal(history->n, n);
    if (n) assert_memory_equal(history->tokens, expected, n * sizeof *expected);
}

static void the_history_keeps_the_most_recent_text(void **state) {
    (void)state;
    struct so_history history;
    assert_int_equal(so_history_create(&toy_vocab, 5, NULL, NULL, &history, NULL), SOTTO_OK);
    assert_history(&history, 0, NULL);
    so_history_add(&history, (const int32_t[]){1, 2, 3}, 3);
    assert_history(&history, 3, (const int32_t[]){1, 2, 3});
    so_history_add(&history, (const int32_t[]){4, 5, 6}, 3);
    assert_history(&history, 5, (const int32_t[]){2, 3, 4, 5, 6});
    so_history_add(&history, (const int32_t[]){1, 2, 3, 4, 5, 6, 7}, 7);
    assert_history(&history, 5, (const int32_t[]){3, 4, 5, 6, 7});
    so_history_reset(&history);
    assert_history(&history, 0, NULL);
    so_history_free(&history);
}

/* In the toy's vocabulary "a" is 0, "b" 1, "c" 2, " " 3, "e" 4, "f" 5, "g" 6; no merges, no comma. */

static void a_prompt_is_text_before_the_first_window(void **state) {
    (void)state;
    struct so_history history;
    assert_int_equal(so_history_create(&toy_vocab, 8, " \t cab\n", NULL, &history, NULL), SOTTO_OK);
    assert_history(&history, 4, (const int32_t[]){3, 2, 0, 1});
    so_history_reset(&history);
    assert_history(&history, 0, NULL);
    so_history_free(&history);
}

static void a_blank_prompt_is_none(void **state) {
    (void)state;
    struct so_history history;
    assert_int_equal(so_history_create(&toy_vocab, 8, " \n ", " , ", &history, NULL), SOTTO_OK);
    assert_int_equal(history.n, 0);
    so_history_free(&history);
}

static void hot_words_stay_in_front(void **state) {
    (void)state;
    struct so_history history;
    assert_int_equal(so_history_create(&toy_vocab, 6, "gg", "ca,abe", &history, NULL), SOTTO_OK);
    assert_int_equal(history.n_hot, 3); // " ca" fills half the limit
    assert_int_equal(history.left_out, 1);
    assert_false(history.cut_prompt);
    assert_history(&history, 6, (const int32_t[]){3, 2, 0, 3, 6, 6});
    so_history_add(&history, (const int32_t[]){7, 8}, 2);
    assert_history(&history, 6, (const int32_t[]){3, 2, 0, 6, 7, 8});
    so_history_add(&history, (const int32_t[]){1, 2, 4, 5, 9}, 5);
    assert_history(&history, 6, (const int32_t[]){3, 2, 0, 4, 5, 9});
    so_history_reset(&history);
    assert_history(&history, 3, (const int32_t[]){3, 2, 0});
    so_history_free(&history);
}

static void words_without_room_are_counted_and_never_cut(void **state) {
    (void)state;
    struct so_history history;
    assert_int_equal(so_history_create(&toy_vocab, 9, "abcabcabc", "cabab,c, ,a", &history, NULL), SOTTO_OK);
    assert_int_equal(history.n_hot, 0); // " cabab" has six tokens, and room is for four
    assert_int_equal(history.left_out, 3);
    assert_true(history.cut_prompt);
    assert_history(&history, 9, (const int32_t[]){0, 1, 2, 0, 1, 2, 0, 1, 2});
    so_history_free(&history);
    static const size_t lengths[] = {1000, 100000};
    for (size_t i = 0; i < 2; i++) { // over-long input is cut, not copied to places that it does not fit
        char *text = calloc(lengths[i] + 1, 1);
        assert_non_null(text);
        memset(text, 'g', lengths[i]);
        assert_int_equal(so_history_create(&toy_vocab, 5, text, text, &history, NULL), SOTTO_OK);
        assert_int_equal(history.n, 5);
        assert_int_equal(history.left_out, 1);
        so_history_free(&history);
        free(text);
    }
}

static void the_likeliest_language_is_guessed(void **state) {
    (void)state;
    float logits[TOY_PADDED];
    for (int i = 0; i < TOY_VOCAB; i++) logits[i] = 9;
    logits[TOY_LANGUAGE] = 1;
    logits[TOY_LANGUAGE + 1] = 2;
    const float *windows[2] = {logits, logits};
    struct so_language_guess guess = so_language_guess(&toy_vocab, windows, 1);
    assert_int_equal(guess.index, 1);
    assert_true(fabs((double)guess.probability - 1 / (1 + exp(-1))) < 1e-6);

    float other[TOY_PADDED]; // a second window that is surer of the other language outvotes the first
    for (int i = 0; i < TOY_VOCAB; i++) other[i] = 9;
    other[TOY_LANGUAGE] = 5;
    other[TOY_LANGUAGE + 1] = 1;
    windows[1] = other;
    guess = so_language_guess(&toy_vocab, windows, 2);
    assert_int_equal(guess.index, 0);
    assert_true(fabs((double)guess.probability - (1 / (1 + exp(1)) + 1 / (1 + exp(-4))) / 2) < 1e-6);
}

static void repetition_compresses(void **state) {
    (void)state;
    // len(text) / len(zlib.compress(text)) of Python's zlib module, level 6.
    static const char plain[] = "The quick brown fox jumps over the lazy dog.";
    char loop[401];
    for (int i = 0; i < 400; i++) loop[i] = "thank you. "[i % 11];
    float ratio;
    assert_int_equal(so_compression_ratio(plain, strlen(plain), &ratio, NULL), SOTTO_OK);
    assert_true(fabs((double)ratio - 44.0 / 51.0) < 1e-6);
    assert_int_equal(so_compression_ratio(loop, 400, &ratio, NULL), SOTTO_OK);
    assert_true(ratio > 15);
    assert_int_equal(so_compression_ratio("", 0, &ratio, NULL), SOTTO_OK);
    assert_true(ratio == 0.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_feed_shows_the_recording_from_where_it_stands),
        cmocka_unit_test(a_recording_without_samples_is_an_error),
        cmocka_unit_test(one_sample_is_a_recording),
        cmocka_unit_test(a_recording_over_the_limit_is_refused),
        cmocka_unit_test(samples_that_are_no_numbers_are_silence_and_huge_ones_are_limited),
        cmocka_unit_test(the_history_keeps_the_most_recent_text),
        cmocka_unit_test(a_prompt_is_text_before_the_first_window),
        cmocka_unit_test(a_blank_prompt_is_none),
        cmocka_unit_test(hot_words_stay_in_front),
        cmocka_unit_test(words_without_room_are_counted_and_never_cut),
        cmocka_unit_test(the_likeliest_language_is_guessed),
        cmocka_unit_test(repetition_compresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
