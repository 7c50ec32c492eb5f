/* Array configurations side by side: which serves what, more of them than the hardware has contexts, and devices that come back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/device.h"
#include "backend/xdna/gemm_stream.h"
#include "backend/xdna/packet.h"
#include "support.h"
#include "util/memory.h"

#define STOCK 8

/* A folder of overlays: one that serves all, and STOCK for one shape each, with their streams and a catalogue. */
struct folder {
    char path[64], gemm[128];
};

static const struct so_gemm_shape shapes[STOCK] = {{256, 64, 256},  {256, 128, 256}, {256, 192, 256}, {512, 64, 256},
                                                   {512, 128, 512}, {256, 64, 512},  {256, 256, 256}, {512, 64, 512}};
static void write_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* A stream whose kernel takes B before A. */
static void exchange_a_and_b(struct so_txn *txn) {
    struct so_txn_reader reader;
    struct so_txn_op op;
    assert_true(so_txn_open(&reader, txn->words, txn->n_words));
    while (so_txn_next(&reader, &op))
        if (op.code == SO_TXN_PATCH && op.argument < 2) txn->words[op.offset / 4 + 8] ^= 1;
    assert_null(reader.problem);
}

static void folder_make_with(struct folder *f, bool with_gemm, size_t n_stock, const char *order, bool exchanged) {
    char catalogue[1024] = "# what serves what\n", line[200], name[64];
    void *bytes;
    size_t size;
    strcpy(f->path, "/tmp/sotto-npu-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    assert_int_equal(so_emulator_xclbin(SO_OVERLAY_GEMM, &bytes, &size, NULL), SOTTO_OK);
    if (with_gemm) write_file(f->path, "gemm.xclbin", bytes, size);
    so_free(bytes);
    for (size_t i = 0; i < n_stock; i++) {
        struct so_txn txn;
        assert_int_equal(so_emulator_stock_xclbin(shapes[i].m, shapes[i].k, shapes[i].n, &bytes, &size, NULL), SOTTO_OK);
        snprintf(name, sizeof name, "s%zu.xclbin", i);
        write_file(f->path, name, bytes, size);
        so_free(bytes);
        assert_true(so_gemm_stream_stock(shapes[i], &txn));
        if (exchanged) exchange_a_and_b(&txn);
        snprintf(name, sizeof name, "s%zu.insts", i);
        write_file(f->path, name, txn.words, txn.n_words * 4);
        so_txn_free(&txn);
        snprintf(line, sizeof line, "stock s%zu.xclbin s%zu.insts %zux%zux%zu %s\n", i, i, shapes[i].m, shapes[i].k, shapes[i].n, order);
        strcat(catalogue, line);
    }
    write_file(f->path, "overlays.txt", catalogue, strlen(catalogue));
    snprintf(f->gemm, sizeof f->gemm, "%s/%s", f->path, with_gemm ? "gemm.xclbin" : "s0.xclbin");
}

static void folder_make(struct folder *f, bool with_gemm, size_t n_stock, const char *order) {
    folder_make_with(f, with_gemm, n_stock, order, false);
}

static void folder_remove(struct folder *f) {
    char command[128];
    static const char *const names[] = {"gemm.xclbin", "overlays.txt"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "%s/%s", f->path, names[i]);
        remove(command);
    }
    for (size_t i = 0; i < STOCK; i++)
        for (int j = 0; j < 2; j++) {
            snprintf(command, sizeof command, "%s/s%zu.%s", f->path, i, j ? "insts" : "xclbin");
            remove(command);
        }
    remove(f->path);
}

static char lines[16][700];
static unsigned n_lines;

static void note(void *user, const char *line) {
    (void)user;
    if (n_lines < 16) snprintf(lines[n_lines], sizeof lines[0], "%s", line);
    n_lines++;
}

static struct so_backend *open_backend(struct so_emulator *emulator, const char *xclbin, int32_t retry_ms) {
    struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .emulator = emulator, .xclbin = xclbin, .all = true, .retry_ms = retry_ms,
                                         .log = note};
    struct so_backend *b;
    sotto_error err = {0};
    n_lines = 0;
    if (so_backend_open(&options, &b, &err) != SOTTO_OK) fail_msg("%s", err.message);
    return b;
}

struct operands {
    size_t m, k, n;
    int8_t *a, *w;
    int32_t *expected;
    void *memory;
    struct so_panels panels;
};

static void make(struct operands *o, size_t m, size_t k, size_t n, uint32_t seed) {
    *o = (struct operands){m, k, n, make_matrix(m, k, FILL_RANDOM, seed), make_matrix(k, n, FILL_RANDOM, seed + 1), NULL, NULL, {0}};
    o->expected = malloc(m * n * 4);
    o->panels = make_panels(o->w, k, n, &o->memory);
    quick_product(m, k, n, o->a, o->w, o->expected);
}

