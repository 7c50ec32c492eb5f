/* Subtitles: what fits where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/cues.h"
#include "output/units.h"
#include "util/memory.h"

enum { MAX_WORDS = 400 };

static sotto_word words[MAX_WORDS];
static char texts[MAX_WORDS][32];
static char text[MAX_WORDS * 32];

/** A segment of the words of a text, said one after another, 0.25 s each; a "|" is a pause of 2 s. */
static sotto_segment spoken(const char *line, double start) {
    size_t n = 0;
    double at = start;
    text[0] = '\0';
    for (const char *from = line; *from;) {
        size_t length = strcspn(from, " |");
        snprintf(texts[n], sizeof texts[n], " %.*s", (int)length, from);
        strncat(text, texts[n], sizeof text - strlen(text) - 1);
        words[n] = (sotto_word){.text = texts[n], .start = at, .end = at + 0.25, .probability = 1, .speaker = -1};
        at += from[length] == '|' ? 2.25 : 0.25;
        from += length + (from[length] != '\0');
        n++;
    }
    return (sotto_segment){.start = start, .end = words[n - 1].end, .text = text, .words = words, .n_words = n, .speaker = -1};
}

static sotto_format_options limits(uint32_t characters, uint32_t lines) {
    sotto_format_options options;
    sotto_format_options_init(&options);
    assert_int_equal(options.line_characters, 42);
    assert_int_equal(options.cue_lines, 2);
    options.line_characters = characters;
    options.cue_lines = lines;
    options.cue_min_seconds = 0;
    return options;
}

static struct so_cues shape(const sotto_segment *segments, size_t n, const sotto_format_options *options) {
    sotto_result result = {.segments = segments, .n_segments = n, .duration = 1000};
    struct so_cues cues;
    assert_true(so_cues_shape(&result, options, &cues));
    return cues;
}

/** All lines one after another with spaces, "/" between cues. */
static void assert_lines(const struct so_cues *cues, const char *expected) {
    char all[4096] = "";
    for (size_t i = 0; i < cues->n; i++)
        for (size_t l = 0; l < cues->cues[i].n_lines; l++) {
            if (*all) strncat(all, l ? " - " : " / ", sizeof all - strlen(all) - 1);
            strncat(all, cues->cues[i].lines[l], sizeof all - strlen(all) - 1);
        }
    assert_string_equal(all, expected);
}

static void lines_are_filled_within_their_limit_and_about_equally(void **state) {
    (void)state;
    sotto_segment segment = spoken("aaaa bbbb cccc dddd eeee ffff", 0);
    sotto_format_options options = limits(19, 2);
    struct so_cues cues = shape(&segment, 1, &options);
    assert_lines(&cues, "aaaa bbbb cccc - dddd eeee ffff");
    assert_true(cues.cues[0].start == 0 && cues.cues[0].end == 1.5);
    so_cues_free(&cues);
    options = limits(14, 1);
    cues = shape(&segment, 1, &options);
    assert_lines(&cues, "aaaa bbbb cccc / dddd eeee ffff");
    assert_true(cues.cues[0].end == 0.75 && cues.cues[1].start == 0.75);
    so_cues_free(&cues);
}

static void cues_end_with_sentences_where_they_can(void **state) {
    (void)state;
    sotto_segment segment = spoken("One two three four five. Six seven eight nine ten eleven", 0);
    sotto_format_options options = limits(40, 1);
    struct so_cues cues = shape(&segment, 1, &options);
    assert_lines(&cues, "One two three four five. / Six seven eight nine ten eleven");
    so_cues_free(&cues);
}

static void no_word_is_divided_however_long(void **state) {
    (void)state;
    sotto_segment segment = spoken("a Donaudampfschifffahrtskapitaen b", 0);
    sotto_format_options options = limits(8, 2);
    struct so_cues cues = shape(&segment, 1, &options);
    assert_lines(&cues, "a - Donaudampfschifffahrtskapitaen / b");
    so_cues_free(&cues);
}

