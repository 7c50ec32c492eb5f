/** Special tokens, languages, text to tokens and back, on a vocabulary of bytes and pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/pretokenize.h"
#include "model/unicode.h"
#include "model/utf8.h"
#include "synthetic.h"

/* ---- ids by role: what OpenAI's tokenizer gives for its three vocabularies ---- */

static void special_tokens_stand_where_each_kind_of_model_has_them(void **state) {
    (void)state;
    static const struct so_vocab expected[] = {
        {.n_vocab = 51864,
         .n_text = 50256,
         .multilingual = false,
         .n_languages = 0,
         .eot = 50256,
         .sot = 50257,
         .first_language = 50258,
         .translate = 50357,
         .transcribe = 50358,
         .start_of_lm = 50359,
         .start_of_prev = 50360,
         .no_speech = 50361,
         .no_timestamps = 50362,
         .first_timestamp = 50363},
        {.n_vocab = 51865,
         .n_text = 50257,
         .multilingual = true,
         .n_languages = 99,
         .eot = 50257,
         .sot = 50258,
         .first_language = 50259,
         .translate = 50358,
         .transcribe = 50359,
         .start_of_lm = 50360,
         .start_of_prev = 50361,
         .no_speech = 50362,
         .no_timestamps = 50363,
         .first_timestamp = 50364},
        {.n_vocab = 51866,
         .n_text = 50257,
         .multilingual = true,
         .n_languages = 100,
         .eot = 50257,
         .sot = 50258,
         .first_language = 50259,
         .translate = 50359,
         .transcribe = 50360,
         .start_of_lm = 50361,
         .start_of_prev = 50362,
         .no_speech = 50363,
         .no_timestamps = 50364,
         .first_timestamp = 50365},
    };
    for (size_t i = 0; i < SO_COUNT(expected); i++) {
        const struct so_vocab *e = &expected[i];
        struct so_vocab v;
        assert_int_equal(so_vocab_layout(&v, e->n_vocab, NULL), SOTTO_OK);
        assert_int_equal(v.n_text, e->n_text);
        assert_int_equal(v.multilingual, e->multilingual);
        assert_int_equal(v.n_languages, e->n_languages);
        assert_int_equal(v.eot, e->eot);
        assert_int_equal(v.sot, e->sot);
        assert_int_equal(v.first_language, e->first_language);
        assert_int_equal(v.translate, e->translate);
        assert_int_equal(v.transcribe, e->transcribe);
        assert_int_equal(v.start_of_lm, e->start_of_lm);
        assert_int_equal(v.start_of_prev, e->start_of_prev);
        assert_int_equal(v.no_speech, e->no_speech);
        assert_int_equal(v.no_timestamps, e->no_timestamps);
        assert_int_equal(v.first_timestamp, e->first_timestamp);
        assert_true(so_vocab_time(&v, (int32_t)v.n_vocab - 1) == 30.0);
        assert_false(so_vocab_is_timestamp(&v, v.no_timestamps));
    }
}

static void an_unknown_size_of_vocabulary_is_refused(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 50257, 51863, 51867, UINT32_MAX};
    struct so_vocab v;
    for (size_t i = 0; i < SO_COUNT(sizes); i++)
        assert_int_equal(so_vocab_layout(&v, sizes[i], NULL), SOTTO_ERR_MODEL);
}

/* ---- languages ---- */

static void languages_are_known_by_code_name_and_other_name(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int index;
    } cases[] = {
        {"en", 0},         {"EN", 0},       {"English", 0},    {"zh", 1},
        {"mandarin", 1},   {"de", 2},       {"german", 2},     {"Spanish", 3},
        {"castilian", 3},  {"flemish", 12}, {"moldavian", 25}, {"yue", 99},
        {"cantonese", 99}, {"haw", 93},     {"burmese", 87},   {"haitian creole", 80},
        {"haitian", 80},   {"jw", 97},      {"", -1},          {"e", -1},
        {"eng", -1},       {"xx", -1},      {"english ", -1},  {"klingon", -1},
    };
    for (size_t i = 0; i < SO_COUNT(cases); i++)
        assert_int_equal(so_language_index(cases[i].text), cases[i].index);
}

