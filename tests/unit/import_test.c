/** Foreign weights: each format and number type gives the same file, bit by bit, and what is not Whisper is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import_support.h"
#include "model_support.h"

/** The files that an import must give, by precision. */
struct expected {
    uint8_t *bytes[2];
    size_t sizes[2];
};

static void store(const char *name, struct so_bytes bytes) {
    so_store(so_scratch(name), bytes.data, bytes.size);
    free(bytes.data);
}

static int make_expected(void **state) {
    struct expected *e = calloc(1, sizeof *e);
    so_scratch_make();
    for (int f32 = 0; f32 < 2; f32++) {
        so_coarse_write(so_scratch("expected.sotto"), f32 ? SO_F32 : SO_INT8, "coarse");
        e->bytes[f32] = so_load(so_scratch("expected.sotto"), &e->sizes[f32]);
    }
    store("vocabulary.txt", so_make_vocab(SO_FORM_LINES));
    *state = e;
    return 0;
}

static int free_expected(void **state) {
    struct expected *e = *state;
    free(e->bytes[0]);
    free(e->bytes[1]);
    free(e);
    so_scratch_remove();
    return 0;
}

static sotto_status import(const char *source, bool f32, const char *vocab, sotto_error *err) {
    sotto_import_options options;
    sotto_import_options_init(&options);
    options.f32 = f32;
    options.vocab = vocab ? so_scratch(vocab) : NULL;
    return sotto_model_import(so_scratch(source), so_scratch("coarse.sotto"), &options, err);
}

/** Import a file of the scratch folder, in float32 too if `both`, and compare. */
static void check_import(const struct expected *e, const char *source, const char *vocab, bool both) {
    for (int f32 = 0; f32 <= both; f32++) {
        sotto_error err;
        size_t size;
        if (import(source, f32, vocab, &err)) fail_msg("%s", err.message);
        uint8_t *bytes = so_load(so_scratch("coarse.sotto"), &size);
        assert_int_equal(size, e->sizes[f32]);
        assert_memory_equal(bytes, e->bytes[f32], size);
        free(bytes);
        assert_int_equal(sotto_model_verify(so_scratch("coarse.sotto"), NULL), SOTTO_OK);
    }
}

static void ctranslate2_gives_the_same_file_from_every_number_type(void **state) {
    for (enum so_coarse_type type = SO_COARSE_F32; type <= SO_COARSE_S8; type++) {
        store("weights", so_make_ct2(type, NULL));
        check_import(*state, "weights", NULL, type == SO_COARSE_F16 || type == SO_COARSE_S8);
    }
}

static void safetensors_give_the_same_file_from_every_number_type_and_either_naming(void **state) {
    for (int openai = 0; openai < 2; openai++)
        for (enum so_coarse_type type = SO_COARSE_F32; type < SO_COARSE_S8; type++) {
            store("weights", so_make_safetensors(type, openai, NULL));
            check_import(*state, "weights", NULL, openai && type == SO_COARSE_F32);
        }
}

static void every_form_of_vocabulary_is_read(void **state) {
    store("weights", so_make_safetensors(SO_COARSE_BF16, true, NULL));
    for (enum so_vocab_form form = SO_FORM_TOKENIZER; form <= SO_FORM_RANKS; form++) {
        store("words", so_make_vocab(form));
        check_import(*state, "weights", "words", false);
    }
}

static void a_folder_stands_for_the_files_in_it(void **state) {
    assert_int_equal(mkdir(so_scratch("folder"), 0700), 0);
    store("folder/model.bin", so_make_ct2(SO_COARSE_F16, NULL));
    store("folder/vocab.json", so_make_vocab(SO_FORM_OBJECT));
    check_import(*state, "folder", NULL, false);
    check_import(*state, "folder/", NULL, false);
    unlink(so_scratch("folder/vocab.json"));
    sotto_error err;
    assert_int_equal(import("folder", false, NULL, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "vocabulary"));
    unlink(so_scratch("folder/model.bin"));
    assert_int_equal(import("folder", false, NULL, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "model.bin"));
    assert_int_equal(rmdir(so_scratch("folder")), 0);
}