static void no_cue_reaches_over_a_long_pause(void **state) {
    (void)state;
    sotto_segment segment = spoken("so it|was done", 10);
    sotto_format_options options = limits(42, 2);
    struct so_cues cues = shape(&segment, 1, &options);
    assert_lines(&cues, "so it / was done");
    assert_true(cues.cues[0].end == 10.5 && cues.cues[1].start == 12.5);
    so_cues_free(&cues);
}

static void cues_are_not_shown_longer_than_the_limit(void **state) {
    (void)state;
    sotto_segment segment = spoken("a b c d e f g h i j k l", 0);
    sotto_format_options options = limits(42, 2);
    options.cue_max_seconds = 1;
    struct so_cues cues = shape(&segment, 1, &options);
    assert_int_equal(cues.n, 3);
    for (size_t i = 0; i < cues.n; i++) assert_true(cues.cues[i].end - cues.cues[i].start <= 1);
    so_cues_free(&cues);
}

static void short_cues_stay_until_the_next_one(void **state) {
    (void)state;
    const sotto_segment segments[] = {{.start = 1, .end = 1.2, .text = " Yes."}, {.start = 1.5, .end = 1.6, .text = " No."}};
    sotto_format_options options = limits(42, 2);
    options.cue_min_seconds = 1;
    struct so_cues cues = shape(segments, 2, &options);
    assert_int_equal(cues.n, 2);
    assert_true(cues.cues[0].end == 1.5);
    assert_true(cues.cues[1].end == 2.5);
    so_cues_free(&cues);
}

static void without_words_time_is_divided_by_width(void **state) {
    (void)state;
    const sotto_segment segment = {.start = 10, .end = 20, .text = " aaaa bbbb\ncccc  dddd eeee ffff gggg hhhh iiii jjjj"};
    sotto_format_options options = limits(24, 1);
    struct so_cues cues = shape(&segment, 1, &options);
    assert_lines(&cues, "aaaa bbbb cccc dddd eeee / ffff gggg hhhh iiii jjjj");
    assert_true(fabs(cues.cues[0].end - 15) < 1e-9 && fabs(cues.cues[1].start - 15) < 1e-9 && fabs(cues.cues[1].end - 20) < 1e-9);
    so_cues_free(&cues);
}