static void drop(struct operands *o) {
    free(o->a);
    free(o->w);
    free(o->expected);
    so_free(o->memory);
}

/* Whether the device did it; right whoever did. */
static bool product(struct so_backend *b, const struct operands *o) {
    size_t ldc = so_round_up(o->n, 16);
    int32_t *c = malloc(o->m * ldc * 4);
    struct so_product p = {.m = o->m, .a_s8 = o->a, .lda = o->k, .b = o->panels};
    bool by_device = so_backend_compute(b, &p, c, ldc);
    for (size_t i = 0; i < o->m; i++) assert_memory_equal(c + i * ldc, o->expected + i * o->n, o->n * 4);
    free(c);
    return by_device;
}

static size_t contexts_of(struct so_emulator *emulator) {
    struct so_emulator_counts counts;
    so_emulator_count(emulator, &counts);
    return counts.contexts;
}

static void more_configurations_than_contexts_take_turns(void **state) {
    (void)state;
    struct folder f;
    struct operands o[STOCK], big;
    folder_make(&f, true, STOCK, "ABC");
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend *b = open_backend(emulator, f.gemm, -1);
    for (size_t i = 0; i < STOCK; i++) make(&o[i], shapes[i].m - 3 * i, shapes[i].k, shapes[i].n - i, (uint32_t)i * 7);
    make(&big, 300, 320, 300, 99); /* no stock shape holds it */
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < STOCK; i++) {
            assert_true(product(b, &o[i]));
            assert_true(contexts_of(emulator) <= SO_XDNA_CONTEXTS);
        }
        assert_true(product(b, &big));
    }
    assert_int_equal(contexts_of(emulator), SO_XDNA_CONTEXTS);
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.products, 3 * (STOCK + 1));
    assert_int_equal(stats.fallbacks + stats.failures, 0);
    /* Nine in turn and six places: each comes too late for its own. */
    assert_true(stats.contexts_lost >= 3 * (STOCK + 1) - SO_XDNA_CONTEXTS);
    so_backend_reset(b);
    for (int i = 0; i < 5; i++) assert_true(product(b, &big));
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.contexts_lost, 0); /* what is used stays */
    so_backend_close(b);
    assert_int_equal(contexts_of(emulator), 0);
    so_emulator_free(emulator);
    for (size_t i = 0; i < STOCK; i++) drop(&o[i]);
    drop(&big);
    folder_remove(&f);
}

/* Products of all configurations under way at once: a context goes only when what it computes has arrived. */
static void a_context_at_work_is_not_taken_away(void **state) {
    (void)state;
    struct folder f;
    struct operands o[STOCK];
    struct so_product products[STOCK];
    struct so_ticket *tickets[STOCK];
    folder_make(&f, true, STOCK, "ABC");
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend *b = open_backend(emulator, f.gemm, -1);
    for (size_t i = 0; i < STOCK; i++) {
        make(&o[i], shapes[i].m, shapes[i].k, shapes[i].n, (uint32_t)i);
        products[i] = (struct so_product){.m = o[i].m, .a_s8 = o[i].a, .lda = o[i].k, .b = o[i].panels};
    }
    assert_true(so_backend_submit(b, products, STOCK, tickets));
    assert_true(contexts_of(emulator) <= SO_XDNA_CONTEXTS);
    for (size_t i = STOCK; i-- > 0;) {
        int32_t *c;
        size_t ldc;
        assert_true(so_backend_wait(b, tickets[i], &c, &ldc));
        for (size_t r = 0; r < o[i].m; r++) assert_memory_equal(c + r * ldc, o[i].expected + r * o[i].n, o[i].n * 4);
        so_backend_release(b, tickets[i]);
        drop(&o[i]);
    }
    so_backend_close(b);
    so_emulator_free(emulator);
    folder_remove(&f);
}

static void stock_configurations_alone_serve_what_fits(void **state) {
    (void)state;
    struct folder f;
    struct operands small, large;
    folder_make(&f, false, 2, "ABC");
    struct so_backend *b = open_backend(NULL, f.gemm, -1);
    make(&small, 200, 100, 250, 1);
    make(&large, 300, 100, 250, 2);
    assert_true(product(b, &small));
    assert_false(so_backend_wants(b, large.m, large.k, large.n, false));
    assert_false(product(b, &large));
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.products, 1);
    assert_int_equal(stats.fallbacks, 0); /* nobody wished for it */
    so_backend_close(b);
    drop(&small);
    drop(&large);
    folder_remove(&f);
}

