/** Damaged and hostile files to import: each is refused with a sentence, at once, and leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import_support.h"
#include "model/convert.h"
#include "model_support.h"

static int make_folder(void **state) {
    (void)state;
    so_scratch_make();
    struct so_bytes words = so_make_vocab(SO_FORM_LINES);
    so_store(so_scratch("vocabulary.txt"), words.data, words.size);
    free(words.data);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    so_scratch_remove();
    return 0;
}

static sotto_status import(sotto_error *err) {
    return sotto_model_import(so_scratch("weights"), so_scratch("out.sotto"), NULL, err);
}

/** The file "weights" must be refused; the sentence holds `says` if that is not NULL. */
static void refuse_file(sotto_status status, const char *says) {
    sotto_error err = {SOTTO_OK, ""};
    assert_int_equal(import(&err), status);
    assert_true(strlen(err.message) > 0);
    if (says && !strstr(err.message, says)) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
    assert_int_not_equal(access(so_scratch("out.sotto"), F_OK), 0);
}

static void refuse_bytes(const void *bytes, size_t size, sotto_status status, const char *says) {
    so_store(so_scratch("weights"), bytes, size);
    refuse_file(status, says);
}

static int descending(const void *a, const void *b) {
    return (*(const size_t *)a < *(const size_t *)b) - (*(const size_t *)a > *(const size_t *)b);
}

/** The file cut at every mark and beside it, from the longest on. */
static void refuse_cuts(struct so_bytes file, struct so_marks *marks) {
    qsort(marks->at, marks->n, sizeof marks->at[0], descending);
    so_store(so_scratch("weights"), file.data, file.size);
    assert_int_equal(truncate(so_scratch("weights"), (off_t)file.size - 1), 0);
    refuse_file(SOTTO_ERR_MODEL, NULL);
    for (size_t i = 0; i < marks->n; i++)
        for (size_t off = 0; off < 3; off++) {
            const size_t length = marks->at[i] + 1 - off;
            if (length >= file.size) continue;
            assert_int_equal(truncate(so_scratch("weights"), (off_t)length), 0);
            refuse_file(SOTTO_ERR_MODEL, NULL);
        }
}

static void a_ctranslate2_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_ct2(SO_COARSE_S8, &marks);
    assert_true(marks.n > 100);
    /* Cut where the aliases begin, it is a file without aliases as older ones are: whole. */
    marks.n -= 2;
    refuse_cuts(file, &marks);
    free(file.data);
}

static void a_safetensors_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_safetensors(SO_COARSE_F16, true, &marks);
    assert_true(marks.n > 40);
    refuse_cuts(file, &marks);
    free(file.data);
}

/** Write `size` bytes at an offset of the file "weights", see it refused, and put back what was there. */
static void refuse_patch(const struct so_bytes *file, size_t at, const void *bytes, size_t size) {
    FILE *weights = fopen(so_scratch("weights"), "r+b");
    assert_non_null(weights);
    assert_true(at + size <= file->size);
    sotto_error err = {SOTTO_OK, ""};
    fseek(weights, (long)at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, size, weights), size);
    fflush(weights);
    if (import(&err) == SOTTO_OK) fail_msg("%zu bytes changed at %zu, and not refused", size, at);
    assert_true(strlen(err.message) > 0);
    fseek(weights, (long)at, SEEK_SET);
    assert_int_equal(fwrite(file->data + at, 1, size, weights), size);
    fclose(weights);
}

/** A little-endian number of the file set to each of some wrong values. */
static void refuse_numbers(const struct so_bytes *file, size_t at, size_t width) {
    uint32_t good = 0;
    memcpy(&good, file->data + at, width);
    const uint32_t values[] = {0,        1,        UINT32_MAX, INT32_MAX,   1u << 31,
                               good + 1, good - 1, good * 2,   good + 65536};
    for (size_t i = 0; i < SO_COUNT(values); i++)
        if (memcmp(&values[i], &good, width)) refuse_patch(file, at, &values[i], width);
}

