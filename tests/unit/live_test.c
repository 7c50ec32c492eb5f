/* While somebody speaks: what is confirmed only grows, and in the end is what the whole recording says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/agree.h"
#include "sotto.h"
#include "synthetic.h"
#include "util/memory.h"

/** A pass over words of 0.4 s, one each half second from `from` on. */
static struct so_heard pass_of(const char *const *words, double from) {
    struct so_heard pass = {0};
    for (size_t i = 0; words[i]; i++)
        assert_int_equal(
            so_heard_add(&pass, words[i], from + 0.5 * (double)i, from + 0.5 * (double)i + 0.4, NULL),
            SOTTO_OK);
    return pass;
}

static void assert_pass(struct so_agreement *a, const char *const *words, double from, bool all,
                        const char *fresh_text, const char *pending) {
    struct so_heard pass = pass_of(words, from);
    size_t fresh;
    assert_int_equal(so_agree(a, &pass, all, &fresh, NULL), SOTTO_OK);
    char *text = so_heard_text(&pass, 0, fresh), *rest = so_heard_text(&a->pending, 0, a->pending.n);
    assert_string_equal(text, fresh_text);
    assert_string_equal(rest, pending);
    free(text);
    free(rest);
    so_heard_free(&pass);
}

#define WORDS(...)          \
    (const char *const[]) { \
        __VA_ARGS__, NULL   \
    }

static void what_two_passes_agree_on_is_confirmed(void **state) {
    (void)state;
    struct so_agreement a = {0};
    assert_pass(&a, WORDS(" The", " cat", " sad"), 1, false, "", " The cat sad");
    assert_pass(&a, WORDS(" The", " cat", " sat", " on"), 1, false, " The cat", " sat on");
    assert_pass(&a, WORDS(" The", " cat", " sat", " on", " it."), 1, false, " sat on", " it.");
    assert_pass(&a, WORDS(" The", " cat", " sat", " on", " it."), 1, true, " it.", "");
    so_agreement_free(&a);
}

static void a_later_pass_cannot_take_back(void **state) {
    (void)state;
    struct so_agreement a = {0};
    assert_pass(&a, WORDS(" one", " two"), 0, false, "", " one two");
    assert_pass(&a, WORDS(" one", " two"), 0, false, " one two", "");
    assert_pass(&a, WORDS(" won", " too", " three"), 0, false, "",
                " three"); /* what it says of settled sound is not asked */
    assert_pass(&a, WORDS(" won", " too", " three"), 0, false, " three", "");
    so_agreement_free(&a);
}

static void words_heard_again_a_little_later_are_not_said_twice(void **state) {
    (void)state;
    struct so_agreement a = {0};
    assert_pass(&a, WORDS(" we", " went", " home"), 5, true, " we went home", "");
    assert_pass(&a, WORDS(" went", " home", " early"), 5.8, false, "", " early");
    assert_pass(&a, WORDS(" home", " early"), 7, false, "",
                " home early"); /* a second home, after the first one's end */
    so_agreement_free(&a);
}

static void words_are_the_same_but_for_marks_and_capitals(void **state) {
    (void)state;
    assert_true(so_same_word(" Hello,", " hello") && so_same_word(" \"yes.\"", " Yes"));
    assert_false(so_same_word(" no", " now") || so_same_word(" it's", " its"));
    assert_true(so_same_word(" -", " -") && !so_same_word(" -", " ."));
    assert_true(so_same_word(" Stra\xc3\x9f"
                             "e.",
                             " stra\xc3\x9f"
                             "e"));
}

/** Everything that came of a stream. */
struct heard {
    char text[65536];
    size_t length, calls;
    double until, heard;
    bool last;
};

static void on_text(void *user, const sotto_live_text *text) {
    struct heard *h = user;
    size_t n = strlen(text->confirmed);
    assert_true(h->length + n < sizeof h->text);
    assert_false(h->last);
    assert_true(text->end >= h->until && text->heard >= h->heard && text->end <= text->heard + 0.1);
    assert_true(text->pass_seconds > 0);
    memcpy(h->text + h->length, text->confirmed, n + 1);
    h->length += n;
    h->calls++;
    h->until = text->end;
    h->heard = text->heard;
    h->last = text->last;
    if (text->last) assert_string_equal(text->partial, "");
}

static void push_all(const sotto_model *model, const sotto_options *options, const float *samples, size_t n,
                     size_t block, struct heard *h) {
    sotto_live *live;
    sotto_error err;
    if (sotto_live_open(model, NULL, options, on_text, h, &live, &err)) fail_msg("%s", err.message);
    for (size_t at = 0; at < n; at += block)
        if (sotto_live_push(live, samples + at, so_min(block, n - at), &err)) fail_msg("%s", err.message);
    assert_int_equal(sotto_live_finish(live, &err), SOTTO_OK);
    assert_int_equal(sotto_live_push(live, samples, 1, &err), SOTTO_ERR_ARGUMENT);
    sotto_live_close(live);
}