static void each_language_has_its_own_code_and_name(void **state) {
    (void)state;
    for (size_t i = 0; i < SO_MAX_LANGUAGES; i++) {
        assert_int_equal(so_language_index(so_language_code(i)), i);
        assert_int_equal(so_language_index(so_language_name(i)), i);
    }
    assert_null(so_language_code(SO_MAX_LANGUAGES));
    assert_null(so_language_name(SIZE_MAX));
}

/* ---- UTF-8 and classes of characters ---- */

static void every_code_point_survives_utf8(void **state) {
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char bytes[4];
        size_t n = so_utf8_put(code, bytes), size;
        uint32_t got = so_utf8_get(bytes, n, &size);
        if (code >= 0xd800 && code < 0xe000) {
            assert_int_equal(got, SO_UTF8_INVALID); /* surrogates have no UTF-8 */
        } else {
            assert_int_equal(got, code);
            assert_int_equal(size, n);
        }
    }
}

static void invalid_utf8_is_told_by_its_longest_valid_beginning(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length, size;
    } cases[] = {
        {"\x80", 1, 1},
        {"\xff", 1, 1},
        {"\xc0\x80", 2, 1},
        {"\xc3", 1, 1},
        {"\xc3(", 2, 1},
        {"\xe2\x82", 2, 2},
        {"\xe2\x82(", 3, 2},
        {"\xe0\x80\x80", 3, 1},
        {"\xed\xa0\x80", 3, 1},
        {"\xf0\x9f\x98", 3, 3},
        {"\xf4\x90\x80\x80", 4, 1},
        {"\xf5\x80\x80\x80", 4, 1},
    };
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        size_t size;
        assert_int_equal(so_utf8_get(cases[i].bytes, cases[i].length, &size), SO_UTF8_INVALID);
        assert_int_equal(size, cases[i].size);
    }
}

static void characters_have_the_classes_of_unicode(void **state) {
    (void)state;
    static const uint32_t letters[] = {'A',    'z',    0xaa,   0xe9,    0x416, 0x5d0,
                                       0x4e2d, 0x3042, 0xac00, 0x1d518, 0x2b0};
    static const uint32_t numbers[] = {'0', '9', 0xb2, 0xbd, 0x663, 0x2163, 0x2460, 0xff11, 0x1d7d9};
    static const uint32_t spaces[] = {' ',  '\t',   '\n',   0xb,    '\r',   0x85,
                                      0xa0, 0x1680, 0x2003, 0x2028, 0x202f, 0x3000};
    static const uint32_t others[] = {'!',    '_',    0,       0x1c,     0x1f,           0x301,
                                      0x200b, 0x2014, 0x1f389, 0x10ffff, SO_UTF8_INVALID};
    for (size_t i = 0; i < SO_COUNT(letters); i++)
        assert_int_equal(so_char_class(letters[i]), SO_CHAR_LETTER);
    for (size_t i = 0; i < SO_COUNT(numbers); i++)
        assert_int_equal(so_char_class(numbers[i]), SO_CHAR_NUMBER);
    for (size_t i = 0; i < SO_COUNT(spaces); i++) assert_int_equal(so_char_class(spaces[i]), SO_CHAR_SPACE);
    for (size_t i = 0; i < SO_COUNT(others); i++) assert_int_equal(so_char_class(others[i]), SO_CHAR_OTHER);
}

/* ---- splitting and merging ---- */

/** Pieces are written with '|' between them. */
static void check_split(const char *with_bars) {
    char text[256] = "", got[256] = "";
    for (const char *c = with_bars; *c; c++)
        if (*c != '|') strncat(text, c, 1);
    for (size_t at = 0, length = strlen(text); at < length;) {
        size_t n = so_pretokenize(text + at, length - at, 100);
        if (at) strcat(got, "|");
        strncat(got, text + at, n);
        at += n;
    }
    assert_string_equal(got, with_bars);
}

