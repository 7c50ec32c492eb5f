/**
 * The vocabulary of real models: needs one (see test_model.h) and skips itself without. The ids are what
 * Hugging Face's tokenizers 0.23 gives for the published tokenizer.json; the suppress lists what the
 * published configurations hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "test_model.h"
#include "util/compiler.h"

struct expected {
    const char *text;
    int32_t ids[24];
    size_t n;
};

static const struct expected multilingual[] = {
    {"Hello, world!", {15947, 11, 1002, 0}, 4},
    {" And so my fellow Americans, ask not what your country can do for you.",
     {400, 370, 452, 7177, 6280, 11, 1029, 406, 437, 428, 1941, 393, 360, 337, 291, 13},
     16},
    {"It's 3:45 p.m.; don't you'll we've I'm they'd",
     {3522, 311, 805, 25, 8465, 280, 13, 76, 13, 26, 500, 380, 291, 603, 321, 600, 286, 478, 436, 1116},
     20},
    {"Grüß Gott, schöne Straße!", {20038, 774, 2536, 19133, 11, 41152, 43817, 0}, 8},
    {"Привет, как дела?", {43971, 31259, 11, 3014, 46157, 30}, 6},
    {"你好，世界。", {26410, 171, 120, 234, 24486, 1543}, 6},
    {"こんにちは、世界！", {38088, 1231, 24486, 171, 120, 223}, 6},
    {"안녕하세요", {49200, 12831, 15377}, 3},
    {"مرحبا بالعالم", {29973, 5016, 3555, 995, 20666, 3615, 45340}, 7},
    {"नमस्ते दुनिया",
     {35082, 48521, 45938, 27099, 36158, 21981, 8485, 99, 8703, 223, 35082, 33279, 48268, 17937},
     14},
    {"♪ la la ♪ 🎉", {3961, 635, 635, 931, 19034, 231}, 6},
    {"  two  spaces\n\n and\ttabs  ", {220, 732, 220, 7673, 198, 198, 293, 197, 83, 17243, 220, 220}, 12},
    {"a\xc2\xa0"
     "b\xe3\x80\x80"
     "c x\xc2\xb2\xc2\xbd\xe2\x85\xa3",
     {64, 126, 254, 65, 756, 222, 66, 2031, 27643, 126, 121, 158, 227, 96},
     14},
    {"1234567 12 3", {4762, 18, 8465, 22452, 2272, 805}, 6},
    {" - - 'quoted' \"text\"", {359, 359, 922, 358, 23325, 6, 503, 25111, 1}, 9},
    {"na\xc3\xafve caf\xc3\xa9 e\xcc\x81", {629, 15487, 303, 25118, 308, 32797}, 6},
};

static const struct expected english[] = {
    {"Hello, world!", {15496, 11, 995, 0}, 4},
    {" And so my fellow Americans, ask not what your country can do for you.",
     {843, 523, 616, 5891, 3399, 11, 1265, 407, 644, 534, 1499, 460, 466, 329, 345, 13},
     16},
    {"It's 3:45 p.m.; don't you'll we've I'm they'd",
     {1026, 338, 513, 25, 2231, 279, 13, 76, 15089, 836, 470, 345, 1183, 356, 1053, 314, 1101, 484, 1549},
     19},
    {"Grüß Gott, schöne Straße!", {8642, 9116, 39683, 39451, 11, 5513, 9101, 710, 15195, 39683, 68, 0}, 12},
    {"Привет, как дела?",
     {140, 253, 21169, 18849, 38857, 16843, 20375, 11, 12466, 118, 16142, 31583, 12466, 112, 16843, 30143,
      16142, 30},
     18},
    {"你好，世界。", {19526, 254, 25001, 121, 171, 120, 234, 10310, 244, 45911, 234, 16764}, 12},
    {"こんにちは、世界！",
     {46036, 22174, 28618, 2515, 94, 31676, 23513, 10310, 244, 45911, 234, 171, 120, 223},
     14},
    {"안녕하세요", {168, 243, 230, 167, 227, 243, 47991, 246, 168, 226, 116, 168, 248, 242}, 14},
    {"مرحبا بالعالم", {25405, 26897, 148, 255, 39848, 12919, 17550, 101, 23525, 44690, 23525, 25405}, 12},
    {"नमस्ते दुनिया",
     {11976, 101, 11976, 106, 11976, 116, 24231, 235, 11976, 97,  24231, 229,
      28225, 99,  24231, 223, 11976, 101, 11976, 123, 11976, 107, 48077},
     23},
    {"♪ la la ♪ 🎉", {17992, 103, 8591, 8591, 20724, 103, 12520, 236, 231}, 9},
    {"  two  spaces\n\n and\ttabs  ", {220, 734, 220, 9029, 628, 290, 197, 8658, 82, 220, 220}, 11},
    {"a\xc2\xa0"
     "b\xe3\x80\x80"
     "c x\xc2\xb2\xc2\xbd\xe2\x85\xa3",
     {64, 1849, 65, 5099, 222, 66, 2124, 31185, 23141, 158, 227, 96},
     12},
    {"1234567 12 3", {10163, 2231, 3134, 1105, 513}, 5},
    {" - - 'quoted' \"text\"", {532, 532, 705, 421, 5191, 6, 366, 5239, 1}, 9},
    {"na\xc3\xafve caf\xc3\xa9 e\xcc\x81", {2616, 38776, 40304, 304, 136, 223}, 6},
};

static const int32_t suppressed_multilingual[] = {
    1,     2,     7,     8,     9,     10,    14,    25,    26,    27,    28,    29,    31,    58,    59,
    60,    61,    62,    63,    90,    91,    92,    93,    359,   503,   522,   542,   873,   893,   902,
    918,   922,   931,   1350,  1853,  1982,  2460,  2627,  3246,  3253,  3268,  3536,  3846,  3961,  4183,
    4667,  6585,  6647,  7273,  9061,  9383,  10428, 10929, 11938, 12033, 12331, 12562, 13793, 14157, 14635,
    15265, 15618, 16553, 16604, 18362, 18956, 20075, 21675, 22520, 26130, 26161, 26435, 28279, 29464, 31650,
    32302, 32470, 36865, 42863, 47425, 49870, 50254, 50258, 50358, 50359, 50360, 50361, 50362};

static const int32_t suppressed_english[] = {
    1,     2,     7,     8,     9,     10,    14,    25,    26,    27,    28,    29,    31,    58,    59,
    60,    61,    62,    63,    90,    91,    92,    93,    357,   366,   438,   532,   685,   705,   796,
    930,   1058,  1220,  1267,  1279,  1303,  1343,  1377,  1391,  1635,  1782,  1875,  2162,  2361,  2488,
    3467,  4008,  4211,  4600,  4808,  5299,  5855,  6329,  7203,  9609,  9959,  10563, 10786, 11420, 11709,
    11907, 13163, 13697, 13700, 14808, 15306, 16410, 16791, 17992, 19203, 19510, 20724, 22305, 22935, 27007,
    30109, 30420, 33409, 34949, 40283, 40493, 40549, 47282, 49146, 50257, 50357, 50358, 50359, 50360, 50361};

static void check_encoding(const struct so_vocab *vocab, const struct expected *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct expected *e = &expected[i];
        int32_t ids[32];
        char text[256];
        assert_int_equal(so_vocab_encode(vocab, e->text, strlen(e->text), ids, 32), e->n);
        assert_memory_equal(ids, e->ids, e->n * sizeof *ids);
        assert_int_equal(so_vocab_decode(vocab, ids, e->n, text, sizeof text), strlen(e->text));
        assert_string_equal(text, e->text);
    }
}

static void multilingual_text_gets_the_published_tokens(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_BASE;
    if (!model) skip();
    assert_true(model->vocab.multilingual);
    check_encoding(&model->vocab, multilingual, SO_COUNT(multilingual));
    so_model_unmap(model);
}

struct golden {
    const char *text; /* [length] */
    size_t length;
    int32_t ids[64];
    size_t n;
};

