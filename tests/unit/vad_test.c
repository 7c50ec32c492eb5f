/** The speech detector: its network against the definition, its stream against every way of cutting it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/compiler.h"
#include "util/memory.h"
#include "vad_support.h"

#define FRAMES 150
#define SAMPLES (FRAMES * SO_VAD_HOP)

static struct made_weights made;
static struct so_vad_weights *weights;
static float sound[SAMPLES];
static struct so_vad_frame whole[FRAMES]; /* of the sound, pushed at once */

static struct so_vad *new_vad(const struct so_vad_weights *w) {
    struct so_vad *vad;
    assert_int_equal(so_vad_create(w, &vad, NULL), SOTTO_OK);
    return vad;
}

static int set_up(void **unused) {
    (void)unused;
    make_weights(&made, 5);
    make_sound(sound, SAMPLES, 3);
    const struct so_vad_tensors tensors = made_tensors(&made);
    if (so_vad_weights_pack(&tensors, &weights, NULL)) return -1;
    struct so_vad *vad = new_vad(weights);
    const size_t n = so_vad_push(vad, sound, SAMPLES, whole);
    so_vad_free(vad);
    return n == FRAMES ? 0 : -1;
}

static int tear_down(void **unused) {
    (void)unused;
    so_vad_weights_free(weights);
    return 0;
}

static void probabilities_are_those_of_the_definition(void **unused) {
    (void)unused;
    double expected[FRAMES], lowest = 1, highest = 0;
    plain_vad(&made, sound, SAMPLES, expected);
    for (size_t i = 0; i < FRAMES; i++) {
        assert_true(fabs((double)whole[i].probability - expected[i]) < 1e-5);
        lowest = fmin(lowest, expected[i]);
        highest = fmax(highest, expected[i]);
    }
    assert_true(highest - lowest > 0.5); /* the made-up network does react to its input */
}

static void power_is_the_mean_square(void **unused) {
    (void)unused;
    for (size_t f = 0; f < FRAMES; f++) {
        double sum = 0;
        for (size_t i = 0; i < SO_VAD_HOP; i++)
            sum += (double)sound[f * SO_VAD_HOP + i] * (double)sound[f * SO_VAD_HOP + i];
        assert_true(fabs((double)whole[f].power - sum / SO_VAD_HOP) <= 1e-6 * sum / SO_VAD_HOP);
    }
}

/* Push in pieces whose sizes come from `next_size`, and compare with the whole to the bit. */
static void check_cut(size_t (*next_size)(uint32_t *state), uint32_t state) {
    struct so_vad *vad = new_vad(weights);
    static struct so_vad_frame frames[FRAMES + 1];
    size_t done = 0;
    for (size_t at = 0; at < SAMPLES;) {
        const size_t n = so_min(next_size(&state), SAMPLES - at);
        const size_t got = so_vad_push(vad, sound + at, n, frames + done);
        assert_true(got <= (n + SO_VAD_HOP - 1) / SO_VAD_HOP);
        at += n;
        done += got;
        assert_int_equal(done, at / SO_VAD_HOP); /* nothing is held back */
    }
    assert_int_equal(done, FRAMES);
    assert_memory_equal(frames, whole, sizeof whole);
    assert_int_equal(so_vad_finish(vad, frames), 0);
    so_vad_free(vad);
}

static size_t any_size(uint32_t *state) {
    return next_bits(state) % 1500;
}
static size_t large_size(uint32_t *state) {
    return 1 + next_bits(state) % 40000;
}
static size_t one_frame(uint32_t *state) {
    return (void)state, SO_VAD_HOP;
}
static size_t odd_size(uint32_t *state) {
    return (void)state, 37;
}

static void the_way_a_stream_is_cut_changes_no_bit(void **unused) {
    (void)unused;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        check_cut(any_size, seed);
        check_cut(large_size, seed);
    }
    check_cut(one_frame, 0);
    check_cut(odd_size, 0);
}

static void a_stream_that_was_reset_or_finished_starts_anew(void **unused) {
    (void)unused;
    struct so_vad *vad = new_vad(weights);
    static struct so_vad_frame frames[FRAMES];
    so_vad_push(vad, sound + 100, 5000, frames);
    so_vad_reset(vad);
    assert_int_equal(so_vad_push(vad, sound, SAMPLES, frames), FRAMES);
    assert_memory_equal(frames, whole, sizeof whole);
    so_vad_push(vad, sound, 700, frames);
    assert_int_equal(so_vad_finish(vad, frames), 1);
    assert_int_equal(so_vad_push(vad, sound, SAMPLES, frames), FRAMES);
    assert_memory_equal(frames, whole, sizeof whole);
    so_vad_free(vad);
}