static void every_number_of_a_ctranslate2_file_is_checked(void **state) {
    (void)state;
    struct so_marks marks = {.n = 0};
    struct so_bytes file = so_make_ct2(SO_COARSE_S8, &marks);
    so_store(so_scratch("weights"), file.data, file.size);
    refuse_numbers(&file, 0, 4);               /* version */
    refuse_numbers(&file, marks.at[0], 2);     /* length of the specification's name */
    refuse_numbers(&file, marks.at[0] + 2, 4); /* the name */
    refuse_numbers(&file, marks.at[1], 4);     /* revision */
    refuse_numbers(&file, marks.at[2], 4);     /* number of tensors */
    for (size_t i = 3; i + 3 < marks.n; i += 3) {
        const size_t name = marks.at[i], shape = marks.at[i + 1], data = marks.at[i + 2];
        refuse_numbers(&file, name, 2);
        refuse_numbers(&file, name + 2, 1);
        refuse_numbers(&file, shape - 1, 1); /* the name's end */
        refuse_numbers(&file, shape, 1);     /* rank */
        for (size_t at = shape + 1; at + 5 < data; at += 4) refuse_numbers(&file, at, 4);
        refuse_numbers(&file, data - 5, 1); /* type */
        refuse_numbers(&file, data - 4, 4); /* bytes */
    }
    refuse_numbers(&file, marks.at[marks.n - 2], 4); /* number of aliases */
    refuse_numbers(&file, marks.at[marks.n - 1], 2);
    refuse_numbers(&file, file.size - 3, 1);
    free(file.data);
}

/** Where a text stands in a file. */
static size_t find_text(const struct so_bytes *file, const char *text) {
    const size_t length = strlen(text);
    for (size_t at = 0; at + length <= file->size; at++)
        if (!memcmp(file->data + at, text, length)) return at;
    fail_msg("no \"%s\"", text);
    return 0;
}

static void what_computes_in_another_way_than_whisper_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint8_t value;
    } flags[] = {{"decoder/activation", 0}, {"decoder/activation", 4}, {"decoder/pre_norm", 0},
                 {"decoder/num_heads", 2},  {"encoder/num_heads", 0},  {"encoder/num_heads", 2}};
    struct so_bytes file = so_make_ct2(SO_COARSE_S8, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    for (size_t i = 0; i < SO_COUNT(flags); i++) {
        /* name, NUL, rank, type, size in 32 bits, value */
        const size_t at = find_text(&file, flags[i].name) + strlen(flags[i].name) + 1 + 1 + 1 + 4;
        refuse_patch(&file, at, &flags[i].value, 1);
    }
    /* A switch that is not known must be off. */
    refuse_patch(&file, find_text(&file, "decoder/pre_norm"), "decoder/new_norm", 16);
    free(file.data);
}

