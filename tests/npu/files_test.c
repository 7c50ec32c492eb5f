/* Files for the NPU: what is refused, and with which words; what is read is what was written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/gemm_stream.h"
#include "backend/xdna/inspect.h"
#include "backend/xdna/overlay.h"
#include "util/memory.h"

static struct so_xclbin xclbin;

static void refused(const void *bytes, size_t size, const char *says) {
    sotto_error err = {0};
    size_t kernel;
    sotto_status status = so_xclbin_read(bytes, size, &xclbin, &err);
    if (status == SOTTO_OK) status = so_xclbin_usable(&xclbin, 4, &kernel, &err);
    assert_int_equal(status, SOTTO_ERR_DEVICE);
    if (!strstr(err.message, says)) fail_msg("'%s' does not say '%s'", err.message, says);
}

static void what_was_written_is_read(void **state) {
    (void)state;
    void *bytes;
    size_t size, kernel;
    assert_int_equal(so_emulator_xclbin(SO_OVERLAY_GEMM, &bytes, &size, NULL), SOTTO_OK);
    assert_int_equal(so_xclbin_read(bytes, size, &xclbin, NULL), SOTTO_OK);
    assert_int_equal(so_xclbin_usable(&xclbin, 4, &kernel, NULL), SOTTO_OK);
    assert_int_equal(xclbin.partition.columns, 4);
    assert_int_equal(xclbin.partition.operations_per_cycle, 2048);
    assert_string_equal(xclbin.partition.name, "QoS");
    assert_string_equal(xclbin.kernels[kernel].name, "MLIR_AIE:MLIRAIE");
    assert_int_equal(xclbin.kernels[kernel].id, 0x901);
    assert_int_equal(xclbin.n_arguments, 8);
    static const uint32_t offsets[] = {0x00, 0x08, 0x10, 0x14, 0x1c, 0x24, 0x2c, 0x34};
    for (size_t i = 0; i < 8; i++) assert_int_equal(xclbin.arguments[i].offset, offsets[i]);
    so_free(bytes);
}

static void each_mistake_has_its_words(void **state) {
    (void)state;
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    void *original;
    size_t size;
    assert_int_equal(so_emulator_xclbin(SO_OVERLAY_GEMM, &original, &size, NULL), SOTTO_OK);
    uint8_t *bytes = malloc(size);
    refused("hello, world", 12, "not an xclbin");
    refused("", 0, "not an xclbin");
    refused(lfs, sizeof lfs - 1, "Git LFS");
    for (size_t cut = 8; cut < size; cut++) { /* in memory of its own, so that sanitizers see a read past the end */
        uint8_t *part = malloc(cut);
        memcpy(part, original, cut);
        refused(part, cut, "truncated");
        free(part);
    }
    size_t partition = 0, layout = 0;
    assert_int_equal(so_xclbin_read(original, size, &xclbin, NULL), SOTTO_OK);
    for (size_t i = 0; i < xclbin.n_sections; i++) {
        if (xclbin.sections[i].kind == SO_SECTION_AIE_PARTITION) partition = xclbin.sections[i].offset;
        if (xclbin.sections[i].kind == SO_SECTION_IP_LAYOUT) layout = xclbin.sections[i].offset;
    }
    memcpy(bytes, original, size);
    bytes[partition + 32] = 8; /* columns */
    refused(bytes, size, "another generation");
    memcpy(bytes, original, size);
    bytes[partition + 9] = 0x10; /* 4096 operations per cycle */
    refused(bytes, size, "another generation");
    memcpy(bytes, original, size);
    bytes[layout + 8] = 1; /* not a kernel for the array */
    refused(bytes, size, "no DPU kernel");
    memcpy(bytes, original, size);
    bytes[partition + 20 + 200] = 0xff; /* where the image is said to lie */
    bytes[partition + 21 + 200] = 0xff;
    refused(bytes, size, "damaged");
    free(bytes);
    so_free(original);
}