static void the_last_frame_is_filled_with_zeros(void **unused) {
    (void)unused;
    static const size_t lengths[] = {1, 511, 513, 1023, 20 * SO_VAD_HOP + 100};
    static float padded[SAMPLES];
    static struct so_vad_frame expected[FRAMES], frames[FRAMES];
    struct so_vad *vad = new_vad(weights);
    for (size_t i = 0; i < SO_COUNT(lengths); i++) {
        const size_t n = lengths[i], whole_frames = n / SO_VAD_HOP + 1;
        memset(padded, 0, sizeof padded);
        memcpy(padded, sound, n * sizeof *sound);
        so_vad_reset(vad);
        so_vad_push(vad, padded, whole_frames * SO_VAD_HOP, expected);
        so_vad_reset(vad);
        const size_t done = so_vad_push(vad, sound, n, frames);
        assert_int_equal(done + so_vad_finish(vad, frames + done), whole_frames);
        assert_memory_equal(frames, expected, whole_frames * sizeof *frames);
    }
    assert_int_equal(so_vad_finish(vad, frames), 0); /* an empty stream has no frame */
    so_vad_free(vad);
}

static void absurd_samples_leave_no_trace_in_the_state(void **unused) {
    (void)unused;
    static const float absurd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f};
    struct so_vad *vad = new_vad(weights);
    static float bad[4 * SO_VAD_HOP];
    static struct so_vad_frame frames[FRAMES];
    for (size_t i = 0; i < SO_COUNT(bad); i++) bad[i] = absurd[i % SO_COUNT(absurd)];
    so_vad_push(vad, bad, SO_COUNT(bad), frames);
    const size_t n = so_vad_push(vad, sound, SAMPLES, frames);
    for (size_t i = 0; i < n; i++)
        assert_true(frames[i].probability >= 0 && frames[i].probability <= 1 && frames[i].power >= 0);
    assert_true(fabsf(frames[n - 1].probability - whole[n - 1].probability) < 1e-3f); /* the memory fades */
    so_vad_free(vad);
}

static void without_a_detector_everything_is_speech(void **unused) {
    (void)unused;
    struct so_vad *vad = new_vad(NULL);
    static struct so_vad_frame frames[FRAMES];
    assert_int_equal(so_vad_push(vad, sound, SAMPLES, frames), FRAMES);
    for (size_t i = 0; i < FRAMES; i++)
        assert_true(frames[i].probability == 1.0f && frames[i].power == whole[i].power);
    so_vad_free(vad);
}

/* FNV-1a over the bits: what every CPU level, compiler and architecture must give. */
static uint64_t fingerprint(const void *data, size_t size) {
    const uint8_t *bytes = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static void every_machine_gives_these_bits(void **unused) {
    (void)unused;
    assert_true(fingerprint(&made, sizeof made) == UINT64_C(0x0acac99f8d052c5e));
    assert_true(fingerprint(sound, sizeof sound) == UINT64_C(0xeb5ddc98cbf84fa2));
    assert_true(fingerprint(whole, sizeof whole) == UINT64_C(0xaf46eac6f4d3a38f));
}

static void expect_refused(float *value, float bad) {
    const struct so_vad_tensors tensors = made_tensors(&made);
    struct so_vad_weights *out = NULL;
    sotto_error err;
    const float good = *value;
    *value = bad;
    assert_int_equal(so_vad_weights_pack(&tensors, &out, &err), SOTTO_ERR_MODEL);
    assert_null(out);
    assert_true(err.message[0] != '\0');
    *value = good;
}

static void values_that_are_no_weights_are_refused(void **unused) {
    (void)unused;
    expect_refused(&made.conv1_weight[5000], NAN);
    expect_refused(&made.weight_hh[512 * 128 - 1], INFINITY);
    expect_refused(&made.final_bias[0], -INFINITY);
    expect_refused(&made.stft[0], 0.5f);               /* a window that does not begin at 0 */
    expect_refused(&made.stft[37 * 256 + 5], 0.9f);    /* no mirror image in time */
    expect_refused(&made.stft[129 * 256 + 128], 0.1f); /* a sine of frequency 0 */
    made.stft[20 * 256 + 3] += 0.01f;
    expect_refused(&made.stft[20 * 256 + 253],
                   made.stft[20 * 256 + 3]); /* symmetric in time, but bin 108 is not its mirror image */
    made.stft[20 * 256 + 3] -= 0.01f;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_of_the_definition),
        cmocka_unit_test(power_is_the_mean_square),
        cmocka_unit_test(the_way_a_stream_is_cut_changes_no_bit),
        cmocka_unit_test(a_stream_that_was_reset_or_finished_starts_anew),
        cmocka_unit_test(the_last_frame_is_filled_with_zeros),
        cmocka_unit_test(absurd_samples_leave_no_trace_in_the_state),
        cmocka_unit_test(without_a_detector_everything_is_speech),
        cmocka_unit_test(every_machine_gives_these_bits),
        cmocka_unit_test(values_that_are_no_weights_are_refused),
    };
    return cmocka_run_group_tests_name("vad", tests, set_up, tear_down);
}