static void text_is_split_by_the_pattern(void **state) {
    (void)state;
    check_split("Hello|,| world|!");
    check_split("it|'s| I|'ll| we|'ve| they|'re| can|'t| I|'m| he|'d");
    check_split("it|'|S"); /* contractions are lower case */
    check_split("a| '|s"); /* a space takes the sign before the ending can */
    check_split("a|  | b");
    check_split("a|   ");
    check_split("   ");
    check_split("\n\n| a|\n|b");
    check_split("12|ab|34| 56|.|7");
    check_split(" ...| ?|a");
    check_split("caf\xc3\xa9|\xe2\x80\x94|\xe4\xbd\xa0\xe5\xa5\xbd|\xe3\x80\x82");
    check_split("a|\xe3\x80\x80|b");   /* one wide space: it cannot join the word */
    check_split("a| |\xe3\x80\x80|b"); /* the last of several stays for what follows */
    check_split("a|\xff\xfe| \xc3|b"); /* invalid bytes are punctuation */
}

static void a_long_run_is_cut_between_characters(void **state) {
    (void)state;
    char text[300];
    for (size_t i = 0; i + 2 <= sizeof text; i += 2) memcpy(text + i, "\xc3\xa9", 2);
    assert_int_equal(so_pretokenize(text, sizeof text, 99), 98);
    assert_int_equal(so_pretokenize(text, sizeof text, 100), 100);
    memset(text, ' ', sizeof text);
    assert_int_equal(so_pretokenize(text, sizeof text, 100), 100);
}

struct fixture {
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
};

static int make_vocab(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(so_synthetic_vocab(51865, &f->builder, &f->vocab, NULL), SOTTO_OK);
    *state = f;
    return 0;
}

static int free_vocab(void **state) {
    struct fixture *f = *state;
    so_vocab_builder_free(f->builder);
    free(f);
    return 0;
}

static void tokens_are_found_by_their_bytes_and_no_others(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    for (uint32_t id = 0; id < v->n_text; id++) {
        char bytes[3];
        size_t n = so_synthetic_token(v, id, bytes), length;
        assert_int_equal(so_vocab_find(v, bytes, n), id);
        assert_memory_equal(so_vocab_bytes(v, (int32_t)id, &length), bytes, n);
        assert_int_equal(length, n);
    }
    assert_int_equal(so_vocab_find(v, "no such token", 13), -1);
    assert_int_equal(so_vocab_find(v, "\xff\xff\xff", 3), -1);
    const int32_t none[] = {-1, INT32_MIN, v->eot, v->sot, v->first_timestamp, INT32_MAX};
    for (size_t i = 0; i < SO_COUNT(none); i++) {
        size_t length = 1;
        assert_non_null(so_vocab_bytes(v, none[i], &length));
        assert_int_equal(length, 0);
    }
}

/** Merges by the definition: again and again the leftmost adjacent pair whose join has the lowest id. */
static size_t encode_slowly(const struct so_vocab *v, const char *text, size_t length, int32_t *ids) {
    size_t count = 0;
    for (size_t at = 0, n; at < length; at += n) {
        char parts[64][4] = {{0}};
        size_t sizes[64], m = n = so_pretokenize(text + at, length - at, 4096);
        for (size_t i = 0; i < m; i++) {
            parts[i][0] = text[at + i];
            sizes[i] = 1;
        }
        for (;;) {
            int32_t best = INT32_MAX;
            size_t where = 0;
            for (size_t i = 0; i + 1 < m; i++) {
                char joined[8];
                memcpy(joined, parts[i], sizes[i]);
                memcpy(joined + sizes[i], parts[i + 1], sizes[i + 1]);
                int32_t id = so_vocab_find(v, joined, sizes[i] + sizes[i + 1]);
                if (id >= 0 && id < best) {
                    best = id;
                    where = i;
                }
            }
            if (best == INT32_MAX) break;
            memcpy(parts[where] + sizes[where], parts[where + 1], sizes[where + 1]);
            sizes[where] += sizes[where + 1];
            m--;
            memmove(parts + where + 1, parts + where + 2, (m - where - 1) * sizeof parts[0]);
            memmove(sizes + where + 1, sizes + where + 2, (m - where - 1) * sizeof sizes[0]);
        }
        for (size_t i = 0; i < m; i++) ids[count++] = so_vocab_find(v, parts[i], sizes[i]);
    }
    return count;
}