/* Every 32-bit word of the file set to 0, 1, -1 and the largest number: read or refused, and nothing out of bounds. */
static void any_word_may_be_anything(void **state) {
    (void)state;
    static const uint32_t values[] = {0, 1, UINT32_MAX, INT32_MAX};
    void *original;
    size_t size;
    unsigned refusals = 0;
    assert_int_equal(so_emulator_xclbin(SO_OVERLAY_TILE16, &original, &size, NULL), SOTTO_OK);
    uint8_t *bytes = malloc(size);
    for (size_t at = 0; at + 4 <= size; at += 4)
        for (size_t v = 0; v < 4; v++) {
            memcpy(bytes, original, size);
            memcpy(bytes + at, &values[v], 4);
            refusals += so_xclbin_read(bytes, size, &xclbin, NULL) != SOTTO_OK;
        }
    assert_true(refusals > 20);
    free(bytes);
    so_free(original);
}

static void text_and_binary_streams_are_the_same(void **state) {
    (void)state;
    struct so_txn txn;
    assert_true(so_gemm_stream((struct so_gemm_shape){512, 64, 256}, &txn));
    char *text = malloc(txn.n_words * 9 + 1), *at = text;
    for (size_t i = 0; i < txn.n_words; i++) at += sprintf(at, i % 2 ? "%08X\n" : "%08x\n", txn.words[i]);
    uint32_t *words;
    size_t n;
    assert_null(so_txn_load(text, (size_t)(at - text), &words, &n));
    assert_int_equal(n, txn.n_words);
    assert_memory_equal(words, txn.words, n * 4);
    so_free(words);
    assert_null(so_txn_load(txn.words, txn.n_words * 4, &words, &n));
    assert_int_equal(n, txn.n_words);
    so_free(words);
    free(text);
    /* Cut anywhere it is a mistake, never a shorter stream. */
    struct so_txn_reader reader;
    struct so_txn_op op;
    for (size_t cut = 0; cut < txn.n_words; cut++) {
        bool good = so_txn_open(&reader, txn.words, cut);
        while (good && so_txn_next(&reader, &op)) {}
        assert_non_null(reader.problem);
    }
    so_txn_free(&txn);
}

static void the_catalogue_names_kernels_and_instructions(void **state) {
    (void)state;
    char folder[] = "/tmp/sotto-overlays-XXXXXX", path[200], insts[200];
    struct so_overlay overlay;
    assert_non_null(mkdtemp(folder));
    so_overlay_identify("/x/matmul_16x16.xclbin", &overlay);
    assert_int_equal(overlay.kind, SO_KERNEL_TILE16);
    assert_string_equal(overlay.instructions, "/x/insts.txt");
    so_overlay_identify("/x/anything.xclbin", &overlay);
    assert_int_equal(overlay.kind, SO_KERNEL_GEMM);
    snprintf(path, sizeof path, "%s/overlays.txt", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("# kinds\ntile64 odd_name.xclbin here.insts\ngemm matmul_32x32.xclbin # not what it seems\n", file);
    fclose(file);
    snprintf(insts, sizeof insts, "%s/odd_name.xclbin", folder);
    so_overlay_identify(insts, &overlay);
    assert_int_equal(overlay.kind, SO_KERNEL_TILE64);
    snprintf(insts, sizeof insts, "%s/here.insts", folder);
    assert_string_equal(overlay.instructions, insts);
    snprintf(insts, sizeof insts, "%s/matmul_32x32.xclbin", folder);
    so_overlay_identify(insts, &overlay);
    assert_int_equal(overlay.kind, SO_KERNEL_GEMM);
    sotto_error err = {0};
    assert_int_equal(so_overlay_find("/does/not/exist", &overlay, &err), SOTTO_ERR_DEVICE);
    assert_non_null(strstr(err.message, "/does/not/exist"));
    remove(path);
    remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(each_mistake_has_its_words),
        cmocka_unit_test(any_word_may_be_anything),
        cmocka_unit_test(text_and_binary_streams_are_the_same),
        cmocka_unit_test(the_catalogue_names_kernels_and_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
