/* Which tokens make a word, and what the public calls promise about words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "align/words.h"
#include "sotto.h"
#include "synthetic.h"
#include "test_model.h"
#include "util/compiler.h"

enum { SECOND = SOTTO_SAMPLE_RATE, LENGTH = 65 * SECOND, MAX_TOKENS = 128 };

/* ---- tokens to words ---- */

/** The words of a text with "|" between them; the spoken part of each in brackets where it is not all. */
static void assert_words(const struct so_vocab *vocab, const char *text, bool by_character, const char *expected) {
    int32_t tokens[MAX_TOKENS];
    struct so_token_word words[MAX_TOKENS];
    char got[1024] = "", part[256];
    size_t n = so_vocab_encode(vocab, text, strlen(text), tokens, MAX_TOKENS), at = 0;
    assert_true(n > 0 && n <= MAX_TOKENS);
    size_t count = so_token_words(vocab, tokens, n, by_character, words);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(words[i].first, at);
        assert_true(words[i].n > 0 && words[i].spoken >= words[i].first && words[i].n_spoken > 0);
        assert_true(words[i].spoken + words[i].n_spoken <= words[i].first + words[i].n);
        at += words[i].n;
        so_vocab_decode(vocab, tokens + words[i].first, words[i].n, part, sizeof part);
        if (i) strcat(got, "|");
        strcat(got, part);
        if (words[i].n_spoken == words[i].n) continue;
        so_vocab_decode(vocab, tokens + words[i].spoken, words[i].n_spoken, part, sizeof part);
        strcat(strcat(strcat(got, "["), part), "]");
    }
    assert_int_equal(at, n);
    assert_string_equal(got, expected);
}

static void words_begin_with_spaces_and_keep_their_punctuation(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_BASE;
    if (!model) skip();
    const struct so_vocab *vocab = &model->vocab;
    assert_words(vocab, " And so, my fellow Americans!", false, " And| so,[ so]| my| fellow| Americans![ Americans]");
    assert_words(vocab, " He said \"no\" (twice).", false, " He| said| \"no\"[ \"no]| (twice).[ (twice]");
    assert_words(vocab, " It's antidisestablishmentarianism...", false, " It's| antidisestablishmentarianism...[ antidisestablishmentarianism]");
    assert_words(vocab, " twenty-one days", false, " twenty|-one| days");
    assert_words(vocab, " Gr\u00fc\u00df Gott", false, " Gr\u00fc\u00df| Gott");
    assert_words(vocab, "Well", false, "Well");
    so_model_unmap(model);
}

static void scripts_without_spaces_are_divided_by_tokens_of_whole_characters(void **state) {
    (void)state;
    struct so_model *model = SO_TEST_BASE;
    if (!model) skip();
    assert_words(&model->vocab, "\u4f60\u597d\uff0c\u4e16\u754c\u3002", true, "\u4f60\u597d\uff0c[\u4f60\u597d]|\u4e16\u754c\u3002[\u4e16\u754c]");
    assert_true(so_language_without_spaces(so_language_index("ja")));
    assert_true(so_language_without_spaces(so_language_index("zh")));
    assert_false(so_language_without_spaces(so_language_index("ko")));
    assert_false(so_language_without_spaces(so_language_index("en")));
    assert_false(so_language_without_spaces(-1));
    so_model_unmap(model);
}

static void no_character_is_divided(void **state) {
    (void)state;
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    assert_int_equal(so_synthetic_vocab(51865, &builder, &vocab, NULL), SOTTO_OK);
    /* Single bytes: "a", the two bytes of e with acute accent, a byte that no character begins with, the three of an ideograph, and
     * two of one that does not end. */
    const int32_t tokens[] = {'a', 0xc3, 0xa9, 0xff, 0xe4, 0xb8, 0x96, 0xe4, 0xb8};
    struct so_token_word words[9];
    assert_int_equal(so_token_words(vocab, tokens, 9, true, words), 5);
    static const size_t lengths[] = {1, 2, 1, 3, 2};
    for (size_t i = 0; i < 5; i++) assert_int_equal(words[i].n, lengths[i]);
    assert_int_equal(so_token_words(vocab, tokens, 9, false, words), 1);
    assert_int_equal(words[0].n, 9);
    so_vocab_builder_free(builder);
}

/* ---- the public calls ---- */

static void assert_same_words(const sotto_result *a, const sotto_result *b) {
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->n_segments, b->n_segments);
    for (size_t i = 0; i < a->n_segments; i++) {
        const sotto_segment *s = &a->segments[i], *t = &b->segments[i];
        assert_true(s->start == t->start && s->end == t->end);
        assert_int_equal(s->n_words, t->n_words);
        for (size_t w = 0; w < s->n_words; w++) {
            assert_string_equal(s->words[w].text, t->words[w].text);
            assert_true(s->words[w].start == t->words[w].start && s->words[w].end == t->words[w].end);
            assert_true(s->words[w].probability == t->words[w].probability);
        }
    }
}