static void tensors_that_are_unknown_missing_or_there_twice_are_refused(void **state) {
    (void)state;
    struct so_bytes file = so_make_ct2(SO_COARSE_S8, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    refuse_patch(&file, find_text(&file, "encoder/layer_0/ffn/linear_1/bias"),
                 "encoder/layer_0/ffn/linear_2/bias", 33);
    refuse_patch(&file, find_text(&file, "encoder/layer_0/ffn/linear_1/bias"),
                 "encoder/layer_0/ffn/linear_0/bias", 33);
    refuse_patch(&file, find_text(&file, "encoder/layer_0/ffn/linear_1/bias"),
                 "encoder/layer_1/ffn/linear_1/bias", 33);
    refuse_patch(&file, find_text(&file, "encoder/conv1/weight_scale"), "encoder/conv2/weight_scale", 26);
    refuse_patch(&file, find_text(&file, "decoder/layer_0/ffn/linear_0/weight_scale"),
                 "decoder/layer_0/ffn/linear_0/weight_other", 41);
    /* The alias is the output projection: it must be the embedding. */
    refuse_patch(&file, file.size - 26, "decoder/embeddings/weighs", 25);
    refuse_patch(&file, file.size - 26, "encoder/layer_norm/gamma\0", 25);
    free(file.data);

    file = so_make_safetensors(SO_COARSE_BF16, false, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    refuse_patch(&file, find_text(&file, "layers.0.fc1.bias"), "layers.0.fc3.bias", 17);
    refuse_patch(&file, find_text(&file, "layers.0.fc1.bias"), "layers.1.fc1.bias", 17);
    refuse_patch(&file, find_text(&file, "layers.0.fc1.bias"), "layers.9.fc1.bias", 17);
    refuse_patch(&file, find_text(&file, "self_attn.v_proj.bias"), "self_attn.k_proj.bias",
                 21); /* no bias for the values */
    refuse_patch(&file, find_text(&file, "\"BF16\""), "\"I16\" ", 6);
    free(file.data);
}

static void every_number_of_a_safetensors_header_is_checked(void **state) {
    (void)state;
    struct so_bytes file = so_make_safetensors(SO_COARSE_F32, true, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    const size_t end = find_text(&file, "__metadata__");
    size_t changed = 0;
    for (size_t at = 8; at < end; at++) {
        const uint8_t c = file.data[at], next = c == '9' ? '1' : '9';
        /* Digits of shapes and places, not those of names and types, which are in quotes or behind a letter
         * or a dot. */
        if (c < '0' || c > '9' || !strchr("[,0123456789", file.data[at - 1]) || file.data[at - 1] == 0)
            continue;
        if (strchr("FB.s", file.data[at - 1]) || file.data[at - 2] == 'F' || file.data[at - 3] == 'F')
            continue;
        refuse_patch(&file, at, &next, 1);
        refuse_patch(&file, at, "-", 1);
        changed++;
    }
    assert_true(changed > 300);
    refuse_numbers(&file, 0, 4);
    refuse_numbers(&file, 4, 4);
    free(file.data);
}

static void weights_that_are_not_numbers_are_refused(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    struct so_bytes file = so_make_ct2(SO_COARSE_F32, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    const size_t last = find_text(&file, "decoder/layer_norm/gamma") + 25 + 1 + 4 + 1 + 4 + 63 * 4;
    for (size_t i = 0; i < SO_COUNT(bad); i++) refuse_patch(&file, last, &bad[i], 4);
    const size_t first = find_text(&file, "encoder/conv1/weight") + 21 + 1 + 12 + 1 + 4;
    for (size_t i = 0; i < SO_COUNT(bad); i++) refuse_patch(&file, first, &bad[i], 4);
    free(file.data);

    file = so_make_ct2(SO_COARSE_S8, NULL);
    so_store(so_scratch("weights"), file.data, file.size);
    const float scales[] = {0, NAN};
    const size_t scale = find_text(&file, "encoder/conv1/weight_scale") + 27 + 1 + 4 + 1 + 4;
    for (size_t i = 0; i < SO_COUNT(scales); i++) refuse_patch(&file, scale, &scales[i], 4);
    free(file.data);
}

static void int16_weights_are_refused_with_advice(void **state) {
    (void)state;
    struct so_bytes file = so_make_ct2(SO_COARSE_F16, NULL);
    const size_t type = find_text(&file, "encoder/conv1/weight") + 21 + 1 + 12;
    file.data[type] = 2;
    refuse_bytes(file.data, file.size, SOTTO_ERR_UNSUPPORTED, "float16, float32 or int8");
    free(file.data);
}

/** Small files that ask for much. None may be believed; SOTTO_ERR_MEMORY would mean that one was. */
static void a_small_file_cannot_ask_for_much_memory(void **state) {
    (void)state;
    struct so_bytes file = {0};
    static const uint8_t head[] = "\x06\0\0\0\x0c\0WhisperSpec\0\x03\0\0";
    static const uint8_t huge[] =
        "\x15\0encoder/conv1/weight\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\xff\xff\xff\xff";
    so_bytes_add(&file, head, sizeof head);
    so_bytes_u32(&file, UINT32_MAX);
    refuse_bytes(file.data, file.size, SOTTO_ERR_MODEL, "number of tensors");
    file.size -= 4;
    so_bytes_u32(&file, 8192);
    so_bytes_add(&file, huge, sizeof huge - 1);
    refuse_bytes(file.data, file.size, SOTTO_ERR_MODEL, "impossible shape");
    free(file.data);

    static const uint64_t lengths[] = {UINT64_MAX, 1ull << 63, 1ull << 40, 16u << 20, (16u << 20) + 1, 100};
    for (size_t i = 0; i < SO_COUNT(lengths); i++) {
        uint8_t bytes[16] = {0};
        memcpy(bytes, &lengths[i], 8);
        memcpy(bytes + 8, "{\"a\":{}}", 8);
        refuse_bytes(bytes, sizeof bytes, SOTTO_ERR_MODEL, NULL);
    }
}

/** `count` times one text as the header of a safetensors file, or as a vocabulary. */
static struct so_bytes repeated(const char *text, size_t count) {
    struct so_bytes out = {0};
    for (size_t i = 0; i < count; i++) so_bytes_add(&out, text, strlen(text));
    return out;
}

static void deep_or_endless_json_is_refused_before_it_is_parsed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } bombs[] = {{"{\"a\":", 100}, {"[[[[", 1000000}, {"[],", 3000000}, {"1,", 3000000}};
    for (size_t i = 0; i < SO_COUNT(bombs); i++) {
        struct so_bytes body = repeated(bombs[i].text, bombs[i].count), file = {0};
        so_bytes_u32(&file, (uint32_t)body.size);
        so_bytes_u32(&file, 0);
        so_bytes_add(&file, body.data, body.size);
        file.data[8] = '{';
        refuse_bytes(file.data, file.size, SOTTO_ERR_MODEL, "JSON too deep or of too many values");
        free(file.data);
        free(body.data);
    }
}

static void a_header_that_is_no_object_of_tensors_is_refused(void **state) {
    (void)state;
    static const char *const headers[] = {
        "{}",
        "{\"a\"}",
        "{\"encoder.conv1.weight\":1}",
        "{\"encoder.conv1.weight\":{}}",
        "{\"encoder.conv1.weight\":[]}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\"}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1.5,1,3],\"data_offsets\":[0,4]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,4]}"
        "}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[4294967295,4294967295],\"data_offsets\":[0,"
        "4]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,"
        "9223372036854775807]}}",
        "{\"encoder.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"a\":1,\"a\":2}",
        "{\"__metadata__\":{}}",
    };
    for (size_t i = 0; i < SO_COUNT(headers); i++) {
        struct so_bytes file = {0};
        so_bytes_u32(&file, (uint32_t)strlen(headers[i]));
        so_bytes_u32(&file, 0);
        so_bytes_add(&file, headers[i], strlen(headers[i]));
        so_bytes_u32(&file, 0);
        refuse_bytes(file.data, file.size, SOTTO_ERR_MODEL, NULL);
        free(file.data);
    }
}

static void what_is_no_weights_at_all_is_refused(void **state) {
    (void)state;
    refuse_bytes("", 0, SOTTO_ERR_MODEL, "neither");
    refuse_bytes("x", 1, SOTTO_ERR_MODEL, "neither");
    refuse_bytes("once upon a time", 16, SOTTO_ERR_MODEL, "neither");
    refuse_bytes("PK\3\4 a checkpoint of PyTorch", 28, SOTTO_ERR_MODEL, "neither");
}

/* ---- vocabularies ---- */

static void refuse_vocab(const char *name, struct so_bytes words, const char *says) {
    sotto_error err = {SOTTO_OK, ""};
    sotto_import_options options;
    sotto_import_options_init(&options);
    so_store(so_scratch("words"), words.data, words.size);
    options.vocab = so_scratch("words");
    if (sotto_model_import(so_scratch("weights"), so_scratch("out.sotto"), &options, &err) == SOTTO_OK)
        fail_msg("%s: not refused", name);
    assert_int_equal(err.code, SOTTO_ERR_MODEL);
    if (!strstr(err.message, says)) fail_msg("%s: \"%s\" does not say \"%s\"", name, err.message, says);
    free(words.data);
}

/** Replace the first occurrence of a text by another of the same length. */
static struct so_bytes changed(enum so_vocab_form form, const char *from, const char *to) {
    struct so_bytes words = so_make_vocab(form);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(words.data + find_text(&words, from), to, strlen(to));
    return words;
}

static struct so_bytes cut(enum so_vocab_form form, size_t by) {
    struct so_bytes words = so_make_vocab(form);
    words.size -= by;
    return words;
}

static void a_vocabulary_that_is_not_whole_is_refused(void **state) {
    (void)state;
    struct so_bytes weights = so_make_ct2(SO_COARSE_S8, NULL);
    so_store(so_scratch("weights"), weights.data, weights.size);
    free(weights.data);
    refuse_vocab("cut lines", cut(SO_FORM_LINES, 100), "is missing");
    refuse_vocab("cut ranks", cut(SO_FORM_RANKS, 100), "is missing");
    refuse_vocab("cut in a line", cut(SO_FORM_RANKS, 14), "twice");
    refuse_vocab("cut JSON", cut(SO_FORM_TOKENIZER, 1), "not valid JSON");
    refuse_vocab("cut array", cut(SO_FORM_ARRAY, 50), "not valid JSON");
    refuse_vocab("nothing", repeated("", 0), "is missing");
    refuse_vocab("spaces", repeated(" \n", 1000), "alphabet");
    refuse_vocab("same id", changed(SO_FORM_OBJECT, "\"a\": 97", "\"a\": 98"), "twice");
    refuse_vocab("same rank", changed(SO_FORM_RANKS, "YQ== 97", "YQ== 98"), "twice");
    refuse_vocab("same token", changed(SO_FORM_RANKS, "YQ== 97", "Yg== 97"), "equal");
    refuse_vocab("no byte", changed(SO_FORM_RANKS, "YQ== 97", "YWE= 97"), "");
    refuse_vocab("negative id", changed(SO_FORM_OBJECT, "\"a\": 97", "\"a\": -7"), "without an id");
    refuse_vocab("id of text", changed(SO_FORM_OBJECT, "\"a\": 97", "\"a\": \"\""), "without an id");
    refuse_vocab("token of number", changed(SO_FORM_ARRAY, "\"a\"", "123"), "not text");
    refuse_vocab("other alphabet", changed(SO_FORM_LINES, "\na\n", "\n\t\n"), "alphabet");
    refuse_vocab("invalid UTF-8", changed(SO_FORM_LINES, "\na\n", "\n\xff\n"), "alphabet");
    refuse_vocab("not base64", changed(SO_FORM_RANKS, "YQ== 97", "Y!== 97"), "not a token and its rank");
    refuse_vocab("no rank", changed(SO_FORM_RANKS, "YQ== 97", "YQ== a7"), "not a token and its rank");
    refuse_vocab(
        "other JSON",
        repeated("{\"a\": 1, \"b\": \"a text long enough to be taken for JSON, not for lines of tokens\"}",
                 1),
        "");
    refuse_vocab("long line", repeated("abcdefghij", 1000), "");
}

/* ---- numbers ---- */

static void halves_and_bfloats_become_the_floats_they_stand_for(void **state) {
    (void)state;
    static const struct {
        uint16_t bits;
        float value;
    } halves[] = {{0x0000, 0},        {0x3c00, 1},        {0xc000, -2},          {0x7bff, 65504},
                  {0x0400, 0x1p-14f}, {0x0001, 0x1p-24f}, {0x83ff, -0x3ffp-24f}, {0x3555, 0x1.554p-2f},
                  {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < SO_COUNT(halves); i++) {
        const uint8_t bytes[] = {(uint8_t)halves[i].bits, (uint8_t)(halves[i].bits >> 8)};
        float value;
        so_number_to_float(SO_NUMBER_F16, bytes, 1, &value);
        assert_true(value == halves[i].value);
    }
    const uint8_t nan[] = {0x01, 0x7e}, negative_zero[] = {0x00, 0x80}, bfloat[] = {0x80, 0x3f, 0x49, 0xc0},
                  s8[] = {0x80, 0x7f};
    float values[2];
    so_number_to_float(SO_NUMBER_F16, nan, 1, values);
    assert_true(isnan(values[0]));
    so_number_to_float(SO_NUMBER_F16, negative_zero, 1, values);
    assert_true(values[0] == 0 && signbit(values[0]));
    so_number_to_float(SO_NUMBER_BF16, bfloat, 2, values);
    assert_true(values[0] == 1 && values[1] == -3.140625f);
    so_number_to_float(SO_NUMBER_S8, s8, 2, values);
    assert_true(values[0] == -128 && values[1] == 127);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ctranslate2_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_safetensors_file_cut_anywhere_is_refused),
        cmocka_unit_test(every_number_of_a_ctranslate2_file_is_checked),
        cmocka_unit_test(what_computes_in_another_way_than_whisper_is_refused),
        cmocka_unit_test(tensors_that_are_unknown_missing_or_there_twice_are_refused),
        cmocka_unit_test(every_number_of_a_safetensors_header_is_checked),
        cmocka_unit_test(weights_that_are_not_numbers_are_refused),
        cmocka_unit_test(int16_weights_are_refused_with_advice),
        cmocka_unit_test(a_small_file_cannot_ask_for_much_memory),
        cmocka_unit_test(deep_or_endless_json_is_refused_before_it_is_parsed),
        cmocka_unit_test(a_header_that_is_no_object_of_tensors_is_refused),
        cmocka_unit_test(what_is_no_weights_at_all_is_refused),
        cmocka_unit_test(a_vocabulary_that_is_not_whole_is_refused),
        cmocka_unit_test(halves_and_bfloats_become_the_floats_they_stand_for),
    };
    return cmocka_run_group_tests_name("damaged imports", tests, make_folder, remove_folder);
}
