#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode/sample.h"

enum { N = 40, PADDED = 48, DRAWS = 40000 };

static void the_generator_gives_the_published_words(void **state) {
    (void)state;
    // Known answers published with the paper's code, Random123: zeros, ones, digits of pi.
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } known[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        so_philox(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].expected, sizeof out);
    }
}

static void every_coordinate_of_a_draw_matters(void **state) {
    (void)state;
    const struct so_draw base = {1, 2, 3, 4, 5};
    struct so_draw other[6] = {base, base, base, base, base, base};
    other[0].seed = 2;
    other[1].seed += (uint64_t)1 << 32;
    other[2].window++;
    other[3].attempt++;
    other[4].sequence++;
    other[5].step++;
    for (int i = 0; i < 6; i++) assert_true(so_uniform(&base) != so_uniform(&other[i]));
    assert_true(so_uniform(&base) == so_uniform(&(struct so_draw){1, 2, 3, 4, 5}));
}

static void uniform_numbers_fill_the_unit_interval_evenly(void **state) {
    (void)state;
    int bins[10] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        double u = so_uniform(&(struct so_draw){7, 0, 0, 0, i});
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * 10)]++;
        sum += u;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.005);
    for (int i = 0; i < 10; i++) assert_true(abs(bins[i] - DRAWS / 10) < 300);
}

static void the_best_token_is_the_first_of_the_largest(void **state) {
    (void)state;
    float logits[PADDED];
    for (int i = 0; i < N; i++) logits[i] = -1.0f;
    logits[11] = logits[23] = 2;
    logits[5] = -INFINITY;
    assert_int_equal(so_sample_best(logits, N), 11);
    for (int i = 0; i < N; i++) logits[i] = -INFINITY;
    assert_int_equal(so_sample_best(logits, N), -1);
    logits[N - 1] = -100;
    assert_int_equal(so_sample_best(logits, N), N - 1);
}

/** Draw many times and compare the frequencies with softmax(logits / temperature). */
static void check_distribution(float temperature) {
    float logits[PADDED], scratch[PADDED];
    double expected[N], sum = 0;
    int seen[N] = {0};
    for (int i = 0; i < N; i++) logits[i] = i % 4 == 1 ? -INFINITY : (float)(i * 37 % 11) * 0.3f - 50.0f;
    for (int i = 0; i < N; i++) sum += expected[i] = exp(((double)logits[i] + 50) / (double)temperature);
    for (uint32_t i = 0; i < DRAWS; i++) {
        int32_t token = so_sample_draw(logits, N, temperature, &(struct so_draw){99, i, 1, 2, 3}, scratch);
        assert_in_range(token, 0, N - 1);
        seen[token]++;
    }
    for (int i = 0; i < N; i++) {
        double p = expected[i] / sum, deviation = sqrt(DRAWS * p * (1 - p));
        assert_true(fabs(seen[i] - DRAWS * p) <= 4.5 * deviation);
    }
}

static void draws_follow_the_distribution(void **state) {
    (void)state;
    check_distribution(1.0f);
}

static void a_low_temperature_sharpens_the_distribution(void **state) {
    (void)state;
    check_distribution(0.4f);
}

static void forbidden_tokens_are_never_drawn(void **state) {
    (void)state;
    float logits[PADDED], scratch[PADDED];
    for (int i = 0; i < N; i++) logits[i] = i == 17 || i == 0 ? -3.0f : -INFINITY;
    for (uint32_t i = 0; i < 1000; i++) {
        int32_t token = so_sample_draw(logits, N, 1, &(struct so_draw){1, 1, 1, 1, i}, scratch);
        assert_true(token == 17 || token == 0);
    }
    for (int i = 0; i < N; i++) logits[i] = -INFINITY;
    assert_int_equal(so_sample_draw(logits, N, 1, &(struct so_draw){0}, scratch), -1);
}

static void drawing_leaves_the_logits_alone(void **state) {
    (void)state;
    float logits[PADDED], before[PADDED], scratch[PADDED];
    for (int i = 0; i < PADDED; i++) logits[i] = (float)(i % 7);
    memcpy(before, logits, sizeof logits);
    so_sample_draw(logits, N, 0.7f, &(struct so_draw){0}, scratch);
    assert_memory_equal(logits, before, sizeof logits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_gives_the_published_words),
        cmocka_unit_test(every_coordinate_of_a_draw_matters),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval_evenly),
        cmocka_unit_test(the_best_token_is_the_first_of_the_largest),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(a_low_temperature_sharpens_the_distribution),
        cmocka_unit_test(forbidden_tokens_are_never_drawn),
        cmocka_unit_test(drawing_leaves_the_logits_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
