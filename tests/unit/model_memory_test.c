/** Every allocation of opening, checking, writing and importing fails in turn: always an error, never a crash
 * or a file left over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "import_support.h"
#include "model_support.h"
#include "synthetic.h"

/* The linker puts these in the place of the library's own (--wrap). */
void *__real_so_alloc(size_t count, size_t size);
void *__real_so_calloc(size_t count, size_t size);
void *__wrap_so_alloc(size_t count, size_t size);
void *__wrap_so_calloc(size_t count, size_t size);

static long until_failure = -1; /* allocations that still succeed; -1: all */

static bool fails(void) {
    if (until_failure < 0) return false;
    if (until_failure == 0) return true; /* and all after it: want of memory seldom passes by itself */
    until_failure--;
    return false;
}

void *__wrap_so_alloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_alloc(count, size);
}
void *__wrap_so_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_calloc(count, size);
}

static void *json_allocate(size_t size) {
    return fails() ? NULL : malloc(size);
}

static int prepare(void **state) {
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    struct so_bytes bytes;
    (void)state;
    so_scratch_make();
    assert_int_equal(so_synthetic_write(so_scratch("good.sotto"), &hp, SO_INT8, 3, NULL), SOTTO_OK);
    bytes = so_make_ct2(SO_COARSE_S8, NULL);
    so_store(so_scratch("weights"), bytes.data, bytes.size);
    free(bytes.data);
    bytes = so_make_safetensors(SO_COARSE_BF16, true, NULL);
    so_store(so_scratch("tensors"), bytes.data, bytes.size);
    free(bytes.data);
    bytes = so_make_vocab(SO_FORM_LINES);
    so_store(so_scratch("vocabulary.txt"), bytes.data, bytes.size);
    free(bytes.data);
    bytes = so_make_ggml(SO_COARSE_S8, NULL);
    so_store(so_scratch("ggml"), bytes.data, bytes.size);
    free(bytes.data);
    so_store(so_scratch("config.json"), "{\"alignment_heads\": [[0, 0]]}", 29);
    json_set_alloc_funcs(json_allocate, free);
    return 0;
}

static int finish(void **state) {
    (void)state;
    json_set_alloc_funcs(malloc, free);
    so_scratch_remove();
    return 0;
}

static sotto_status map(sotto_error *err) {
    struct so_model *model;
    sotto_status status = so_model_map(so_scratch("good.sotto"), &model, err);
    assert_int_equal(model == NULL, status != SOTTO_OK);
    so_model_unmap(model);
    return status;
}

static sotto_status verify(sotto_error *err) {
    return so_model_verify(so_scratch("good.sotto"), err);
}

static sotto_status write_model(sotto_error *err) {
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    return so_synthetic_write(so_scratch("new.sotto"), &hp, SO_INT8, 3, err);
}

static sotto_status import_ct2(sotto_error *err) {
    return sotto_model_import(so_scratch("weights"), so_scratch("new.sotto"), NULL, err);
}

static sotto_status import_safetensors(sotto_error *err) {
    return sotto_model_import(so_scratch("tensors"), so_scratch("new.sotto"), NULL, err);
}

static sotto_status import_ggml(sotto_error *err) {
    return sotto_model_import(so_scratch("ggml"), so_scratch("new.sotto"), NULL, err);
}

static sotto_status import_int4(sotto_error *err) {
    sotto_import_options options;
    sotto_import_options_init(&options);
    options.int4 = true;
    return sotto_model_import(so_scratch("ggml"), so_scratch("new.sotto"), &options, err);
}

static sotto_status import_onnx(sotto_error *err) {
    return sotto_model_import(so_scratch("encoder_model.onnx"), so_scratch("new.sotto"), NULL, err);
}

static size_t files_in_scratch(const char *folder) {
    size_t count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d)) count++;
    closedir(d);
    return count;
}

/** Let allocation 0, step, 2 * step .. fail until the call succeeds; returns the first that was not reached. */
static long fail_in_steps(sotto_status (*call)(sotto_error *err), long step) {
    char folder[512];
    strcpy(folder, so_scratch(""));
    const size_t files = files_in_scratch(folder);
    for (long n = 0; n < 100000; n += step) {
        sotto_error err = {SOTTO_OK, ""};
        until_failure = n;
        sotto_status status = call(&err);
        bool reached = until_failure == 0;
        until_failure = -1;
        if (!reached || status == SOTTO_OK) {
            assert_int_equal(status, SOTTO_OK);
            unlink(so_scratch("new.sotto"));
            return n;
        }
        /* jansson says only that it could not parse. */
        assert_true(status == SOTTO_ERR_MEMORY || status == SOTTO_ERR_MODEL);
        assert_true(strlen(err.message) > 0);
        assert_int_equal(files_in_scratch(folder), files);
    }
    fail_msg("never succeeded");
    return -1;
}

static long fail_in_turn(sotto_status (*call)(sotto_error *err)) {
    return fail_in_steps(call, 1);
}

static void opening_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(map), 5, 100);
}

static void verifying_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(verify), 5, 100);
}

static void writing_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(write_model), 10, 100);
}

static void importing_ctranslate2_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(import_ct2), 20, 1000);
}

static void importing_safetensors_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(import_safetensors), 100, 5000);
}

static void importing_ggml_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_turn(import_ggml), 20, 1000);
}

static void importing_int4_survives_want_of_memory(void **state) {
    (void)state;
    assert_in_range(fail_in_steps(import_int4, 41), 100, 5000); /* it takes long: not each of them */
}

static void reading_onnx_survives_want_of_memory(void **state) {
    (void)state;
    struct so_onnx_form form = {.type = SO_COARSE_F16};
    if (!HAS_ONNX) skip();
    struct so_bytes encoder = so_make_onnx(&form, NULL);
    form.decoder = true;
    struct so_bytes decoder = so_make_onnx(&form, NULL);
    so_store(so_scratch("encoder_model.onnx"), encoder.data, encoder.size);
    so_store(so_scratch("decoder_model.onnx"), decoder.data, decoder.size);
    free(encoder.data);
    free(decoder.data);
    assert_in_range(fail_in_steps(import_onnx, 37), 200, 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_survives_want_of_memory),
        cmocka_unit_test(verifying_survives_want_of_memory),
        cmocka_unit_test(writing_survives_want_of_memory),
        cmocka_unit_test(importing_ctranslate2_survives_want_of_memory),
        cmocka_unit_test(importing_safetensors_survives_want_of_memory),
        cmocka_unit_test(importing_ggml_survives_want_of_memory),
        cmocka_unit_test(importing_int4_survives_want_of_memory),
        cmocka_unit_test(reading_onnx_survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("want of memory", tests, prepare, finish);
}