static void ideographs_count_twice_and_part_anywhere_but_before_a_mark(void **state) {
    (void)state;
    const sotto_segment segment = {.start = 0, .end = 4, .text = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u8d70\u5427"};
    sotto_format_options options = limits(12, 1);
    struct so_cues cues = shape(&segment, 1, &options);
    /* The mark stays with its character though 14 columns are more than 12: it begins no line. */
    for (size_t i = 0; i < cues.n; i++) {
        assert_true(strncmp(cues.cues[i].lines[0], "\u3002", 3) != 0);
        assert_true(strlen(cues.cues[i].lines[0]) <= 6 * 3);
    }
    assert_true(cues.n >= 2);
    so_cues_free(&cues);
}

static void words_without_a_space_between_them_stay_together(void **state) {
    (void)state;
    static const sotto_word parts[] = {{" twenty", 0, 1, 1, -1}, {"-one", 1, 2, 1, -1}, {" days", 2, 3, 1, -1}};
    const sotto_segment segment = {.start = 0, .end = 3, .text = " twenty-one days", .words = parts, .n_words = 3};
    struct so_arena arena = {0};
    struct so_unit *units;
    size_t n;
    assert_true(so_units_make(&segment, &arena, &units, &n));
    assert_int_equal(n, 2);
    assert_int_equal(units[0].length, strlen("twenty-one"));
    assert_memory_equal(units[0].text, "twenty-one", units[0].length);
    assert_true(units[0].start == 0 && units[0].end == 2 && units[1].start == 2);
    so_arena_free(&arena);
}

/** Letters of a text, without white space. */
static void squeeze(const char *from, char *to) {
    for (; *from; from++)
        if (*from != ' ' && *from != '\n') *to++ = *from;
    *to = '\0';
}

static void all_text_is_shown_in_order_within_every_limit(void **state) {
    (void)state;
    static char line[4096], all[8192], shown[8192], wanted[8192];
    for (unsigned round = 0; round < 60; round++) {
        size_t at = 0;
        unsigned random = round * 2654435761u + 1;
        for (size_t i = 0; i < 60; i++) {
            random = random * 1664525u + 1013904223u;
            size_t n = 1 + (random >> 24) % 9;
            for (size_t c = 0; c < n; c++) line[at++] = (char)('a' + (random >> 16) % 26);
            if ((random >> 10) % 7 == 0) line[at++] = ".,?!"[(random >> 13) % 4];
            line[at++] = (random >> 5) % 23 == 0 ? '|' : ' ';
        }
        line[at - 1] = '\0';
        sotto_segment segment = spoken(line, 3);
        if (round % 2) segment.words = NULL, segment.n_words = 0;
        sotto_format_options options = limits(12 + round, 1 + round % 3);
        struct so_cues cues = shape(&segment, 1, &options);
        all[0] = '\0';
        double last = 0;
        for (size_t i = 0; i < cues.n; i++) {
            const struct so_cue *cue = &cues.cues[i];
            assert_true(cue->n_lines >= 1 && cue->n_lines <= options.cue_lines);
            assert_true(cue->start >= last && cue->end >= cue->start);
            assert_true(cue->end - cue->start <= options.cue_max_seconds);
            last = cue->end;
            for (size_t l = 0; l < cue->n_lines; l++) {
                assert_true(strlen(cue->lines[l]) <= options.line_characters);
                strncat(all, cue->lines[l], sizeof all - strlen(all) - 1);
            }
        }
        squeeze(all, shown);
        squeeze(segment.text, wanted);
        assert_string_equal(shown, wanted);
        so_cues_free(&cues);
    }
}

static void the_public_call_refuses_impossible_limits(void **state) {
    (void)state;
    const sotto_segment segment = {.start = 0, .end = 1, .text = " one two three four"};
    const sotto_result result = {.text = "", .segments = &segment, .n_segments = 1, .duration = 2};
    sotto_format_options options = limits(8, 2);
    sotto_error err;
    char *out;
    size_t length;
    assert_int_equal(sotto_result_format_shaped(&result, SOTTO_FORMAT_SRT, "x", &options, &out, &length, &err), SOTTO_OK);
    assert_string_equal(out, "1\n00:00:00,000 --> 00:00:00,400\none two\n\n2\n00:00:00,400 --> 00:00:01,000\nthree\nfour\n\n");
    free(out);
#define WRONG(field, value)                                                                                                              \
    do {                                                                                                                                 \
        sotto_format_options wrong = options;                                                                                            \
        wrong.field = value;                                                                                                             \
        assert_int_equal(sotto_result_format_shaped(&result, SOTTO_FORMAT_VTT, "x", &wrong, &out, &length, &err), SOTTO_ERR_ARGUMENT);   \
        assert_null(out);                                                                                                                \
    } while (0)
    WRONG(version, 0);
    WRONG(line_characters, 7);
    WRONG(line_characters, 1001);
    WRONG(cue_lines, 0);
    WRONG(cue_lines, 11);
    WRONG(cue_max_seconds, 0.5);
    WRONG(cue_max_seconds, NAN);
    WRONG(cue_min_seconds, 8);
#undef WRONG
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_filled_within_their_limit_and_about_equally),
        cmocka_unit_test(cues_end_with_sentences_where_they_can),
        cmocka_unit_test(no_word_is_divided_however_long),
        cmocka_unit_test(no_cue_reaches_over_a_long_pause),
        cmocka_unit_test(cues_are_not_shown_longer_than_the_limit),
        cmocka_unit_test(short_cues_stay_until_the_next_one),
        cmocka_unit_test(without_words_time_is_divided_by_width),
        cmocka_unit_test(ideographs_count_twice_and_part_anywhere_but_before_a_mark),
        cmocka_unit_test(words_without_a_space_between_them_stay_together),
        cmocka_unit_test(all_text_is_shown_in_order_within_every_limit),
        cmocka_unit_test(the_public_call_refuses_impossible_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