static void a_stream_of_noise_is_heard_to_its_end_in_blocks_of_any_size(void **state) {
    (void)state;
    enum { LENGTH = 70 * SOTTO_SAMPLE_RATE };
    char path[] = "/tmp/sotto-live-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    assert_int_equal(so_synthetic_write(path, &hp, SO_INT8, 3, NULL), SOTTO_OK);
    sotto_model *model;
    assert_int_equal(sotto_model_open(path, &model, NULL), SOTTO_OK);
    float *samples = malloc(LENGTH * sizeof *samples);
    assert_non_null(samples);
    so_synthetic_noise(samples, LENGTH);
    sotto_options options;
    sotto_options_init(&options);
    options.vad = false;
    options.language = "en";
    options.n_temperatures = 1;
    static const size_t blocks[] = {7777, SOTTO_SAMPLE_RATE * 3, LENGTH};
    for (size_t i = 0; i < 3; i++) {
        struct heard *h = calloc(1, sizeof *h);
        assert_non_null(h);
        push_all(model, &options, samples, LENGTH, blocks[i], h);
        assert_true(h->last && h->heard == 70);
        assert_in_range(h->calls, 14, 71); /* five seconds at most are new to a pass, one at least */
        free(h);
    }
    sotto_live *live;
    sotto_live_options how;
    sotto_live_options_init(&how);
    how.step = 0.1;
    assert_int_equal(sotto_live_open(model, &how, &options, on_text, NULL, &live, NULL), SOTTO_ERR_ARGUMENT);
    assert_null(live);
    sotto_live_close(NULL);
    sotto_model_close(model);
    free(samples);
    unlink(path);
}

/** Words without marks and capitals, one behind the other. */
static size_t split(char *text, char **words, size_t most) {
    size_t n = 0;
    for (char *at = text; *at; at++)
        *at = isalnum((unsigned char)*at) || *at == '\'' ? (char)tolower((unsigned char)*at) : ' ';
    for (char *word = strtok(text, " "); word && n < most; word = strtok(NULL, " ")) words[n++] = word;
    return n;
}

/** Words to change, add and leave out to make b of a. */
static size_t distance(char *const *a, size_t n, char *const *b, size_t m) {
    size_t *row = calloc(m + 1, sizeof *row);
    assert_non_null(row);
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0]++;
        for (size_t j = 1; j <= m; j++) {
            size_t change = corner + (strcmp(a[i - 1], b[j - 1]) != 0);
            corner = row[j];
            row[j] = so_min(change, 1 + so_min(row[j], row[j - 1]));
        }
    }
    size_t result = row[m];
    free(row);
    return result;
}

static sotto_status read_wav(const char *path, float **samples, size_t *n) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    sotto_audio *audio;
    sotto_status status = sotto_audio_open_fd(fileno(file), path, false, &audio, NULL);
    *samples = malloc((size_t)600 * SOTTO_SAMPLE_RATE * sizeof **samples);
    assert_non_null(*samples);
    if (!status) status = sotto_audio_read(audio, *samples, (size_t)600 * SOTTO_SAMPLE_RATE, n, NULL);
    sotto_audio_close(audio);
    fclose(file);
    return status;
}

static const char *recording;

static void the_final_text_is_close_to_the_whole_recordings(void **state) {
    (void)state;
    const char *path = getenv("SOTTO_TEST_MODEL");
    sotto_model *model = NULL;
    bool named = path && *path;
    sotto_status opened = recording ? sotto_model_open(named ? path : "base", &model, NULL) : SOTTO_ERR_IO;
    if (opened && !named) skip();
    assert_int_equal(opened, SOTTO_OK);
    float *samples;
    size_t n;
    assert_int_equal(read_wav(recording, &samples, &n), SOTTO_OK);
    sotto_options options;
    sotto_options_init(&options);
    options.language = "en";
    struct heard *h = calloc(1, sizeof *h);
    assert_non_null(h);
    push_all(model, &options, samples, n, SOTTO_SAMPLE_RATE, h);
    sotto_result *whole;
    assert_int_equal(sotto_transcribe_pcm(model, samples, n, &options, &whole, NULL), SOTTO_OK);
    char *text = strdup(whole->text), *ours[2000], *theirs[2000];
    assert_non_null(text);
    size_t n_ours = split(h->text, ours, 2000), n_theirs = split(text, theirs, 2000);
    size_t wrong = distance(theirs, n_theirs, ours, n_ours);
    printf("%zu of %zu words differ from the transcript of the whole\n", wrong, n_theirs);
    assert_true(n_theirs > 40);
    assert_true(5 * wrong <= n_theirs);
    free(text);
    sotto_result_free(whole);
    free(h);
    free(samples);
    sotto_model_close(model);
}

int main(int argc, char **argv) {
    recording = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_passes_agree_on_is_confirmed),
        cmocka_unit_test(a_later_pass_cannot_take_back),
        cmocka_unit_test(words_heard_again_a_little_later_are_not_said_twice),
        cmocka_unit_test(words_are_the_same_but_for_marks_and_capitals),
        cmocka_unit_test(a_stream_of_noise_is_heard_to_its_end_in_blocks_of_any_size),
        cmocka_unit_test(the_final_text_is_close_to_the_whole_recordings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
