/* Several transcriptions at once on one model's machine: each comes out as it does alone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sotto.h"
#include "synthetic.h"

enum { SECOND = SOTTO_SAMPLE_RATE, LENGTH = 70 * SECOND, KINDS = 6, CROWD = 4 };

static char model_path[] = "/tmp/sotto-shared-XXXXXX";
static sotto_model *model;
static float *samples; /* [LENGTH] */
static sotto_result *alone[KINDS];

/** Pieces of random length, the thread giving way now and then; an error after `fails` samples. */
struct reader {
    size_t at, n, fails;
    uint64_t seed, calls;
};

static sotto_status read_pieces(void *user, float *out, size_t capacity, size_t *n, sotto_error *err) {
    struct reader *r = user;
    uint64_t chance = so_synthetic_random(r->seed, 7, r->calls++);
    if (chance % 3 == 0) sched_yield();
    if (r->fails && r->at >= r->fails) {
        if (err) {
            err->code = SOTTO_ERR_IO;
            snprintf(err->message, sizeof err->message, "torn off");
        }
        return SOTTO_ERR_IO;
    }
    *n = 1 + (size_t)(chance >> 8) % (3 * SECOND);
    if (*n > capacity) *n = capacity;
    if (*n > r->n - r->at) *n = r->n - r->at;
    memcpy(out, samples + r->at, *n * sizeof *out);
    r->at += *n;
    return SOTTO_OK;
}

/** Recordings and options of different kinds. */
static size_t kind_of(int kind, sotto_options *o) {
    static const int seconds[KINDS] = {3, 64, 20, 31, 35, 33};
    sotto_options_init(o);
    o->language = "en";
    o->n_temperatures = 1;
    o->best_of = 2;
    o->threads = 2;
    o->vad = false;
    if (kind == 1) o->batch_size = 3;
    if (kind == 2) o->word_timestamps = true;
    if (kind == 3) o->beam_size = 3;
    if (kind == 4) o->sequential = true;
    if (kind == 5) {
        o->language = "auto";
        o->n_temperatures = 2;
    }
    return (size_t)seconds[kind] * SECOND;
}

static sotto_status transcribe(int kind, uint64_t seed, sotto_result **out) {
    sotto_options options;
    struct reader reader = {.n = kind_of(kind, &options), .seed = seed};
    return sotto_transcribe_stream(model, read_pieces, &reader, (double)reader.n / SECOND, &options, out, NULL);
}

static int set_up(void **state) {
    (void)state;
    setenv("SOTTO_MODELS", "/nonexistent", 1);
    int file = mkstemp(model_path);
    if (file < 0) return -1;
    close(file);
    struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    if (so_synthetic_write_terse(model_path, &hp, SO_INT8, 3, NULL)) return -1;
    if (sotto_model_open(model_path, &model, NULL)) return -1;
    samples = malloc(LENGTH * sizeof *samples);
    if (!samples) return -1;
    so_synthetic_noise(samples, LENGTH);
    for (int kind = 0; kind < KINDS; kind++)
        if (transcribe(kind, 1, &alone[kind])) return -1;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) sotto_result_free(alone[kind]);
    sotto_model_close(model);
    free(samples);
    return unlink(model_path);
}

static bool same(const sotto_result *a, const sotto_result *b) {
    bool equal = strcmp(a->text, b->text) == 0 && a->n_segments == b->n_segments;
    for (size_t i = 0; equal && i < a->n_segments; i++) {
        const sotto_segment *s = &a->segments[i], *t = &b->segments[i];
        equal = s->start == t->start && s->end == t->end && s->n_tokens == t->n_tokens && s->n_words == t->n_words &&
                memcmp(s->tokens, t->tokens, s->n_tokens * sizeof *s->tokens) == 0 &&
                memcmp(s->token_logprobs, t->token_logprobs, s->n_tokens * sizeof *s->token_logprobs) == 0 &&
                memcmp(&s->no_speech_prob, &t->no_speech_prob, sizeof s->no_speech_prob) == 0;
        for (size_t w = 0; equal && w < s->n_words; w++)
            equal = strcmp(s->words[w].text, t->words[w].text) == 0 && s->words[w].start == t->words[w].start &&
                    memcmp(&s->words[w].probability, &t->words[w].probability, sizeof(float)) == 0;
    }
    return equal;
}

/** One of a crowd: all kinds, each from another place on. */
static void *take_part(void *argument) {
    uintptr_t number = (uintptr_t)argument, wrong = 0;
    for (int i = 0; i < KINDS; i++) {
        int kind = (int)((number + (uintptr_t)i * (number % 2 ? 1 : KINDS - 1)) % KINDS);
        sotto_result *result = NULL;
        if (transcribe(kind, number * 100 + (uint64_t)i, &result) || !same(alone[kind], result)) wrong++;
        sotto_result_free(result);
    }
    return (void *)wrong;
}

/** Said after so many questions. */
static bool cancel_soon(void *user) {
    int *left = user;
    return --*left < 0;
}

static void *change_ones_mind(void *unused) {
    uintptr_t wrong = 0;
    (void)unused;
    for (int i = 0; i < 8; i++) {
        sotto_options options;
        sotto_result *result = NULL;
        int left = i * 3;
        size_t n = kind_of(1, &options);
        options.user = &left;
        options.cancel = cancel_soon;
        options.cancel_at_once = i % 2 == 0;
        sotto_status status = sotto_transcribe_pcm(model, samples, n, &options, &result, NULL);
        bool in_time = left < 0; /* how often it is asked depends on the others: it may be done before */
        wrong += in_time ? status != SOTTO_ERR_CANCELLED : status || !same(alone[1], result);
        wrong += i == 0 && !in_time;
        sotto_result_free(result);
    }
    return (void *)wrong;
}

static void *be_torn_off(void *unused) {
    uintptr_t wrong = 0;
    (void)unused;
    for (int i = 0; i < 4; i++) {
        sotto_options options;
        sotto_result *result = NULL;
        sotto_error err;
        struct reader reader = {.n = kind_of(1, &options), .fails = (size_t)(31 + 5 * i) * SECOND, .seed = (uint64_t)i};
        sotto_status status = sotto_transcribe_stream(model, read_pieces, &reader, 0, &options, &result, &err);
        wrong += status != SOTTO_ERR_IO || strcmp(err.message, "torn off") != 0;
        sotto_result_free(result);
    }
    return (void *)wrong;
}

static void each_of_many_gets_what_it_would_get_alone(void **state) {
    (void)state;
    pthread_t threads[CROWD + 2];
    void *wrong;
    for (uintptr_t i = 0; i < CROWD; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_part, (void *)i), 0);
    assert_int_equal(pthread_create(&threads[CROWD], NULL, change_ones_mind, NULL), 0);
    assert_int_equal(pthread_create(&threads[CROWD + 1], NULL, be_torn_off, NULL), 0);
    for (int i = 0; i < CROWD + 2; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_int_equal((uintptr_t)wrong, 0);
    }
}

static void texts_of_different_recordings_differ(void **state) {
    (void)state;
    for (int a = 0; a < KINDS; a++)
        for (int b = a + 1; b < KINDS; b++) assert_false(same(alone[a], alone[b]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_different_recordings_differ),
        cmocka_unit_test(each_of_many_gets_what_it_would_get_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