static void the_catalogue_decides_the_order_of_arguments(void **state) {
    (void)state;
    struct folder f;
    struct operands o;
    folder_make_with(&f, false, 1, "BAC", true);
    struct so_backend *b = open_backend(NULL, f.gemm, -1);
    make(&o, 256, 64, 256, 3);
    assert_true(product(b, &o));
    so_backend_close(b);
    drop(&o);
    folder_remove(&f);
    folder_make_with(&f, false, 1, "BAC", false); /* a lie: the stream wants ABC */
    struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .xclbin = f.gemm};
    sotto_error err = {0};
    assert_int_equal(so_backend_open(&options, &b, &err), SOTTO_ERR_DEVICE);
    assert_non_null(strstr(err.message, "check at the start"));
    folder_remove(&f);
}

static void a_damaged_catalogue_is_refused(void **state) {
    (void)state;
    struct folder f;
    static const char *const bad[] = {"stock s0.xclbin s0.insts 256x64x256 ABD\n", "stock s0.xclbin s0.insts 256x64\n",
                                      "stock s0.xclbin s0.insts 255x64x256\n", "stock s0.xclbin overlays.txt 256x64x256\n",
                                      "stock s0.xclbin none.insts 256x64x256\n", "stock none.xclbin s0.insts 256x64x256\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        folder_make(&f, true, 1, "ABC");
        write_file(f.path, "overlays.txt", bad[i], strlen(bad[i]));
        struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .xclbin = f.gemm};
        struct so_backend *b = NULL;
        sotto_error err = {0};
        sotto_status status = so_backend_open(&options, &b, &err);
        /* The first two are no lines of a catalogue, and are passed over. */
        assert_int_equal(status != SOTTO_OK, i >= 2);
        if (i >= 2) assert_true(err.message[0] != 0);
        so_backend_close(b);
        folder_remove(&f);
    }
}

static void matrices_side_by_side_are_the_matrices_one_by_one(void **state) {
    (void)state;
    enum { N = 3 };
    static const size_t widths[N] = {70, 256, 33};
    struct so_backend *b = open_backend(NULL, NULL, -1);
    struct operands o[N];
    struct so_panels beside[N - 1];
    for (size_t i = 0; i < N; i++) make(&o[i], 300, 100, widths[i], 40 + (uint32_t)i);
    for (size_t i = 1; i < N; i++) beside[i - 1] = o[i].panels;
    struct so_product block = {.m = 300, .a_s8 = o[0].a, .lda = 100, .b = o[0].panels, .beside = beside, .n_beside = N - 1};
    assert_int_equal(so_product_columns(&block), 80 + 256 + 33);
    assert_true(so_backend_claims(b, &block));
    for (int round = 0; round < 2; round++) {
        struct so_ticket *ticket;
        int32_t *c, *expected = malloc(300 * 256 * 4);
        size_t ldc, column = 0;
        assert_true(so_backend_submit(b, &block, 1, &ticket));
        assert_true(so_backend_wait(b, ticket, &c, &ldc));
        for (size_t i = 0; i < N; i++) {
            quick_product(300, 100, widths[i], o[0].a, o[i].w, expected);
            for (size_t r = 0; r < 300; r++) assert_memory_equal(c + r * ldc + column, expected + r * widths[i], widths[i] * 4);
            column += so_round_up(widths[i], 16);
        }
        so_backend_release(b, ticket);
        free(expected);
    }
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.dispatches, 2);
    assert_int_equal(stats.resident, so_gemm_b_bytes(so_gemm_pad(1, 100, 369)));
    beside[1].k = 64; /* another input: no block */
    assert_false(so_backend_claims(b, &block));
    for (size_t i = 0; i < N; i++) drop(&o[i]);
    so_backend_close(b);
    struct so_backend *cpu;
    assert_int_equal(so_backend_open(&(struct so_backend_options){.kind = SO_BACKEND_CPU}, &cpu, NULL), SOTTO_OK);
    assert_false(so_backend_claims(cpu, &block));
    so_backend_close(cpu);
}

static void a_wrong_bit_in_a_block_is_noticed(void **state) {
    (void)state;
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend *b = open_backend(emulator, NULL, -1);
    struct operands o[2];
    for (size_t i = 0; i < 2; i++) make(&o[i], 256, 64, 128, 50 + (uint32_t)i);
    struct so_product block = {.m = 256, .a_s8 = o[0].a, .lda = 64, .b = o[0].panels, .beside = &o[1].panels, .n_beside = 1};
    assert_true(so_backend_prove(b, 256, 64, 256));
    struct so_emulator_fault fault = {SO_FAULT_FLIP, 1, 12345};
    so_emulator_set_fault(emulator, &fault);
    struct so_ticket *ticket;
    int32_t *c;
    size_t ldc;
    assert_true(so_backend_submit(b, &block, 1, &ticket));
    assert_false(so_backend_wait(b, ticket, &c, &ldc));
    so_backend_release(b, ticket);
    so_backend_close(b);
    so_emulator_free(emulator);
    drop(&o[0]);
    drop(&o[1]);
}