static const struct golden golden[] = {
#include "vocab_golden.inl"
};

static void every_script_is_split_by_its_unicode_classes(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_BASE;
    if (!model) skip();
    for (size_t i = 0; i < SO_COUNT(golden); i++) {
        int32_t ids[64];
        size_t n = so_vocab_encode(&model->vocab, golden[i].text, golden[i].length, ids, 64);
        if (n != golden[i].n || memcmp(ids, golden[i].ids, n * sizeof *ids) != 0) fail_msg("text %zu: \"%s\"", i, golden[i].text);
    }
    so_model_unmap(model);
}

static void english_text_gets_the_published_tokens(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_TINY_EN;
    if (!model) skip();
    assert_false(model->vocab.multilingual);
    check_encoding(&model->vocab, english, SO_COUNT(english));
    so_model_unmap(model);
}

static void what_is_not_speech_is_suppressed_as_published(void **state) {
    (void)state;
    struct so_model *base = SO_TEST_BASE, *tiny = SO_TEST_TINY_EN;
    if (!base && !tiny) skip();
    if (base) {
        assert_int_equal(base->vocab.n_suppress, SO_COUNT(suppressed_multilingual));
        assert_memory_equal(base->vocab.suppress, suppressed_multilingual, sizeof suppressed_multilingual);
        assert_int_equal(base->vocab.blank, 220);
    }
    if (tiny) {
        assert_int_equal(tiny->vocab.n_suppress, SO_COUNT(suppressed_english));
        assert_memory_equal(tiny->vocab.suppress, suppressed_english, sizeof suppressed_english);
        assert_int_equal(tiny->vocab.blank, 220);
    }
    so_model_unmap(base);
    so_model_unmap(tiny);
}

static void every_token_is_found_by_its_bytes(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_BASE;
    if (!model) skip();
    for (int32_t id = 0; id < (int32_t)model->vocab.n_text; id++) {
        size_t n;
        const char *bytes = so_vocab_bytes(&model->vocab, id, &n);
        assert_int_equal(so_vocab_find(&model->vocab, bytes, n), id);
    }
    so_model_unmap(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multilingual_text_gets_the_published_tokens),
        cmocka_unit_test(every_script_is_split_by_its_unicode_classes),
        cmocka_unit_test(english_text_gets_the_published_tokens),
        cmocka_unit_test(what_is_not_speech_is_suppressed_as_published),
        cmocka_unit_test(every_token_is_found_by_its_bytes),
    };
    return cmocka_run_group_tests_name("vocabulary of real models", tests, NULL, NULL);
}
