/*
 * A window long enough that its rows go in two parts: the host works on one while the device computes the other, and nobody can
 * tell from the bytes, whatever fails and when.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "../golden/toy.h"
#include "backend/emulator/emulator.h"
#include "backend/xdna/packet.h"
#include "backend/xdna/plan.h"
#include "support.h"
#include "util/compiler.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

#define FRAMES 1100
#define POSITIONS (FRAMES / 2)
#define STATE 64
#define LAYERS 2

static const struct so_hparams sizes = {80, POSITIONS, STATE, 1, LAYERS, 32, STATE, 1, LAYERS, 83};

static struct {
    struct toy toy;
    struct so_pool *pool;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    float mel[FRAMES * 80];
    float expected[POSITIONS * STATE], got[POSITIONS * STATE];
} w;

static void run_window(struct so_backend *backend, float *out) {
    const float *states;
    sotto_error err = {0};
    so_encoder_use(w.encoder, backend);
    so_decoder_use(w.decoder, backend);
    assert_int_equal(so_encoder_run(w.encoder, w.mel, FRAMES, &states, &err), SOTTO_OK);
    memcpy(out, states, sizeof w.expected);
    assert_int_equal(so_cross_fill(w.decoder, w.cross, states, POSITIONS, &err), SOTTO_OK);
}

static int set_up(void **state) {
    (void)state;
    sotto_error err;
    toy_create(&w.toy, &sizes, SO_INT8, 5);
    assert_int_equal(so_pool_create(2, &w.pool, &err), SOTTO_OK);
    assert_int_equal(so_encoder_create(&w.toy.model, w.pool, &w.encoder, &err), SOTTO_OK);
    assert_int_equal(so_decoder_create(&w.toy.model, w.pool, 4, &w.decoder, &err), SOTTO_OK);
    assert_int_equal(so_cross_create(&w.toy.model, &w.cross, &err), SOTTO_OK);
    for (size_t i = 0; i < SO_COUNT(w.mel); i++) w.mel[i] = toy_random(11, i);
    run_window(NULL, w.expected);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    so_cross_free(w.cross);
    so_decoder_free(w.decoder);
    so_encoder_free(w.encoder);
    so_pool_free(w.pool);
    toy_free(&w.toy);
    return 0;
}

static struct so_backend *open_backend(struct so_emulator *emulator) {
    struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .emulator = emulator, .retry_ms = -1};
    struct so_backend *backend;
    assert_int_equal(so_backend_open(&options, &backend, NULL), SOTTO_OK);
    return backend;
}

static void the_host_works_while_the_device_computes(void **state) {
    (void)state;
    struct so_backend *backend = open_backend(NULL);
    struct so_products before = so_encoder_products(w.encoder), cross_before = so_decoder_products(w.decoder), after, cross_after;
    run_window(backend, w.got);
    after = so_encoder_products(w.encoder);
    cross_after = so_decoder_products(w.decoder);
    assert_memory_equal(w.got, w.expected, sizeof w.got);
    assert_int_equal(after.linear.device - before.linear.device, 6 * LAYERS);
    assert_int_equal(cross_after.cross.device - cross_before.cross.device, 2 * LAYERS);
    struct so_backend_stats stats;
    so_backend_statistics(backend, &stats);
    /* Four products of each layer in two parts, the convolution, and all layers' cross keys and values in one. */
    assert_int_equal(stats.dispatches, 8 * LAYERS + 2);
    /* In each run of layers that follow each other all parts but the first are handed over while another is under way. */
    assert_int_equal(stats.overlapped, 8 * LAYERS - (LAYERS + 1));
    assert_true(stats.busy > 0);
    so_backend_close(backend);
}

static void the_plan_counts_what_is_done(void **state) {
    (void)state;
    struct so_backend *backend = open_backend(NULL);
    struct so_plan plan = so_plan_window(SO_KERNEL_GEMM, &sizes);
    run_window(backend, w.got);
    struct so_backend_stats stats;
    so_backend_statistics(backend, &stats);
    assert_int_equal(stats.dispatches, plan.dispatches);
    so_backend_close(backend);
}

static void shapes_are_proved_before_they_are_used(void **state) {
    (void)state;
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend *backend = open_backend(emulator);
    struct so_plan_shape shapes[SO_PLAN_SHAPES];
    size_t n = so_plan_shapes(&sizes, shapes);
    for (size_t i = 0; i < n; i++)
        if (!shapes[i].few && !shapes[i].attention) assert_true(so_backend_prove(backend, shapes[i].m, shapes[i].k, shapes[i].n));
    struct so_emulator_counts before, after;
    struct so_backend_stats stats;
    so_emulator_count(emulator, &before);
    run_window(backend, w.got);
    so_emulator_count(emulator, &after);
    so_backend_statistics(backend, &stats);
    assert_int_equal(after.commands - before.commands, stats.dispatches); /* no more known answers were asked for */
    so_backend_close(backend);
    so_emulator_free(emulator);
}

static void a_fault_in_either_part_changes_nothing(void **state) {
    (void)state;
    static const struct so_emulator_fault kinds[] = {
        {SO_FAULT_STATE, 0, SO_STATE_TIMEOUT}, {SO_FAULT_FLIP, 0, 991}, {SO_FAULT_STATE, 0, SO_STATE_ERROR}, {SO_FAULT_HANG, 0, 0}};
    struct so_emulator *counted = so_emulator_create(NULL);
    struct so_backend *backend = open_backend(counted);
    struct so_emulator_counts from, to;
    so_emulator_count(counted, &from);
    run_window(backend, w.got);
    so_emulator_count(counted, &to);
    so_backend_close(backend);
    so_emulator_free(counted);
    for (uint64_t at = 1; at <= to.commands - from.commands; at++) {
        struct so_emulator *emulator = so_emulator_create(NULL);
        backend = open_backend(emulator);
        struct so_emulator_fault fault = kinds[at % SO_COUNT(kinds)];
        fault.at = at;
        so_emulator_set_fault(emulator, &fault);
        uint64_t before = so_encoder_products(w.encoder).fallbacks + so_decoder_products(w.decoder).fallbacks;
        run_window(backend, w.got);
        assert_memory_equal(w.got, w.expected, sizeof w.got);
        uint64_t after = so_encoder_products(w.encoder).fallbacks + so_decoder_products(w.decoder).fallbacks;
        assert_true(after > before);
        so_backend_close(backend);
        so_emulator_count(emulator, &from);
        assert_int_equal(from.faults_hit, 1);
        assert_int_equal(from.buffers + from.contexts + from.mappings + from.open_files, 0);
        so_emulator_free(emulator);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_works_while_the_device_computes),
        cmocka_unit_test(the_plan_counts_what_is_done),
        cmocka_unit_test(shapes_are_proved_before_they_are_used),
        cmocka_unit_test(a_fault_in_either_part_changes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