static void pause_ms(long ms) { nanosleep(&(struct timespec){0, ms * 1000000}, NULL); }

static void a_device_that_stopped_is_tried_again(void **state) {
    (void)state;
    static const unsigned states[] = {SO_STATE_TIMEOUT, SO_STATE_ERROR, SO_STATE_ABORT};
    for (size_t i = 0; i < 3; i++) {
        struct so_emulator *emulator = so_emulator_create(NULL);
        struct so_backend *b = open_backend(emulator, NULL, 20);
        struct operands o;
        make(&o, 256, 64, 256, 5);
        assert_true(product(b, &o));
        so_emulator_set_fault(emulator, &(struct so_emulator_fault){SO_FAULT_STATE, 1, states[i]});
        assert_false(product(b, &o)); /* done by the CPU */
        assert_false(product(b, &o)); /* not yet */
        pause_ms(30);
        assert_true(product(b, &o));
        struct so_backend_stats stats;
        so_backend_statistics(b, &stats);
        assert_int_equal(stats.retries, 1);
        assert_int_equal(stats.failures, 1);
        assert_int_equal(stats.fallbacks, 2);
        assert_int_equal(n_lines, 2);
        assert_non_null(strstr(lines[0], "for 0.02 s"));
        assert_non_null(strstr(lines[1], "used again"));
        so_backend_close(b);
        assert_int_equal(contexts_of(emulator), 0);
        so_emulator_free(emulator);
        drop(&o);
    }
}

/* Gone, silent, or wrong: there is nothing to wait for. */
static void a_device_that_is_gone_or_wrong_is_left_alone(void **state) {
    (void)state;
    static const struct so_emulator_fault faults[] = {
        {SO_FAULT_GONE, 1, 0}, {SO_FAULT_FLIP, 1, 77}, {SO_FAULT_SILENT, 1, 0}, {SO_FAULT_STATE, 1, SO_STATE_NORESPONSE}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct so_emulator *emulator = so_emulator_create(NULL);
        struct so_backend *b = open_backend(emulator, NULL, 1);
        struct operands o;
        make(&o, 256, 64, 256, 6);
        assert_true(product(b, &o));
        so_emulator_set_fault(emulator, &faults[i]);
        assert_false(product(b, &o));
        so_emulator_set_fault(emulator, &(struct so_emulator_fault){SO_FAULT_NONE, 0, 0});
        for (int round = 0; round < 3; round++) {
            pause_ms(10);
            assert_false(product(b, &o));
        }
        struct so_backend_stats stats;
        so_backend_statistics(b, &stats);
        assert_int_equal(stats.retries, 0);
        assert_int_equal(stats.fallbacks, 4);
        assert_int_equal(n_lines, 1);
        assert_non_null(strstr(lines[0], "not used any more"));
        so_backend_close(b);
        so_emulator_free(emulator);
        drop(&o);
    }
}

static void a_device_that_fails_each_time_is_given_up(void **state) {
    (void)state;
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_backend *b = open_backend(emulator, NULL, 1);
    struct operands o;
    make(&o, 256, 64, 256, 8);
    assert_true(product(b, &o));
    for (int i = 0; i < 3; i++) { /* each time it comes back, and stops again */
        so_emulator_set_fault(emulator, &(struct so_emulator_fault){SO_FAULT_HANG, 1, 0});
        assert_false(product(b, &o));
        pause_ms(20);
        assert_true(product(b, &o));
    }
    so_emulator_set_fault(emulator, &(struct so_emulator_fault){SO_FAULT_HANG, 1, 0});
    assert_false(product(b, &o));
    pause_ms(50);
    assert_false(product(b, &o));
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.retries, 3);
    assert_non_null(strstr(lines[6], "not used any more"));
    so_backend_close(b);
    so_emulator_free(emulator);
    drop(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_configurations_than_contexts_take_turns),
        cmocka_unit_test(a_context_at_work_is_not_taken_away),
        cmocka_unit_test(stock_configurations_alone_serve_what_fits),
        cmocka_unit_test(the_catalogue_decides_the_order_of_arguments),
        cmocka_unit_test(a_damaged_catalogue_is_refused),
        cmocka_unit_test(matrices_side_by_side_are_the_matrices_one_by_one),
        cmocka_unit_test(a_wrong_bit_in_a_block_is_noticed),
        cmocka_unit_test(a_device_that_stopped_is_tried_again),
        cmocka_unit_test(a_device_that_is_gone_or_wrong_is_left_alone),
        cmocka_unit_test(a_device_that_fails_each_time_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