static void the_name_comes_from_the_options_or_the_destination(void **state) {
    (void)state;
    static const struct {
        const char *given, *destination, *name;
    } cases[] = {
        {NULL, "base.sotto", "base"},       {NULL, "base.f32.sotto", "base"},
        {NULL, "tiny.en.sotto", "tiny.en"}, {"other", "base.sotto", "other"},
        {NULL, "noending", "noending"},     {NULL, ".sotto", ".sotto"},
    };
    store("weights", so_make_ct2(SO_COARSE_S8, NULL));
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        sotto_import_options options;
        sotto_model *model;
        sotto_model_info info;
        sotto_import_options_init(&options);
        options.name = cases[i].given;
        const char *destination = so_scratch(cases[i].destination);
        assert_int_equal(sotto_model_import(so_scratch("weights"), destination, &options, NULL), SOTTO_OK);
        assert_int_equal(sotto_model_open(destination, &model, NULL), SOTTO_OK);
        sotto_model_describe(model, &info);
        assert_string_equal(info.name, cases[i].name);
        assert_string_equal(info.precision, "int8");
        assert_int_equal(info.n_vocab, 51864);
        assert_int_equal(info.n_audio_state, 64);
        assert_false(info.multilingual);
        sotto_model_close(model);
        unlink(destination);
    }
    sotto_import_options options;
    sotto_import_options_init(&options);
    options.name = "a/b";
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("x.sotto"), &options, NULL),
                     SOTTO_ERR_ARGUMENT);
    options.name = "";
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("x.sotto"), &options, NULL),
                     SOTTO_ERR_ARGUMENT);
}

static void alignment_heads_come_from_the_configuration(void **state) {
    (void)state;
    static const struct {
        const char *file, *text;
        sotto_status status;
        uint32_t count;
    } cases[] = {
        {"config.json", "{\"alignment_heads\": [[0, 0]]}", SOTTO_OK, 1},
        {"generation_config.json", "{\"alignment_heads\": [[0, 0]]}", SOTTO_OK, 1},
        {"config.json", "{\"alignment_heads\": []}", SOTTO_OK, 0},
        {"config.json", "{\"other\": 1}", SOTTO_OK, 0},
        {"config.json", "{\"alignment_heads\": [[1, 0]]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [[0, 1]]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [[0, -1]]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [[0]]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [0, 0]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [[0, 0.5]]}", SOTTO_ERR_MODEL, 0},
        {"config.json", "{\"alignment_heads\": [[0, 0], [0, 0]]}", SOTTO_ERR_MODEL,
         0}, /* more than there are heads */
        {"config.json", "{\"alignment_heads\": ", SOTTO_ERR_MODEL, 0},
    };
    store("weights", so_make_ct2(SO_COARSE_S8, NULL));
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        sotto_model *model;
        sotto_model_info info;
        so_store(so_scratch(cases[i].file), cases[i].text, strlen(cases[i].text));
        assert_int_equal(import("weights", false, NULL, NULL), cases[i].status);
        unlink(so_scratch(cases[i].file));
        if (cases[i].status) continue;
        assert_int_equal(sotto_model_open(so_scratch("coarse.sotto"), &model, NULL), SOTTO_OK);
        sotto_model_describe(model, &info);
        assert_int_equal(info.n_alignment_heads, cases[i].count);
        sotto_model_close(model);
    }
}

static void count_progress(void *user, size_t done, size_t total) {
    size_t *last = user;
    assert_int_equal(done, *last + 1);
    assert_true(done <= total);
    *last = done;
    if (done == total) *last = SIZE_MAX;
}

static void progress_is_told_item_by_item_to_the_end(void **state) {
    (void)state;
    sotto_import_options options;
    size_t last = 0;
    sotto_import_options_init(&options);
    options.user = &last;
    options.on_progress = count_progress;
    store("weights", so_make_ct2(SO_COARSE_S8, NULL));
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("coarse.sotto"), &options, NULL),
                     SOTTO_OK);
    assert_true(last == SIZE_MAX);
}

static void a_destination_that_cannot_be_written_is_an_error_of_that_name(void **state) {
    (void)state;
    sotto_error err;
    store("weights", so_make_ct2(SO_COARSE_S8, NULL));
    assert_int_equal(
        sotto_model_import(so_scratch("weights"), so_scratch("no/such/folder.sotto"), NULL, &err),
        SOTTO_ERR_IO);
    assert_non_null(strstr(err.message, "folder.sotto"));
    assert_int_equal(sotto_model_import(so_scratch("weights"), "", NULL, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(sotto_model_import(NULL, so_scratch("x.sotto"), NULL, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(sotto_model_import(so_scratch("none"), so_scratch("x.sotto"), NULL, &err), SOTTO_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ctranslate2_gives_the_same_file_from_every_number_type),
        cmocka_unit_test(safetensors_give_the_same_file_from_every_number_type_and_either_naming),
        cmocka_unit_test(every_form_of_vocabulary_is_read),
        cmocka_unit_test(a_folder_stands_for_the_files_in_it),
        cmocka_unit_test(the_name_comes_from_the_options_or_the_destination),
        cmocka_unit_test(alignment_heads_come_from_the_configuration),
        cmocka_unit_test(progress_is_told_item_by_item_to_the_end),
        cmocka_unit_test(a_destination_that_cannot_be_written_is_an_error_of_that_name),
    };
    return cmocka_run_group_tests_name("import", tests, make_expected, free_expected);
}
