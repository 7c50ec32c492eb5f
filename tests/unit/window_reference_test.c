/* The search against OpenAI's own: window_reference.py ran that on the same logits and wrote the table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "rules_toy.h"
#include "window_fake.h"

static const struct {
    uint64_t seed;
    uint32_t beam_size;
    float patience;
    bool timestamps;
    size_t n_previous;
    float length_penalty;
    double avg_logprob, no_speech_prob;
    size_t n;
    int32_t tokens[FAKE_CONTEXT / 2]; /* [n] */
} cases[] = {
#include "window_reference.inl"
};

static const int32_t previous[] = {1, 2, 4, 5, 6, 8, 9, 0, 1, 2, TOY_TIME + 3, TOY_TIME + 9, 1, 2, 4, 5, 6, 8, 9, 0};

static void every_search_ends_as_the_references(void **state) {
    (void)state;
    struct so_model model = {.vocab = toy_vocab, .hp = {.n_text_ctx = FAKE_CONTEXT, .n_vocab = TOY_VOCAB}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct so_search search = {.timestamps = cases[i].timestamps, .beam_size = cases[i].beam_size, .best_of = 1,
                                   .patience = cases[i].patience, .length_penalty = cases[i].length_penalty};
        struct so_cross cross = {cases[i].seed};
        struct so_window *window;
        struct so_window_result result;
        assert_int_equal(so_window_create(&model, &search, &window, NULL), SOTTO_OK);
        so_window_start(window, &cross, 0, previous, cases[i].n_previous, 0);
        assert_int_equal(so_window_attempt(window, 0, 0, NULL), SOTTO_OK);
        assert_int_equal(fake_run(window, 64), SOTTO_OK);
        so_window_result(window, &result);
        assert_int_equal(result.n, cases[i].n);
        assert_memory_equal(result.tokens, cases[i].tokens, result.n * sizeof *result.tokens);
        assert_true(fabs((double)result.avg_logprob - cases[i].avg_logprob) < 1e-5);
        assert_true(fabs((double)result.no_speech_prob - cases[i].no_speech_prob) < 1e-7);
        so_window_free(window);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_search_ends_as_the_references)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
