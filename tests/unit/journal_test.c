/* The journal of unfinished work: what is written is read back to the bit, and no damage is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/journal.h"
#include "synthetic.h"

enum { CHUNKS = 5 };

static char path[] = "/tmp/sotto-journal-XXXXXX";
static char *bytes; /* [size] of a whole journal */
static long size;
static long ends[CHUNKS + 1]; /* file sizes after the head and after each chunk */

static void add(struct so_transcript *t, int number) {
    static const char *const texts[] = {" plain", " tab\tand\nline", " back\\slash\r", "",
                                        " \xe4\xbd\xa0\xe5\xa5\xbd \xff"};
    const int32_t tokens[] = {1, 50364 + number, 51864};
    const float logprobs[] = {-0.1f, -1e-30f, -17.25f};
    const sotto_word words[] = {{" one", number + 0.1, number + 0.2, 0.3f, -1},
                                {" t\two", number + 0.2, number + 0.7, 1, 4}};
    sotto_segment segment = {.start = number + 1.0 / 3,
                             .end = number + 0.9,
                             .text = texts[number % 5],
                             .language = number == 3 ? "de" : NULL,
                             .tokens = tokens,
                             .n_tokens = (size_t)(number % 4),
                             .token_logprobs = logprobs,
                             .temperature = 0.2f,
                             .avg_logprob = -0.7f,
                             .compression_ratio = 1.1f,
                             .no_speech_prob = 1e-9f,
                             .speaker = -1};
    if (number % 2) segment.words = words, segment.n_words = number == 1 ? 0 : 2;
    assert_int_equal(so_transcript_add(t, &segment, NULL, NULL), SOTTO_OK);
}

static struct so_transcript *make(void) {
    struct so_transcript *t;
    assert_int_equal(so_transcript_create("model", &t, NULL), SOTTO_OK);
    return t;
}

/** Segments of so many chunks: none in the second, two in the third. */
static size_t add_chunk(struct so_transcript *t, int chunk) {
    static const int counts[CHUNKS] = {1, 0, 2, 1, 1};
    size_t first = t->result.n_segments;
    for (int i = 0; i < counts[chunk]; i++) add(t, (int)t->result.n_segments);
    return first;
}

static int set_up(void **state) {
    (void)state;
    struct so_transcript *t = make();
    struct so_journal journal;
    struct so_journal_state at;
    int file = mkstemp(path);
    if (file < 0 || close(file)) return -1;
    if (so_journal_open(path, "f00d", false, t, &journal, &at, NULL)) return -1;
    ends[0] = ftell(journal.file);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        size_t first = add_chunk(t, chunk);
        t->result.language = chunk ? "fr" : "";
        t->result.language_probability = 0.625f;
        if (so_journal_chunk(&journal, t, first, (uint64_t)chunk + 1, chunk * 30.5, NULL)) return -1;
        ends[chunk + 1] = ftell(journal.file);
    }
    so_journal_close(&journal);
    so_transcript_free(t);
    FILE *whole = fopen(path, "rb");
    size = ends[CHUNKS];
    bytes = malloc((size_t)size);
    return !whole || !bytes || fread(bytes, 1, (size_t)size, whole) != (size_t)size || fclose(whole);
}

static int tear_down(void **state) {
    (void)state;
    free(bytes);
    return unlink(path);
}

static void write_file(const char *content, long n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, (size_t)n, file), n);
    assert_int_equal(fclose(file), 0);
}

static long file_size(void) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long n = ftell(file);
    fclose(file);
    return n;
}

static struct so_transcript *take_up(const char *fingerprint, struct so_journal_state *at) {
    struct so_transcript *t = make();
    struct so_journal journal;
    assert_int_equal(so_journal_open(path, fingerprint, true, t, &journal, at, NULL), SOTTO_OK);
    so_journal_close(&journal);
    return t;
}

