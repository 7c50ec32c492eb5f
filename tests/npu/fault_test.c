/*
 * A window through encoder and decoder on the device model, with a fault at every system call and at every command in turn:
 * the same bytes as the CPU alone, the fault counted, everything given back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../golden/toy.h"
#include "backend/emulator/emulator.h"
#include "backend/xdna/packet.h"
#include "support.h"
#include "util/compiler.h"
#include "util/memory.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

#define FRAMES 200
#define POSITIONS (FRAMES / 2)
#define TOKENS 3
#define VOCAB 83
#define LD 96
#define STATE 64

static const struct so_hparams sizes = {80, 200, STATE, 1, 2, 32, STATE, 1, 1, VOCAB};

struct answer {
    float states[POSITIONS * STATE];
    float logits[TOKENS * LD];
};

struct window {
    struct toy toy;
    struct so_pool *pool;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    struct so_seq *seq;
    float mel[FRAMES * 80];
    struct answer expected, got;
    char line[700]; /* of the log */
    unsigned lines;
};

static struct window w;

static void note(void *user, const char *line) {
    struct window *window = user;
    snprintf(window->line, sizeof window->line, "%s", line);
    window->lines++;
}

static void run_window(struct so_backend *backend, struct answer *out) {
    const float *states;
    sotto_error err = {0};
    struct so_step_row rows[TOKENS];
    so_encoder_use(w.encoder, backend);
    so_decoder_use(w.decoder, backend);
    memset(out, 0, sizeof *out);
    assert_int_equal(so_encoder_run(w.encoder, w.mel, FRAMES, &states, &err), SOTTO_OK);
    memcpy(out->states, states, sizeof out->states);
    assert_int_equal(so_cross_fill(w.decoder, w.cross, states, POSITIONS, &err), SOTTO_OK);
    so_seq_reset(w.seq, w.cross);
    for (int i = 0; i < TOKENS; i++) rows[i] = (struct so_step_row){w.seq, i * 7, out->logits + i * LD};
    assert_int_equal(so_decoder_step(w.decoder, rows, TOKENS, &err), SOTTO_OK);
    for (int i = 0; i < TOKENS; i++) memset(out->logits + i * LD + VOCAB, 0, (LD - VOCAB) * sizeof(float));
}

static int set_up(void **state) {
    (void)state;
    sotto_error err;
    toy_create(&w.toy, &sizes, SO_INT8, 3);
    assert_int_equal(so_pool_create(1, &w.pool, &err), SOTTO_OK);
    assert_int_equal(so_encoder_create(&w.toy.model, w.pool, &w.encoder, &err), SOTTO_OK);
    assert_int_equal(so_decoder_create(&w.toy.model, w.pool, TOKENS, &w.decoder, &err), SOTTO_OK);
    assert_int_equal(so_cross_create(&w.toy.model, &w.cross, &err), SOTTO_OK);
    assert_int_equal(so_seq_create(&w.toy.model, &w.seq, &err), SOTTO_OK);
    for (size_t i = 0; i < SO_COUNT(w.mel); i++) w.mel[i] = toy_random(9, i);
    run_window(NULL, &w.expected);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    so_seq_free(w.seq);
    so_cross_free(w.cross);
    so_decoder_free(w.decoder);
    so_encoder_free(w.encoder);
    so_pool_free(w.pool);
    toy_free(&w.toy);
    return 0;
}

struct outcome {
    bool opened;
    struct so_backend_stats stats;
    struct so_emulator_counts counts;
};

/* A whole run with one fault, from opening the device to closing it. */
static struct outcome run_with(struct so_emulator_fault fault) {
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR,
                                         .emulator = emulator,
                                         .all = true,
                                         .attention = true,
                                         .retry_ms = -1,
                                         .log = note,
                                         .log_user = &w};
    struct so_backend *backend = NULL;
    sotto_error err = {0};
    struct outcome out = {0};
    w.lines = 0;
    so_emulator_set_fault(emulator, &fault);
    out.opened = so_backend_open(&options, &backend, &err) == SOTTO_OK;
    if (!out.opened) assert_true(err.message[0] != 0);
    run_window(backend, &w.got);
    assert_memory_equal(&w.got, &w.expected, sizeof w.got);
    if (backend) so_backend_statistics(backend, &out.stats);
    so_backend_close(backend);
    so_emulator_count(emulator, &out.counts);
    assert_int_equal(out.counts.buffers + out.counts.contexts + out.counts.mappings + out.counts.open_files, 0);
    assert_true(w.lines <= 1);
    if (out.opened && out.stats.failures) assert_int_equal(w.lines, 1);
    so_emulator_free(emulator);
    return out;
}

static struct outcome undisturbed(void) {
    struct outcome calm = run_with((struct so_emulator_fault){0});
    assert_true(calm.opened);
    assert_int_equal(calm.stats.fallbacks + calm.stats.failures, 0);
    return calm;
}