/** What holds for every result with words. Returns their number. */
static size_t check_words(const sotto_result *result) {
    static char joined[1 << 16];
    double last = 0;
    size_t n = 0;
    for (size_t i = 0; i < result->n_segments; i++) {
        const sotto_segment *segment = &result->segments[i];
        assert_non_null(segment->words);
        assert_true(segment->n_words > 0);
        joined[0] = '\0';
        for (size_t w = 0; w < segment->n_words; w++) {
            const sotto_word *word = &segment->words[w];
            assert_true(word->start >= last && word->end >= word->start && word->end <= result->duration);
            assert_true(word->probability > 0 && word->probability <= 1);
            assert_int_equal(word->speaker, -1);
            last = word->end;
            strncat(joined, word->text, sizeof joined - strlen(joined) - 1);
        }
        assert_string_equal(joined, segment->text);
        assert_true(segment->start == segment->words[0].start && segment->end == last);
        n += segment->n_words;
    }
    return n;
}

struct random_speech {
    char path[32];
    sotto_model *model;
    float *samples; /* [LENGTH] */
};

static int set_up(void **state) {
    static struct random_speech speech = {.path = "/tmp/sotto-words-XXXXXX"};
    int file = mkstemp(speech.path);
    if (file < 0) return -1;
    close(file);
    struct so_hparams hp = so_synthetic_hparams(64, 1, 2, 80, 51865);
    if (so_synthetic_write(speech.path, &hp, SO_INT8, 3, NULL) || sotto_model_open(speech.path, &speech.model, NULL)) return -1;
    speech.samples = malloc(LENGTH * sizeof *speech.samples);
    if (!speech.samples) return -1;
    so_synthetic_noise(speech.samples, LENGTH);
    *state = &speech;
    return 0;
}

static int tear_down(void **state) {
    struct random_speech *speech = *state;
    sotto_model_close(speech->model);
    free(speech->samples);
    return unlink(speech->path);
}

static sotto_options word_options(void) {
    sotto_options options;
    sotto_options_init(&options);
    options.language = "en";
    options.n_temperatures = 1;
    options.temperatures[0] = 1; /* what is drawn is more varied than what is likeliest */
    options.best_of = 1;
    options.threads = 1;
    options.vad = false;
    options.word_timestamps = true;
    return options;
}

static sotto_result *transcribe(const struct random_speech *speech, const sotto_options *options) {
    sotto_result *result;
    sotto_error err;
    if (sotto_transcribe_pcm(speech->model, speech->samples, LENGTH, options, &result, &err)) fail_msg("%s", err.message);
    return result;
}

static void words_hold_what_is_promised_whatever_is_said(void **state) {
    for (int mode = 0; mode < 8; mode++) {
        sotto_options options = word_options();
        options.sequential = mode & 1;
        options.no_word_snapping = mode & 2;
        options.no_timestamps = mode & 4;
        options.language = mode & 1 ? "ja" : "en";
        sotto_result *result = transcribe(*state, &options);
        size_t n = check_words(result);
        assert_true(n >= 3);
        sotto_result_free(result);
    }
}

static void words_change_no_text(void **state) {
    sotto_options options = word_options();
    sotto_result *with = transcribe(*state, &options);
    options.word_timestamps = false;
    sotto_result *without = transcribe(*state, &options);
    assert_string_equal(with->text, without->text);
    assert_int_equal(with->n_segments, without->n_segments);
    for (size_t i = 0; i < with->n_segments; i++) {
        assert_string_equal(with->segments[i].text, without->segments[i].text);
        assert_null(without->segments[i].words);
        assert_int_equal(without->segments[i].n_words, 0);
    }
    sotto_result_free(with);
    sotto_result_free(without);
}

static void words_do_not_depend_on_batch_or_threads(void **state) {
    sotto_options options = word_options();
    options.batch_size = 1;
    sotto_result *alone = transcribe(*state, &options);
    for (uint32_t size = 2; size <= 16; size += 7) {
        options.batch_size = size;
        options.threads = size == 2 ? 3 : 2;
        sotto_result *together = transcribe(*state, &options);
        assert_same_words(alone, together);
        sotto_result_free(together);
    }
    sotto_result_free(alone);
}

static void words_of_real_speech_hold_what_is_promised(void **state) {
    (void)state;
    struct so_model *there = SO_TEST_BASE;
    if (!there) skip();
    so_model_unmap(there);
    const char *given = getenv("SOTTO_TEST_MODEL");
    sotto_model *model;
    assert_int_equal(sotto_model_open(given && *given ? given : "base", &model, NULL), SOTTO_OK);
    for (int sequential = 0; sequential < 2; sequential++) {
        sotto_options options;
        sotto_options_init(&options);
        options.word_timestamps = true;
        options.sequential = sequential;
        sotto_result *result;
        sotto_error err;
        if (sotto_transcribe_file(model, SO_TEST_RECORDING, &options, &result, &err)) fail_msg("%s", err.message);
        assert_true(check_words(result) > 40);
        /* People do not say a word for two seconds here. */
        for (size_t i = 0; i < result->n_segments; i++)
            for (size_t w = 0; w < result->segments[i].n_words; w++)
                assert_true(result->segments[i].words[w].end - result->segments[i].words[w].start < 2);
        sotto_result_free(result);
    }
    sotto_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_begin_with_spaces_and_keep_their_punctuation),
        cmocka_unit_test(scripts_without_spaces_are_divided_by_tokens_of_whole_characters),
        cmocka_unit_test(no_character_is_divided),
        cmocka_unit_test(words_hold_what_is_promised_whatever_is_said),
        cmocka_unit_test(words_change_no_text),
        cmocka_unit_test(words_do_not_depend_on_batch_or_threads),
        cmocka_unit_test(words_of_real_speech_hold_what_is_promised),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