static void assert_first_chunks(const struct so_transcript *t, uint64_t chunks) {
    struct so_transcript *expected = make();
    for (int chunk = 0; chunk < (int)chunks; chunk++) add_chunk(expected, chunk);
    assert_int_equal(t->result.n_segments, expected->result.n_segments);
    for (size_t i = 0; i < t->result.n_segments; i++) {
        const sotto_segment *a = &t->segments[i], *b = &expected->segments[i];
        assert_string_equal(a->text, b->text);
        assert_true(a->start == b->start && a->end == b->end && a->speaker == b->speaker);
        assert_memory_equal(&a->temperature, &b->temperature, sizeof a->temperature);
        assert_memory_equal(&a->no_speech_prob, &b->no_speech_prob, sizeof a->no_speech_prob);
        assert_int_equal(a->n_tokens, b->n_tokens);
        assert_memory_equal(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens);
        assert_memory_equal(a->token_logprobs, b->token_logprobs, a->n_tokens * sizeof *a->token_logprobs);
        assert_string_equal(a->language ? a->language : "none", b->language ? b->language : "none");
        assert_true(!a->words == !b->words);
        assert_int_equal(a->n_words, b->n_words);
        for (size_t w = 0; w < a->n_words; w++) {
            assert_string_equal(a->words[w].text, b->words[w].text);
            assert_true(a->words[w].start == b->words[w].start && a->words[w].speaker == b->words[w].speaker);
        }
    }
    so_transcript_free(expected);
}

static void what_was_written_is_read_back_to_the_bit(void **state) {
    (void)state;
    struct so_journal_state at;
    write_file(bytes, size);
    struct so_transcript *t = take_up("f00d", &at);
    assert_int_equal(at.chunks, CHUNKS);
    assert_true(at.end == 30.5 * (CHUNKS - 1));
    assert_string_equal(t->result.language, "fr");
    assert_true(t->result.language_probability == 0.625f);
    assert_first_chunks(t, CHUNKS);
    assert_int_equal(file_size(), size);
    so_transcript_free(t);
}

static void a_torn_journal_counts_up_to_its_last_whole_chunk(void **state) {
    (void)state;
    for (long n = 0; n <= size; n++) {
        struct so_journal_state at;
        write_file(bytes, n);
        struct so_transcript *t = take_up("f00d", &at);
        uint64_t whole = 0;
        while (whole < CHUNKS && n >= ends[whole + 1]) whole++;
        assert_int_equal(at.chunks, whole);
        assert_first_chunks(t, whole);
        assert_int_equal(file_size(), ends[whole]); /* what goes on is written behind it */
        so_transcript_free(t);
    }
}

static void another_recordings_journal_is_begun_anew(void **state) {
    (void)state;
    static const char *const others[] = {"f00e", "f00", "f00d0", ""};
    for (size_t i = 0; i < 4; i++) {
        struct so_journal_state at;
        write_file(bytes, size);
        struct so_transcript *t = take_up(others[i], &at);
        assert_int_equal(at.chunks, 0);
        assert_int_equal(t->result.n_segments, 0);
        assert_true(file_size() < size);
        so_transcript_free(t);
    }
}

static void damage_is_not_believed(void **state) {
    (void)state;
    char *damaged = malloc((size_t)size);
    assert_non_null(damaged);
    for (uint64_t i = 0; i < 3000; i++) {
        struct so_journal_state at;
        memcpy(damaged, bytes, (size_t)size);
        for (uint64_t k = 0; k <= i % 3; k++) {
            uint64_t r = so_synthetic_random(9, i, k);
            damaged[r % (uint64_t)size] = (char)(r >> 40);
        }
        write_file(damaged, size);
        struct so_transcript *t = take_up("f00d", &at);
        assert_in_range(at.chunks, 0, CHUNKS);
        for (size_t s = 0; s < t->result.n_segments; s++) assert_true(t->segments[s].start >= 0);
        so_transcript_free(t);
    }
    free(damaged);
}

static void a_folder_is_no_journal(void **state) {
    (void)state;
    struct so_transcript *t = make();
    struct so_journal journal;
    struct so_journal_state at;
    sotto_error err;
    assert_int_equal(so_journal_open("/", "f00d", false, t, &journal, &at, &err), SOTTO_ERR_IO);
    assert_null(journal.file);
    assert_int_equal(so_journal_open("/nonexistent/x", "f00d", true, t, &journal, &at, &err), SOTTO_ERR_IO);
    so_transcript_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back_to_the_bit),
        cmocka_unit_test(a_torn_journal_counts_up_to_its_last_whole_chunk),
        cmocka_unit_test(another_recordings_journal_is_begun_anew),
        cmocka_unit_test(damage_is_not_believed),
        cmocka_unit_test(a_folder_is_no_journal),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