static void merging_follows_the_ranks(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    size_t merged = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        char text[48];
        int32_t want[64], got[64];
        size_t length = 1 + so_synthetic_random(seed, 0, 0) % sizeof text;
        for (size_t i = 0; i < length; i++)
            text[i] = "eeeeabcdefghijklmnopqrstuvwxyz  1.\xc3\xa9"[so_synthetic_random(seed, 1, i) % 36];
        size_t n = encode_slowly(v, text, length, want);
        assert_int_equal(so_vocab_encode(v, text, length, got, 64), n);
        assert_memory_equal(got, want, n * sizeof *got);
        merged += length - n;
    }
    assert_true(merged > 1000);
}

static void encoding_tells_the_need_and_writes_no_more_than_fits(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    int32_t all[32], few[32];
    const char text[] = "some words, to encode";
    size_t n = so_vocab_encode(v, text, strlen(text), all, 32);
    assert_true(n > 4);
    for (size_t capacity = 0; capacity <= n; capacity++) {
        memset(few, 0x55, sizeof few);
        assert_int_equal(so_vocab_encode(v, text, strlen(text), few, capacity), n);
        assert_memory_equal(few, all, capacity * sizeof *few);
        assert_int_equal(few[capacity], 0x55555555);
    }
    assert_int_equal(so_vocab_encode(v, "", 0, NULL, 0), 0);
}

static void any_text_comes_back_from_its_tokens(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    char *text = malloc(20000), *back = malloc(20001);
    int32_t *ids = malloc(20000 * sizeof *ids);
    size_t length = 0;
    for (uint64_t i = 0; length + 4 < 20000; i++) { /* with runs above the longest piece */
        uint64_t random = so_synthetic_random(5, 0, i);
        uint32_t code = i < 8000     ? 'a' + random % 26
                        : random % 3 ? 0x20 + random / 3 % 0x500
                                     : 0x1f300 + random / 3 % 300;
        length += so_utf8_put(code, text + length);
    }
    size_t n = so_vocab_encode(v, text, length, ids, 20000);
    assert_in_range(n, 1, length);
    assert_int_equal(so_vocab_decode(v, ids, n, back, 20001), length);
    assert_memory_equal(back, text, length);
    free(text);
    free(back);
    free(ids);
}

/* ---- suppressed tokens ---- */

static void signs_that_are_not_spoken_and_steering_tokens_are_suppressed(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    /* In this vocabulary of bytes a sign alone is one token; "-" and "'" are let be, their first byte behind
     * a space is the space. */
    const int32_t yes[] = {'"',
                           '#',
                           '(',
                           '[',
                           '{',
                           '~',
                           '_',
                           0xe2,
                           v->sot,
                           v->translate,
                           v->transcribe,
                           v->start_of_lm,
                           v->start_of_prev,
                           v->no_speech};
    const int32_t no[] = {'a',
                          '-',
                          '\'',
                          '.',
                          ',',
                          '!',
                          '?',
                          '$',
                          '%',
                          '&',
                          v->eot,
                          v->no_timestamps,
                          v->first_language,
                          v->first_timestamp};
    for (size_t i = 1; i < v->n_suppress; i++) assert_true(v->suppress[i] > v->suppress[i - 1]);
    for (size_t i = 0; i < SO_COUNT(yes); i++) {
        size_t at = 0;
        while (at < v->n_suppress && v->suppress[at] != yes[i]) at++;
        assert_true(at < v->n_suppress);
    }
    for (size_t i = 0; i < SO_COUNT(no); i++)
        for (size_t at = 0; at < v->n_suppress; at++) assert_int_not_equal(v->suppress[at], no[i]);
}

