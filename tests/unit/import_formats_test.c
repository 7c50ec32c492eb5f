/** ggml, ONNX and safetensors in several files: each gives the very file that the others give, and what is
 * damaged or hostile is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import_support.h"
#include "model/blocks.h"
#include "model/heads.h"
#include "model/infile.h"
#include "model_support.h"

static uint8_t *expected; /* the .sotto file in INT8 */
static size_t expected_size;

static void store(const char *name, struct so_bytes bytes) {
    so_store(so_scratch(name), bytes.data, bytes.size);
    free(bytes.data);
}

static int make_expected(void **state) {
    (void)state;
    so_scratch_make();
    so_coarse_write(so_scratch("expected.sotto"), SO_INT8, "coarse");
    expected = so_load(so_scratch("expected.sotto"), &expected_size);
    store("vocabulary.txt", so_make_vocab(SO_FORM_LINES));
    return 0;
}

static int free_expected(void **state) {
    (void)state;
    free(expected);
    so_scratch_remove();
    return 0;
}

static sotto_status import(const char *source, sotto_error *err) {
    return sotto_model_import(so_scratch(source), so_scratch("coarse.sotto"), NULL, err);
}

static void check_import(const char *source) {
    sotto_error err;
    size_t size;
    if (import(source, &err)) fail_msg("%s: %s", source, err.message);
    uint8_t *bytes = so_load(so_scratch("coarse.sotto"), &size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
    unlink(so_scratch("coarse.sotto"));
}

/** A source must be refused with this status, and leave nothing; the sentence holds `says` if that is not
 * NULL. */
static void refuse(const char *source, sotto_status status, const char *says) {
    sotto_error err = {SOTTO_OK, ""};
    assert_int_equal(import(source, &err), status);
    assert_true(strlen(err.message) > 0);
    if (says && !strstr(err.message, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_int_not_equal(access(so_scratch("coarse.sotto"), F_OK), 0);
}

/** `name`, which `source` means or consists of, cut at every mark and beside it. */
static void refuse_cuts(const char *source, const char *name, const struct so_bytes *file,
                        const struct so_marks *marks) {
    for (size_t i = 0; i < marks->n; i++)
        for (size_t off = 0; off < 3; off++) {
            const size_t length = marks->at[i] + 1 - off;
            if (length >= file->size) continue;
            so_store(so_scratch(name), file->data, length);
            refuse(source, SOTTO_ERR_MODEL, NULL);
        }
    so_store(so_scratch(name), file->data, file->size - 1);
    refuse(source, SOTTO_ERR_MODEL, NULL);
}

static size_t find(const struct so_bytes *file, const char *text) {
    const size_t length = strlen(text);
    for (size_t at = 0; at + length <= file->size; at++)
        if (!memcmp(file->data + at, text, length)) return at;
    fail_msg("no \"%s\"", text);
    return 0;
}

/* ---- ggml ---- */

static void ggml_gives_the_same_file_with_its_own_vocabulary(void **state) {
    (void)state;
    so_store(so_scratch("vocabulary.txt"), "not words", 9); /* nobody reads it */
    for (enum so_coarse_type type = SO_COARSE_F32; type <= SO_COARSE_S8; type++) {
        store("weights", so_make_ggml(type, NULL));
        check_import("weights");
    }
    store("vocabulary.txt", so_make_vocab(SO_FORM_LINES));
}

static void a_ggml_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_ggml(SO_COARSE_S8, &marks);
    assert_true(marks.n > 80);
    refuse_cuts("weights", "weights", &file, &marks);
    free(file.data);
}

/** The number at an offset replaced, the file refused, the number put back. */
static void refuse_number(struct so_bytes *file, size_t at, uint32_t value) {
    uint8_t kept[4];
    memcpy(kept, file->data + at, 4);
    memcpy(file->data + at, &value, 4);
    so_store(so_scratch("weights"), file->data, file->size);
    sotto_error err;
    if (import("weights", &err) == SOTTO_OK) fail_msg("%u at %zu is not refused", value, at);
    assert_int_not_equal(err.code, SOTTO_ERR_MEMORY);
    memcpy(file->data + at, kept, 4);
}

static void every_number_of_a_ggml_file_is_checked(void **state) {
    (void)state;
    static const uint32_t absurd[] = {0, 1u << 31, UINT32_MAX};
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_ggml(SO_COARSE_F16, &marks);
    for (size_t i = 0; i < SO_COUNT(absurd); i++) {
        for (size_t at = 0; at < marks.at[0]; at += 4)
            if (at != 44)
                refuse_number(&file, at, absurd[i]);  /* 44: the kind, which says nothing of the tensors */
        refuse_number(&file, marks.at[1], absurd[i]); /* tokens */
        refuse_number(&file, marks.at[1] + 8, absurd[i]); /* a length and the byte behind it */
        for (size_t at = marks.at[2]; at < marks.at[2] + 24; at += 4)
            if (absurd[i] || at != marks.at[2] + 8)
                refuse_number(&file, at, absurd[i]); /* type 0 has its own test */
    }
    for (size_t at = 4; at < 44; at += 4) { /* sizes that the tensors do not have */
        uint32_t value;
        memcpy(&value, file.data + at, 4);
        refuse_number(&file, at, value + 1);
        refuse_number(&file, at, 2 * value);
    }
    refuse_number(&file, marks.at[2] + 8, 0);                /* half as many bytes as its type would take */
    refuse_number(&file, marks.at[0] + 4 * 300, 0x3f000000); /* a filter that is another */
    free(file.data);
}

static void kinds_of_ggml_that_cannot_be_read_are_named(void **state) {
    (void)state;
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_ggml(SO_COARSE_F16, &marks);
    const uint32_t q3_k = 11;
    memcpy(file.data + marks.at[2] + 8, &q3_k, 4);
    so_store(so_scratch("weights"), file.data, file.size);
    refuse("weights", SOTTO_ERR_UNSUPPORTED, "ggml type 11");
    free(file.data);
}

/** Bytes that anyone can make again, with the block's own factors 0.0371 and -0.0125 in binary16. */
static void make_block(uint8_t *block, size_t size, size_t d, size_t m) {
    for (size_t i = 0; i < size; i++) block[i] = (uint8_t)(i * 167 + 13 * i * i / 7 + 91);
    block[d] = 0xc0, block[d + 1] = 0x28;
    if (m) block[m] = 0x66, block[m + 1] = 0xa2;
}

/** Values that the gguf package (0.19.0) gives for the same blocks. */
static void quantised_blocks_have_the_values_of_the_reference(void **state) {
    (void)state;
    static const struct {
        enum so_number number;
        size_t d, m;
        float values[9];
        double sum; /* of magnitudes */
    } blocks[] = {
        {SO_NUMBER_Q4_0, 0, 0, {-0.296875f, -0.296875f, 0.07421875f, 0.111328125f, 0.0f}, 4.267578125},
        {SO_NUMBER_Q4_1,
         0,
         2,
         {0.1359405517578125f, 0.4328155517578125f, 0.5070343017578125f, 0.0246124267578125f,
          0.1730499267578125f},
         8.581329345703125},
        {SO_NUMBER_Q5_0,
         0,
         0,
         {-0.333984375f, -0.333984375f, -0.556640625f, -0.296875f, 0.1484375f},
         10.873046875},
        {SO_NUMBER_Q5_1,
         0,
         2,
         {0.3214874267578125f, -0.0124969482421875f, 0.6554718017578125f, 0.5812530517578125f,
          0.0988311767578125f},
         16.20086669921875},
        {SO_NUMBER_Q8_0, 0, 0, {-2.96875f, 3.5625f, -4.37890625f, 4.23046875f, -2.078125f}, 84.98046875},
        {SO_NUMBER_Q4_K,
         0,
         2,
         {4.5655975341796875f, 3.762451171875f, 3.442108154296875f, 1.5389404296875f, 0.0374908447265625f,
          7.613525390625f, 14.268218994140625f, 12.03936767578125f, 12.03936767578125f},
         1732.4765625},
        {SO_NUMBER_Q5_K,
         0,
         2,
         {0.8546600341796875f, 12.223388671875f, 7.598358154296875f, 1.2791748046875f, 5.9749908447265625f,
          35.668212890625f, 21.875640869140625f, 7.36358642578125f, 8.14288330078125f},
         3349.962890625},
        {SO_NUMBER_Q6_K,
         208,
         0,
         {3.265625f, -4.75f, 22.265625f, 7.421875f, 0.0f, 38.96484375f, 94.62890625f, 51.13671875f,
          6.6796875f},
         9010.37890625},
    };
    static const size_t narrow[] = {0, 1, 15, 16, 31}, wide[] = {0, 33, 70, 101, 130, 165, 200, 229, 255};
    for (size_t i = 0; i < SO_COUNT(blocks); i++) {
        const size_t n = so_number_values(blocks[i].number);
        uint8_t block[256];
        float values[256];
        double sum = 0;
        make_block(block, so_number_size(blocks[i].number), blocks[i].d, blocks[i].m);
        so_number_to_float(blocks[i].number, block, n, values);
        for (size_t j = 0; j < (n == 32 ? 5 : 9); j++)
            assert_true(values[n == 32 ? narrow[j] : wide[j]] == blocks[i].values[j]);
        for (size_t j = 0; j < n; j++) sum += values[j] < 0 ? -(double)values[j] : (double)values[j];
        assert_true(sum == blocks[i].sum);
    }
}

/* ---- ONNX ---- */

/** Both halves; `decoder` is what the decoder's file is called. */
static void store_onnx(struct so_onnx_form form, const char *encoder, const char *decoder) {
    struct so_bytes outside = {0};
    form.contents = &outside;
    form.decoder = false;
    store(encoder, so_make_onnx(&form, NULL));
    form.decoder = true;
    store(decoder, so_make_onnx(&form, NULL));
    if (form.outside) store(form.outside, outside);
}

static void remove_onnx(void) {
    static const char *const names[] = {"encoder_model.onnx",        "decoder_model.onnx",
                                        "decoder_model_merged.onnx", "encoder_model_fp16.onnx",
                                        "decoder_model_fp16.onnx",   "weights.onnx_data"};
    for (size_t i = 0; i < SO_COUNT(names); i++) unlink(so_scratch(names[i]));
}

static void onnx_exports_give_the_same_file_from_every_number_type(void **state) {
    (void)state;
    for (enum so_coarse_type type = SO_COARSE_F32; type < SO_COARSE_S8; type++) {
        store_onnx((struct so_onnx_form){.type = type}, "encoder_model.onnx", "decoder_model.onnx");
        check_import("encoder_model.onnx");
    }
    check_import("decoder_model.onnx"); /* either half names both */
    remove_onnx();
}

static void merged_decoders_variants_and_weights_outside_are_read(void **state) {
    (void)state;
    store_onnx((struct so_onnx_form){.merged = true}, "encoder_model.onnx", "decoder_model_merged.onnx");
    check_import("encoder_model.onnx");
    remove_onnx();
    store_onnx((struct so_onnx_form){.type = SO_COARSE_F16}, "encoder_model_fp16.onnx",
               "decoder_model_fp16.onnx");
    check_import("encoder_model_fp16.onnx");
    remove_onnx();
    store_onnx((struct so_onnx_form){.outside = "weights.onnx_data"}, "encoder_model.onnx",
               "decoder_model.onnx");
    check_import("encoder_model.onnx");
    assert_int_equal(truncate(so_scratch("weights.onnx_data"), 1 << 20), 0);
    refuse("encoder_model.onnx", SOTTO_ERR_MODEL, "truncated");
    unlink(so_scratch("weights.onnx_data"));
    refuse("encoder_model.onnx", SOTTO_ERR_IO, "weights.onnx_data");
    remove_onnx();
}

static void a_folder_onnx_belongs_to_what_is_above_it(void **state) {
    (void)state;
    assert_int_equal(mkdir(so_scratch("whisper"), 0700), 0);
    assert_int_equal(mkdir(so_scratch("whisper/onnx"), 0700), 0);
    store_onnx((struct so_onnx_form){.type = SO_COARSE_BF16}, "whisper/onnx/encoder_model.onnx",
               "whisper/onnx/decoder_model.onnx");
    refuse("whisper", SOTTO_ERR_MODEL, "vocabulary");
    store("whisper/tokenizer.json", so_make_vocab(SO_FORM_TOKENIZER));
    check_import("whisper");
    unlink(so_scratch("whisper/onnx/encoder_model.onnx"));
    unlink(so_scratch("whisper/onnx/decoder_model.onnx"));
    unlink(so_scratch("whisper/tokenizer.json"));
    assert_int_equal(rmdir(so_scratch("whisper/onnx")), 0);
    assert_int_equal(rmdir(so_scratch("whisper")), 0);
}

static void an_onnx_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    for (int decoder = 0; decoder < 2; decoder++) {
        struct so_onnx_form form = {.type = SO_COARSE_F16, .decoder = decoder};
        struct so_marks marks = {.n = 0};
        store_onnx(form, "encoder_model.onnx", "decoder_model.onnx");
        struct so_bytes file = so_make_onnx(&form, &marks);
        for (size_t i = 0; i < 40; i++) so_bytes_mark(&marks, file.size * i / 40);
        refuse_cuts("encoder_model.onnx", decoder ? "decoder_model.onnx" : "encoder_model.onnx", &file,
                    &marks);
        free(file.data);
    }
    remove_onnx();
}

/** A text inside the encoder (or decoder) replaced by one of the same length. */
static void refuse_text(const struct so_onnx_form *form, const char *text, const char *by,
                        sotto_status status, const char *says) {
    struct so_bytes outside = {0};
    struct so_onnx_form one = *form;
    one.contents = &outside;
    struct so_bytes file = so_make_onnx(&one, NULL);
    assert_int_equal(strlen(text), strlen(by));
    memcpy(file.data + find(&file, text), by, strlen(by));
    store(form->decoder ? "decoder_model.onnx" : "encoder_model.onnx", file);
    free(outside.data);
    refuse("encoder_model.onnx", status, says);
}

static void onnx_graphs_that_are_no_plain_whisper_are_refused(void **state) {
    (void)state;
    const struct so_onnx_form encoder = {.type = SO_COARSE_F16},
                              outside = {.type = SO_COARSE_F16, .outside = "weights.onnx_data"};
    store_onnx(encoder, "encoder_model.onnx", "decoder_model.onnx");
    refuse_text(&encoder, "\x22\x06MatMul", "\x22\x06MatMux", SOTTO_ERR_MODEL, "missing");
    refuse_text(&encoder, "onnx::MatMul_745", "nnx::MatMul_9999", SOTTO_ERR_MODEL, "missing");
    refuse_text(&encoder, "/layers.0/fc1/MatMul\x22", "/layers.0/fc3/MatMul\x22", SOTTO_ERR_MODEL, "missing");
    refuse_text(&encoder, "layers.0.fc1.bias", "layers.0.fc3.bias", SOTTO_ERR_MODEL, NULL);
    store_onnx(outside, "encoder_model.onnx", "decoder_model.onnx");
    refuse_text(&outside, "weights.onnx_data", "../ights.onnx_dat", SOTTO_ERR_MODEL, "not a file beside it");
    store_onnx(encoder, "encoder_model.onnx", "decoder_model.onnx");
    unlink(so_scratch("decoder_model.onnx"));
    refuse("encoder_model.onnx", SOTTO_ERR_MODEL, "no decoder_model.onnx");
    assert_int_equal(rename(so_scratch("encoder_model.onnx"), so_scratch("other.onnx")), 0);
    refuse("other.onnx", SOTTO_ERR_MODEL, "must be called");
    unlink(so_scratch("other.onnx"));
    remove_onnx();
}

static void an_output_matrix_of_its_own_must_be_the_embedding(void **state) {
    (void)state;
    struct so_onnx_form form = {.type = SO_COARSE_F16, .projection = SO_PROJECTION_EQUAL};
    store_onnx(form, "encoder_model.onnx", "decoder_model.onnx");
    check_import("encoder_model.onnx");
    form.projection = SO_PROJECTION_OTHER;
    store_onnx(form, "encoder_model.onnx", "decoder_model.onnx");
    refuse("encoder_model.onnx", SOTTO_ERR_UNSUPPORTED, "projection");
    remove_onnx();
}

/* ---- safetensors in several files ---- */

static const char index_text[] =
    "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {\"a\": \"model-1.safetensors\", "
    "\"b\": \"model-2.safetensors\", \"c\": \"model-1.safetensors\"}}";

static void store_index(const char *text) {
    so_store(so_scratch("model.safetensors.index.json"), text, strlen(text));
}

static void safetensors_in_several_files_give_the_same_file(void **state) {
    (void)state;
    store("model-1.safetensors", so_make_shard(SO_COARSE_F16, false, 0, 2, NULL));
    store("model-2.safetensors", so_make_shard(SO_COARSE_BF16, false, 1, 2, NULL));
    store_index(index_text);
    check_import("model.safetensors.index.json");
    check_import(""); /* the folder */
}

static void an_index_of_files_that_are_not_there_or_not_beside_it_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        sotto_status status;
    } bad[] = {
        {"{\"weight_map\": {\"a\": \"model-1.safetensors\"}}", SOTTO_ERR_MODEL}, /* half of it */
        {"{\"weight_map\": {\"a\": \"model-1.safetensors\", \"b\": \"model-3.safetensors\"}}", SOTTO_ERR_IO},
        {"{\"weight_map\": {\"a\": \"../model-1.safetensors\"}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {\"a\": \"..\"}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {\"a\": \"\"}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {\"a\": 1}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {\"a\": \"vocabulary.txt\"}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {\"a\": \"model.safetensors.index.json\"}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": {}}", SOTTO_ERR_MODEL},
        {"{\"weight_map\": []}", SOTTO_ERR_MODEL},
        {"{}", SOTTO_ERR_MODEL},
        {"{", SOTTO_ERR_MODEL},
    };
    for (size_t i = 0; i < SO_COUNT(bad); i++) {
        store_index(bad[i].text);
        refuse("model.safetensors.index.json", bad[i].status, NULL);
    }
    store("model-2.safetensors", so_make_shard(SO_COARSE_BF16, false, 0, 2, NULL)); /* the first half twice */
    store_index(index_text);
    refuse("model.safetensors.index.json", SOTTO_ERR_MODEL, NULL);
    unlink(so_scratch("model.safetensors.index.json"));
}

