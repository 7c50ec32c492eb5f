/** Reading ahead: the same blocks with and without a thread of its own, errors after what came before them,
 * no end missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/ahead.h"
#include "decode/context.h"
#include "util/memory.h"

/** A source of n samples, in pieces of odd sizes; at sample `fails_at` it fails. */
struct tale {
    size_t n, at, fails_at;
};

static float sample_at(size_t i) {
    return (float)((i * 2654435761u) % 1000) / 1000.0f - 0.5f;
}

static sotto_status tell(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    struct tale *t = context;
    *n = so_min(so_min(capacity, 1 + t->at % 1717), t->n - t->at);
    if (t->at + *n > t->fails_at) return so_fail(err, SOTTO_ERR_IO, "the tape is torn");
    for (size_t i = 0; i < *n; i++) samples[i] = sample_at(t->at++);
    return SOTTO_OK;
}

/** Read all of it; returns the samples that came before the end or the error. frames: of all blocks, summed
 * into *frames. */
static size_t read_all(struct tale *tale, bool threaded, double max_duration, sotto_status *status,
                       size_t *frames) {
    struct so_source source = {.context = tale, .read = tell};
    struct so_ahead *ahead;
    sotto_error err;
    assert_int_equal(so_ahead_create(&source, NULL, max_duration, threaded, &ahead, &err), SOTTO_OK);
    const struct so_ahead_block *block;
    size_t n = 0;
    *frames = 0;
    while ((*status = so_ahead_next(ahead, &block, &err)) == SOTTO_OK && block) {
        assert_true(block->n <= SO_AHEAD_SAMPLES);
        for (size_t i = 0; i < block->n; i++) assert_true(block->samples[i] == sample_at(n + i));
        n += block->n;
        *frames += block->n_frames;
    }
    if (*status == SOTTO_OK) {
        assert_int_equal(so_ahead_next(ahead, &block, &err), SOTTO_OK); /* the end stays the end */
        assert_null(block);
    }
    so_ahead_free(ahead);
    return n;
}

static void every_sample_comes_once_and_in_order(void **state) {
    (void)state;
    static const size_t lengths[] = {1,
                                     511,
                                     512,
                                     513,
                                     SO_AHEAD_SAMPLES - 1,
                                     SO_AHEAD_SAMPLES,
                                     SO_AHEAD_SAMPLES + 1,
                                     (SO_AHEAD_BLOCKS + 3) * SO_AHEAD_SAMPLES + 5};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int threaded = 0; threaded < 2; threaded++) {
            struct tale tale = {lengths[i], 0, SIZE_MAX};
            sotto_status status;
            size_t frames;
            assert_int_equal(read_all(&tale, threaded, 0, &status, &frames), lengths[i]);
            assert_int_equal(status, SOTTO_OK);
            assert_int_equal(frames, (lengths[i] + SO_VAD_HOP - 1) / SO_VAD_HOP);
        }
}

static void an_error_comes_after_the_blocks_before_it(void **state) {
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct tale tale = {10 * SO_AHEAD_SAMPLES, 0, 3 * SO_AHEAD_SAMPLES + 7};
        sotto_status status;
        size_t frames;
        assert_int_equal(read_all(&tale, threaded, 0, &status, &frames), 3 * SO_AHEAD_SAMPLES);
        assert_int_equal(status, SOTTO_ERR_IO);
    }
}

static void nothing_and_too_much_are_refused(void **state) {
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        struct tale nothing = {0, 0, SIZE_MAX}, much = {4 * SO_AHEAD_SAMPLES, 0, SIZE_MAX};
        sotto_status status;
        size_t frames;
        read_all(&nothing, threaded, 0, &status, &frames);
        assert_int_equal(status, SOTTO_ERR_MEDIA);
        assert_true(read_all(&much, threaded, 3, &status, &frames) <= 3 * SOTTO_SAMPLE_RATE);
        assert_int_equal(status, SOTTO_ERR_MEDIA);
    }
}

static void the_reader_can_be_left_in_the_middle(void **state) {
    (void)state;
    for (int taken = 0; taken < 3; taken++) {
        struct tale tale = {100 * SO_AHEAD_SAMPLES, 0, SIZE_MAX};
        struct so_source source = {.context = &tale, .read = tell};
        struct so_ahead *ahead;
        const struct so_ahead_block *block;
        sotto_error err;
        assert_int_equal(so_ahead_create(&source, NULL, 0, true, &ahead, &err), SOTTO_OK);
        for (int i = 0; i < taken; i++) assert_int_equal(so_ahead_next(ahead, &block, &err), SOTTO_OK);
        so_ahead_free(ahead);
        assert_true(tale.at <= (SO_AHEAD_BLOCKS + 3) *
                                   SO_AHEAD_SAMPLES); /* it never reads further ahead than it has room */
    }
}

static void only_measured_models_hear_less_than_a_window(void **state) {
    (void)state;
    struct so_model model = {.name = "base"};
    model.hp.n_audio_ctx = 1500;
    model.hp.n_audio_state = 512;
    model.hp.n_audio_layer = 6;
    assert_int_equal(so_context_positions(&model, 16000, false), 512);
    assert_int_equal(so_context_positions(&model, 16000 * 10 + 1, false), 501 + 128);
    assert_int_equal(so_context_positions(&model, 16000 * 12, false), 600 + 128);
    assert_int_equal(so_context_positions(&model, 16000 * 12 + 1, false), 1500);
    assert_int_equal(so_context_positions(&model, 16000, true), 1500);
    strcpy(model.name, "tiny");
    assert_int_equal(so_context_positions(&model, 16000, false), 1500);
    strcpy(model.name, "base");
    model.hp.n_audio_state = 1280;
    assert_int_equal(so_context_positions(&model, 16000, false), 1500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_comes_once_and_in_order),
        cmocka_unit_test(an_error_comes_after_the_blocks_before_it),
        cmocka_unit_test(nothing_and_too_much_are_refused),
        cmocka_unit_test(the_reader_can_be_left_in_the_middle),
        cmocka_unit_test(only_measured_models_hear_less_than_a_window),
    };
    return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