/* ---- decoding ---- */

static void check_decoding(const struct so_vocab *v, const char *bytes, const char *expected) {
    int32_t ids[32];
    char text[64];
    size_t n = strlen(bytes);
    for (size_t i = 0; i < n; i++) ids[i] = (unsigned char)bytes[i]; /* one token for each byte */
    assert_int_equal(so_vocab_decode(v, ids, n, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
}

static void characters_spread_over_tokens_are_joined_and_broken_ones_replaced(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
#define BAD "\xef\xbf\xbd"
    check_decoding(v, "caf\xc3\xa9", "caf\xc3\xa9");
    check_decoding(v, "\xf0\x9f\x8e\x89!", "\xf0\x9f\x8e\x89!");
    check_decoding(v, "\xc3", BAD);
    check_decoding(v, "\xc3(", BAD "(");
    check_decoding(v, "\xf0\x9f\x8e", BAD);
    check_decoding(v,
                   "\xf0\x9f\x8e"
                   "a",
                   BAD "a");
    check_decoding(v, "\x80\x80", BAD BAD);
    check_decoding(v, "\xe2\x82\xe2\x82\xac", BAD "\xe2\x82\xac");
    check_decoding(v, "\xed\xa0\x80", BAD BAD BAD);
}

static void special_tokens_have_no_text(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    const int32_t ids[] = {v->sot, v->first_language,   'a',      v->first_timestamp, -5, 'b',
                           v->eot, (int32_t)v->n_vocab, INT32_MAX};
    char text[8];
    assert_int_equal(so_vocab_decode(v, ids, SO_COUNT(ids), text, sizeof text), 2);
    assert_string_equal(text, "ab");
}

static void decoding_tells_the_need_and_cuts_between_characters(void **state) {
    const struct so_vocab *v = ((struct fixture *)*state)->vocab;
    static const int32_t ids[] = {'a', 0xc3, 0xa9, 'b'};
    static const char *const expected[] = {"", "a", "a", "a\303\251", "a\303\251b"};
    char text[8];
    for (size_t capacity = 1; capacity <= 5; capacity++) {
        memset(text, 0x55, sizeof text);
        assert_int_equal(so_vocab_decode(v, ids, 4, text, capacity), 4);
        assert_string_equal(text, expected[capacity - 1]);
        assert_int_equal(text[capacity], 0x55);
    }
    assert_int_equal(so_vocab_decode(v, ids, 4, NULL, 0), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_tokens_stand_where_each_kind_of_model_has_them),
        cmocka_unit_test(an_unknown_size_of_vocabulary_is_refused),
        cmocka_unit_test(languages_are_known_by_code_name_and_other_name),
        cmocka_unit_test(each_language_has_its_own_code_and_name),
        cmocka_unit_test(every_code_point_survives_utf8),
        cmocka_unit_test(invalid_utf8_is_told_by_its_longest_valid_beginning),
        cmocka_unit_test(characters_have_the_classes_of_unicode),
        cmocka_unit_test(text_is_split_by_the_pattern),
        cmocka_unit_test(a_long_run_is_cut_between_characters),
        cmocka_unit_test(tokens_are_found_by_their_bytes_and_no_others),
        cmocka_unit_test(merging_follows_the_ranks),
        cmocka_unit_test(encoding_tells_the_need_and_writes_no_more_than_fits),
        cmocka_unit_test(any_text_comes_back_from_its_tokens),
        cmocka_unit_test(signs_that_are_not_spoken_and_steering_tokens_are_suppressed),
        cmocka_unit_test(characters_spread_over_tokens_are_joined_and_broken_ones_replaced),
        cmocka_unit_test(special_tokens_have_no_text),
        cmocka_unit_test(decoding_tells_the_need_and_cuts_between_characters),
    };
    return cmocka_run_group_tests_name("vocabulary", tests, make_vocab, free_vocab);
}