/* ---- heads ---- */

static void heads_of_openais_models_are_heads_of_their_sizes(void **state) {
    (void)state;
    static const struct {
        uint32_t layers, state, vocab;
        size_t count;
    } models[] = {{4, 384, 51864, 8},    {6, 512, 51865, 8},  {12, 768, 51865, 10}, {32, 1280, 51865, 23},
                  {32, 1280, 51866, 10}, {4, 1280, 51866, 6}, {2, 1280, 51866, 0},  {6, 512, 51866, 0}};
    for (size_t i = 0; i < SO_COUNT(models); i++) {
        const struct so_hparams hp = {
            .n_text_layer = models[i].layers, .n_text_state = models[i].state, .n_vocab = models[i].vocab};
        size_t count;
        const uint8_t(*heads)[2] = so_known_heads(&hp, &count);
        assert_int_equal(count, models[i].count);
        for (size_t j = 0; j < count; j++) {
            assert_true(heads[j][0] >= models[i].layers / 5 && heads[j][0] < models[i].layers);
            assert_true(heads[j][1] < models[i].state / 64);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ggml_gives_the_same_file_with_its_own_vocabulary),
        cmocka_unit_test(a_ggml_file_cut_anywhere_is_refused),
        cmocka_unit_test(every_number_of_a_ggml_file_is_checked),
        cmocka_unit_test(kinds_of_ggml_that_cannot_be_read_are_named),
        cmocka_unit_test(quantised_blocks_have_the_values_of_the_reference),
        cmocka_unit_test(onnx_exports_give_the_same_file_from_every_number_type),
        cmocka_unit_test(merged_decoders_variants_and_weights_outside_are_read),
        cmocka_unit_test(a_folder_onnx_belongs_to_what_is_above_it),
        cmocka_unit_test(an_onnx_file_cut_anywhere_is_refused),
        cmocka_unit_test(onnx_graphs_that_are_no_plain_whisper_are_refused),
        cmocka_unit_test(an_output_matrix_of_its_own_must_be_the_embedding),
        cmocka_unit_test(safetensors_in_several_files_give_the_same_file),
        cmocka_unit_test(an_index_of_files_that_are_not_there_or_not_beside_it_is_refused),
        cmocka_unit_test(heads_of_openais_models_are_heads_of_their_sizes),
    };
    return cmocka_run_group_tests_name("import formats", tests, make_expected, free_expected);
}