static void without_faults_the_device_does_every_product(void **state) {
    (void)state;
    struct so_products before = so_encoder_products(w.encoder), decoder_before = so_decoder_products(w.decoder);
    undisturbed();
    struct so_products after = so_encoder_products(w.encoder), decoder_after = so_decoder_products(w.decoder);
    assert_int_equal(after.linear.all - before.linear.all, 12); /* 2 layers x 6 */
    assert_int_equal(after.linear.device - before.linear.device, 12);
    assert_int_equal(after.qk.device - before.qk.device, 2);
    assert_int_equal(after.pv.device - before.pv.device, 2);
    assert_int_equal(after.convolution.device - before.convolution.device, 1);
    assert_int_equal(decoder_after.cross.device - decoder_before.cross.device, 2);
    assert_int_equal(decoder_after.linear.device - decoder_before.linear.device, 8); /* one step */
    assert_int_equal(decoder_after.logits.device - decoder_before.logits.device, 1);
    assert_int_equal(after.fallbacks - before.fallbacks + decoder_after.fallbacks - decoder_before.fallbacks,
                     0);
}

static void any_call_may_fail(void **state) {
    (void)state;
    static const int errors[] = {ENOMEM, EINVAL, EIO, ETIME, ENODEV, EAGAIN, EINTR};
    uint64_t calls = undisturbed().counts.calls, fallbacks = 0, refused = 0;
    for (uint64_t at = 1; at <= calls; at++) {
        struct outcome out = run_with((struct so_emulator_fault){SO_FAULT_ERRNO, at, (uint64_t)errors[at % SO_COUNT(errors)]});
        refused += !out.opened;
        fallbacks += out.stats.fallbacks > 0;
    }
    print_message("%u system calls failed in turn: %u refused at the start, %u ended in counted fallbacks\n", (unsigned)calls,
                  (unsigned)refused, (unsigned)fallbacks);
    assert_true(refused > 20 && fallbacks > 20);
}

static void any_command_may_end_badly(void **state) {
    (void)state;
    static const struct so_emulator_fault kinds[] = {
        {SO_FAULT_STATE, 0, SO_STATE_ERROR}, {SO_FAULT_STATE, 0, SO_STATE_ABORT}, {SO_FAULT_STATE, 0, SO_STATE_TIMEOUT},
        {SO_FAULT_STATE, 0, SO_STATE_NORESPONSE}, {SO_FAULT_HANG, 0, 0}, {SO_FAULT_SILENT, 0, 0},
    };
    uint64_t commands = undisturbed().counts.commands;
    for (uint64_t at = 1; at <= commands; at++) {
        struct so_emulator_fault fault = kinds[at % SO_COUNT(kinds)];
        fault.at = at;
        struct outcome out = run_with(fault);
        assert_int_equal(out.counts.faults_hit, 1);
        assert_true(!out.opened || out.stats.fallbacks > 0);
    }
    print_message("%u commands failed in turn\n", (unsigned)commands);
}

static void a_flipped_bit_never_reaches_a_result(void **state) {
    (void)state;
    uint64_t commands = undisturbed().counts.commands;
    for (uint64_t at = 1; at <= commands; at++) {
        struct outcome out = run_with((struct so_emulator_fault){SO_FAULT_FLIP, at, at * 53});
        assert_int_equal(out.counts.faults_hit, 1);
        assert_true(!out.opened || (out.stats.fallbacks > 0 && out.stats.failures > 0));
    }
}

static void the_device_may_go_away_at_any_time(void **state) {
    (void)state;
    uint64_t calls = undisturbed().counts.calls;
    for (uint64_t at = 1; at <= calls; at += 3) run_with((struct so_emulator_fault){SO_FAULT_GONE, at, 0});
}

static void a_device_that_cannot_be_used_says_why(void **state) {
    (void)state;
    static const struct {
        struct so_emulator_fault fault;
        uint32_t firmware;
        const char *says;
    } cases[] = {
        {{SO_FAULT_HEAP, 0, 0}, 0, "memlock"},
        {{SO_FAULT_ERRNO, 1, ENOENT}, 0, "Linux 6.14"},
        {{SO_FAULT_ERRNO, 1, EACCES}, 0, "render"},
        {{SO_FAULT_ERRNO, 1, EINVAL}, 0, "IOMMU"},
        {{SO_FAULT_NONE, 0, 0}, 2, "firmware 2.5.5.391"},
    };
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        struct so_emulator *emulator = so_emulator_create(&(struct so_emulator_options){.firmware_major = cases[i].firmware});
        struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .emulator = emulator, .node = SO_EMULATOR_NODE};
        struct so_backend *backend;
        sotto_error err = {0};
        so_emulator_set_fault(emulator, &cases[i].fault);
        assert_int_equal(so_backend_open(&options, &backend, &err), SOTTO_ERR_DEVICE);
        if (!strstr(err.message, cases[i].says)) fail_msg("'%s' does not say '%s'", err.message, cases[i].says);
        so_emulator_free(emulator);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_the_device_does_every_product),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(any_command_may_end_badly),
        cmocka_unit_test(a_flipped_bit_never_reaches_a_result),
        cmocka_unit_test(the_device_may_go_away_at_any_time),
        cmocka_unit_test(a_device_that_cannot_be_used_says_why),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
