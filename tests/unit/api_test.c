/* The public calls, on a model whose random weights say nothing, but always the same nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/again.h"
#include "sotto.h"
#include "synthetic.h"

enum { SECOND = SOTTO_SAMPLE_RATE, LENGTH = 65 * SECOND };

static char model_path[] = "/tmp/sotto-api-XXXXXX";
static sotto_model *model;
static float *samples; /* [LENGTH] */

static int set_up(void **state) {
    (void)state;
    /* No file of the user's model folder takes part. */
    setenv("SOTTO_MODELS", "/nonexistent", 1);
    int file = mkstemp(model_path);
    if (file < 0) return -1;
    close(file);
    struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    if (so_synthetic_write(model_path, &hp, SO_INT8, 3, NULL)) return -1;
    if (sotto_model_open(model_path, &model, NULL)) return -1;
    samples = malloc(LENGTH * sizeof *samples);
    if (!samples) return -1;
    so_synthetic_noise(samples, LENGTH);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sotto_model_close(model);
    free(samples);
    return unlink(model_path);
}

static sotto_options fast_options(void) {
    sotto_options options;
    sotto_options_init(&options);
    options.language = "en";
    options.n_temperatures = 1;
    options.threads = 1;
    options.vad = false;
    return options;
}

static sotto_result *transcribe(size_t n, const sotto_options *options) {
    sotto_error err;
    sotto_result *result;
    sotto_status status = sotto_transcribe_pcm(model, samples, n, options, &result, &err);
    if (status) fail_msg("%s", err.message);
    return result;
}

static void assert_same(const sotto_result *a, const sotto_result *b) {
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->n_segments, b->n_segments);
    for (size_t i = 0; i < a->n_segments; i++) {
        const sotto_segment *s = &a->segments[i], *t = &b->segments[i];
        assert_true(s->start == t->start && s->end == t->end);
        assert_int_equal(s->n_tokens, t->n_tokens);
        assert_memory_equal(s->tokens, t->tokens, s->n_tokens * sizeof *s->tokens);
        assert_memory_equal(s->token_logprobs, t->token_logprobs, s->n_tokens * sizeof *s->token_logprobs);
        assert_memory_equal(&s->no_speech_prob, &t->no_speech_prob, sizeof s->no_speech_prob);
    }
}

static void check_whole(const sotto_options *options) {
    sotto_result *result = transcribe(LENGTH, options);
    assert_true(result->duration == 65);
    assert_true(result->n_segments >= 3);
    double last = 0;
    for (size_t i = 0; i < result->n_segments; i++) {
        assert_int_equal(result->segments[i].id, i);
        assert_true(result->segments[i].start >= last);
        assert_true(result->segments[i].end > result->segments[i].start && result->segments[i].end <= 65);
        last = result->segments[i].start;
    }
    assert_true(last > 30);
    assert_string_equal(result->language, "en");
    assert_string_equal(result->device_path, "cpu");
    assert_string_equal(result->model, "synthetic");
    assert_true(result->timing.total > 0 && result->timing.encode > 0 && result->timing.decode > 0);
    assert_true(result->matmuls_cpu > 0 && result->matmuls_npu == 0);
    sotto_result_free(result);
}

static void a_long_recording_is_heard_to_its_end(void **state) {
    (void)state;
    sotto_options options = fast_options();
    check_whole(&options);
    options.sequential = true;
    check_whole(&options);
}

static void the_batch_size_does_not_change_a_bit(void **state) {
    (void)state;
    sotto_options options = fast_options();
    options.n_temperatures = 2; /* the second attempt is drawn */
    options.temperatures[1] = 0.8f;
    options.language = NULL;
    options.best_of = 2;
    options.batch_size = 1;
    sotto_result *alone = transcribe(LENGTH, &options);
    for (uint32_t size = 2; size <= 64; size *= 32) {
        options.batch_size = size;
        sotto_result *together = transcribe(LENGTH, &options);
        assert_same(alone, together);
        assert_string_equal(alone->language, together->language);
        sotto_result_free(together);
    }
    sotto_result_free(alone);
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    sotto_options options = fast_options();
    options.temperatures[0] = 0.7f;
    options.best_of = 2;
    sotto_result *one = transcribe(LENGTH, &options);
    options.threads = 3;
    sotto_result *three = transcribe(LENGTH, &options);
    assert_same(one, three);
    options.seed = 1;
    sotto_result *other = transcribe(LENGTH, &options);
    assert_string_not_equal(one->text, other->text);
    sotto_result_free(one);
    sotto_result_free(three);
    sotto_result_free(other);
}

static void what_is_kept_from_call_to_call_changes_nothing(void **state) {
    (void)state;
    static const size_t lengths[] = {LENGTH, 9 * SECOND, 31 * SECOND};
    sotto_options options = fast_options();
    struct so_machine_hold kept = {0};
    options.threads = 2;
    options.language = NULL;
    for (size_t i = 0; i < 3; i++) {
        sotto_error err;
        options.sequential = i == 2;
        sotto_result *alone = transcribe(lengths[i], &options), *after;
        if (so_transcribe_again(model, samples, lengths[i], &options, &kept, &after, &err)) fail_msg("%s", err.message);
        assert_non_null(kept.machine);
        assert_same(alone, after);
        assert_string_equal(alone->language, after->language);
        sotto_result_free(alone);
        sotto_result_free(after);
    }
    so_machine_let_go(&kept);
}

static void *transcribe_in_thread(void *unused) {
    (void)unused;
    sotto_options options = fast_options();
    return transcribe(20 * SECOND, &options);
}

static void one_model_serves_several_threads(void **state) {
    (void)state;
    sotto_options options = fast_options();
    sotto_result *alone = transcribe(20 * SECOND, &options);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, transcribe_in_thread, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_same(alone, result);
        sotto_result_free(result);
    }
    sotto_result_free(alone);
}

static void empty_pcm_is_an_error_and_short_pcm_is_not(void **state) {
    (void)state;
    sotto_options options = fast_options();
    sotto_error err;
    sotto_result *result;
    assert_int_equal(sotto_transcribe_pcm(model, samples, 0, &options, &result, &err), SOTTO_ERR_MEDIA);
    assert_null(result);
    assert_non_null(strstr(err.message, "no audio samples"));
    for (int sequential = 0; sequential < 2; sequential++) {
        options.sequential = sequential;
        options.language = "en";
        sotto_result_free(transcribe(1, &options));
        options.language = NULL;
        sotto_result_free(transcribe(1, &options));
        result = transcribe(320, &options);
        assert_true(result->duration == 0.02);
        assert_true(strlen(result->language) >= 2); /* it was heard, however short */
        sotto_result_free(result);
    }
}

static void the_language_is_asked_for_when_it_is_not_given(void **state) {
    (void)state;
    sotto_options options = fast_options();
    for (int sequential = 0; sequential < 2; sequential++) {
        options.sequential = sequential;
        options.language = NULL;
        sotto_result *result = transcribe(5 * SECOND, &options);
        assert_true(strlen(result->language) >= 2);
        assert_true(result->language_probability > 0 && result->language_probability < 1);
        sotto_result_free(result);
        options.language = "german";
        result = transcribe(5 * SECOND, &options);
        assert_string_equal(result->language, "de");
        assert_true(result->language_probability == 1);
        sotto_result_free(result);
    }
}

static void languages_can_be_asked_for_by_segment(void **state) {
    (void)state;
    sotto_options options = fast_options();
    options.language = NULL;
    for (int sequential = 0; sequential < 2; sequential++) {
        options.sequential = sequential;
        options.language_per_segment = false;
        sotto_result *whole = transcribe(LENGTH, &options);
        for (size_t i = 0; i < whole->n_segments; i++) assert_null(whole->segments[i].language);
        options.language_per_segment = true;
        options.language_floor = 1; /* nothing is so sure: all is in the recording's language */
        sotto_result *by_segment = transcribe(LENGTH, &options);
        if (!sequential) assert_same(whole, by_segment);
        for (size_t i = 0; i < by_segment->n_segments; i++)
            if (!sequential) assert_string_equal(by_segment->segments[i].language, whole->language);
        sotto_result_free(by_segment);
        options.language_floor = 0;
        options.batch_size = 1;
        by_segment = transcribe(LENGTH, &options);
        char *json;
        assert_int_equal(sotto_result_format(by_segment, SOTTO_FORMAT_JSON, NULL, &json, NULL, NULL), SOTTO_OK);
        for (size_t i = 0; i < by_segment->n_segments; i++) assert_non_null(by_segment->segments[i].language);
        assert_non_null(strstr(strstr(json, "\"segments\""), "\"language\":"));
        free(json);
        options.batch_size = 16;
        sotto_result *together = transcribe(LENGTH, &options);
        assert_same(by_segment, together);
        sotto_result_free(together);
        sotto_result_free(by_segment);
        sotto_result_free(whole);
    }
    options = fast_options();
    options.language = "de";
    options.language_per_segment = true;
    options.language_floor = 1;
    sotto_result *given = transcribe(5 * SECOND, &options);
    for (size_t i = 0; i < given->n_segments; i++) assert_string_equal(given->segments[i].language, "de");
    sotto_result_free(given);
}

static void on_doubt(void *user, sotto_log_level level, const char *message) {
    if (level == SOTTO_LOG_WARNING && strstr(message, "language is not certain")) ++*(int *)user;
}

static void a_language_below_the_floor_is_a_warning(void **state) {
    (void)state;
    int warnings = 0;
    sotto_options options = fast_options();
    options.language = NULL;
    options.user = &warnings;
    options.on_log = on_doubt;
    options.language_floor = 0;
    sotto_result_free(transcribe(5 * SECOND, &options));
    assert_int_equal(warnings, 0);
    options.language_floor = 0.99f; /* random weights are not sure of anything */
    sotto_result *result = transcribe(5 * SECOND, &options);
    assert_int_equal(warnings, 1);
    assert_true(result->language_probability < 0.99f);
    sotto_result_free(result);
}

static void on_warning(void *user, sotto_log_level level, const char *message) {
    assert_int_equal(level, SOTTO_LOG_WARNING);
    if (strstr(message, "silero-vad")) ++*(int *)user;
}

static void a_missing_speech_detector_is_a_warning(void **state) {
    (void)state;
    int warnings = 0;
    sotto_options options = fast_options();
    options.vad = true;
    options.user = &warnings;
    options.on_log = on_warning;
    sotto_result_free(transcribe(SECOND, &options));
    assert_int_equal(warnings, 1);
    options.vad = false;
    sotto_result_free(transcribe(SECOND, &options));
    assert_int_equal(warnings, 1);
}

static void odd_samples_do_no_harm(void **state) {
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-45f};
    float *wild = malloc(SECOND * sizeof *wild);
    assert_non_null(wild);
    for (int i = 0; i < SECOND; i++) wild[i] = odd[i % 6];
    sotto_options options = fast_options();
    sotto_result *result;
    assert_int_equal(sotto_transcribe_pcm(model, wild, SECOND, &options, &result, NULL), SOTTO_OK);
    for (size_t i = 0; i < result->n_segments; i++) assert_true(isfinite(result->segments[i].avg_logprob));
    sotto_result_free(result);
    free(wild);
}

struct watch {
    size_t segments, asked;
    double done, total;
    size_t cancel_after; /* segments */
};

static void on_segment(void *user, const sotto_segment *segment) {
    struct watch *watch = user;
    assert_int_equal(segment->id, watch->segments++);
}

static void on_progress(void *user, double done, double total) {
    struct watch *watch = user;
    assert_true(done >= watch->done);
    watch->done = done;
    watch->total = total;
}

static bool cancel(void *user) {
    struct watch *watch = user;
    watch->asked++;
    return watch->segments >= watch->cancel_after;
}

static void callbacks_hear_of_segments_and_progress(void **state) {
    (void)state;
    struct watch watch = {.cancel_after = SIZE_MAX};
    sotto_options options = fast_options();
    options.user = &watch;
    options.on_segment = on_segment;
    options.on_progress = on_progress;
    options.cancel = cancel;
    sotto_result *result = transcribe(LENGTH, &options);
    assert_int_equal(watch.segments, result->n_segments);
    assert_true(watch.done == 65 && watch.total == 65);
    assert_true(watch.asked > 50);
    sotto_result_free(result);
}

static void cancelling_keeps_what_was_finished(void **state) {
    (void)state;
    struct watch watch = {.cancel_after = 1};
    sotto_options options = fast_options();
    options.sequential = true;
    options.user = &watch;
    options.on_segment = on_segment;
    options.cancel = cancel;
    sotto_error err;
    sotto_result *result;
    assert_int_equal(sotto_transcribe_pcm(model, samples, LENGTH, &options, &result, &err), SOTTO_ERR_CANCELLED);
    assert_non_null(result);
    assert_true(result->n_segments >= 1 && result->n_segments == watch.segments);
    options = fast_options();
    options.sequential = true;
    sotto_result *whole = transcribe(LENGTH, &options);
    assert_true(whole->n_segments > result->n_segments);
    assert_true(strncmp(whole->text, result->text, strlen(result->text)) == 0);
    sotto_result_free(whole);
    sotto_result_free(result);
}

static void cancelled_chunks_in_work_are_finished_unless_dropped(void **state) {
    (void)state;
    struct watch watch = {.cancel_after = 1};
    sotto_options options = fast_options();
    options.batch_size = 2;
    sotto_result *whole = transcribe(LENGTH, &options), *result;
    options.user = &watch;
    options.on_segment = on_segment;
    options.cancel = cancel;
    assert_int_equal(sotto_transcribe_pcm(model, samples, LENGTH, &options, &result, NULL), SOTTO_ERR_CANCELLED);
    assert_same(whole, result); /* all of its chunks are in work when the first one is finished */
    assert_int_equal(watch.segments, whole->n_segments);
    sotto_result_free(result);
    watch.segments = 0;
    options.cancel_at_once = true;
    assert_int_equal(sotto_transcribe_pcm(model, samples, LENGTH, &options, &result, NULL), SOTTO_ERR_CANCELLED);
    assert_in_range(result->n_segments, 1, whole->n_segments - 1);
    assert_true(strncmp(whole->text, result->text, strlen(result->text)) == 0);
    sotto_result_free(result);
    sotto_result_free(whole);
}

static void wrong_options_are_the_callers_mistake(void **state) {
    (void)state;
    sotto_error err;
    sotto_result *result;
    sotto_options good = fast_options();
    assert_int_equal(sotto_options_check(NULL, &good, &err), SOTTO_OK);
    assert_int_equal(sotto_options_check(model, &good, &err), SOTTO_OK);
    assert_string_equal(err.message, "");
#define WRONG(field, value, expected)                                                                                  \
    do {                                                                                                               \
        sotto_options wrong = good;                                                                                    \
        wrong.field = value;                                                                                           \
        assert_int_equal(sotto_options_check(NULL, &wrong, &err), expected);                                           \
        assert_true(strlen(err.message) > 10);                                                                         \
        assert_int_equal(sotto_transcribe_pcm(model, samples, SECOND, &wrong, &result, NULL), expected);               \
        assert_null(result);                                                                                           \
    } while (0)
    WRONG(version, 0, SOTTO_ERR_ARGUMENT);
    WRONG(language, "klingon", SOTTO_ERR_ARGUMENT);
    WRONG(language_floor, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(task, (sotto_task)7, SOTTO_ERR_ARGUMENT);
    WRONG(beam_size, 0, SOTTO_ERR_ARGUMENT);
    WRONG(beam_size, 65, SOTTO_ERR_ARGUMENT);
    WRONG(best_of, 0, SOTTO_ERR_ARGUMENT);
    WRONG(patience, 0, SOTTO_ERR_ARGUMENT);
    WRONG(patience, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(patience, 0.4f, SOTTO_ERR_ARGUMENT);
    WRONG(length_penalty, 1.5f, SOTTO_ERR_ARGUMENT);
    WRONG(length_penalty, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(n_temperatures, 0, SOTTO_ERR_ARGUMENT);
    WRONG(n_temperatures, 9, SOTTO_ERR_ARGUMENT);
    WRONG(temperatures[0], -1, SOTTO_ERR_ARGUMENT);
    WRONG(temperatures[0], NAN, SOTTO_ERR_ARGUMENT);
    WRONG(channel, -2, SOTTO_ERR_ARGUMENT);
    WRONG(stream, -2, SOTTO_ERR_ARGUMENT);
    WRONG(max_duration, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(max_duration, -1, SOTTO_ERR_ARGUMENT);
    WRONG(threads, 2000, SOTTO_ERR_ARGUMENT);
    WRONG(vad_threshold, 0, SOTTO_ERR_ARGUMENT);
    WRONG(vad_threshold, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(vad_min_speech, 2.1, SOTTO_ERR_ARGUMENT);
    WRONG(vad_min_silence, -1, SOTTO_ERR_ARGUMENT);
    WRONG(vad_pad, NAN, SOTTO_ERR_ARGUMENT);
    WRONG(batch_size, 0, SOTTO_ERR_ARGUMENT);
    WRONG(batch_size, 65, SOTTO_ERR_ARGUMENT);
    WRONG(device, (sotto_device)9, SOTTO_ERR_ARGUMENT);
#undef WRONG
    assert_int_equal(sotto_transcribe_pcm(NULL, samples, SECOND, &good, &result, NULL), SOTTO_ERR_ARGUMENT);
}

static void beams_and_prompts_are_understood(void **state) {
    (void)state;
    sotto_options options = fast_options();
    options.sequential = true;
    sotto_result *greedy = transcribe(30 * SECOND, &options);
    options.beam_size = 4;
    sotto_result *beams = transcribe(30 * SECOND, &options);
    options.beam_size = 1;
    options.initial_prompt = "ab";
    options.hotwords = "cd, ef";
    sotto_result *prompted = transcribe(30 * SECOND, &options);
    assert_string_not_equal(greedy->text, prompted->text);
    assert_string_not_equal(greedy->text, beams->text);
    sotto_result_free(greedy);
    sotto_result_free(beams);
    sotto_result_free(prompted);
}

static void on_length(void *user, sotto_log_level level, const char *message) {
    if (level != SOTTO_LOG_WARNING) return;
    *(int *)user += strstr(message, "hot words") ? 1 : strstr(message, "prompt") ? 100 : 0;
}

static void prompts_and_hot_words_reach_every_chunk_and_their_length_is_checked(void **state) {
    (void)state;
    int warnings = 0;
    sotto_options options = fast_options();
    options.user = &warnings;
    options.on_log = on_length;
    sotto_result *plain = transcribe(LENGTH, &options);
    options.hotwords = "ab, cd";
    options.initial_prompt = "ef";
    sotto_result *told = transcribe(LENGTH, &options);
    assert_int_equal(warnings, 0);
    const sotto_segment *last = &plain->segments[plain->n_segments - 1], *last_told = &told->segments[told->n_segments - 1];
    assert_string_not_equal(last->text, last_told->text); /* the last chunk heard of them too */
    sotto_result_free(told);
    sotto_result_free(plain);
    char *text = malloc(20001);
    assert_non_null(text);
    for (int i = 0; i < 20000; i++) text[i] = (char)(i % 7 == 6 ? ',' : i % 5 == 0 ? '\xff' : 'a' + i % 26);
    text[20000] = '\0';
    options.hotwords = options.initial_prompt = text;
    sotto_result_free(transcribe(5 * SECOND, &options));
    assert_int_equal(warnings, 101);
    free(text);
}

static void languages_are_listed_in_the_models_order(void **state) {
    (void)state;
    assert_string_equal(sotto_language(0), "en");
    assert_string_equal(sotto_language(1), "zh");
    assert_non_null(sotto_language(99));
    assert_null(sotto_language(100));
    assert_true(strlen(sotto_cpu_level()) > 1);
    sotto_result_free(NULL);
}

struct pieces {
    const float *samples;
    size_t n, at, piece;
    sotto_status fails; /* at the end */
};

static sotto_status read_pieces(void *user, float *out, size_t capacity, size_t *n, sotto_error *err) {
    struct pieces *p = user;
    size_t take = p->n - p->at < p->piece ? p->n - p->at : p->piece;
    *n = take < capacity ? take : capacity;
    memcpy(out, p->samples + p->at, *n * sizeof *out);
    p->at += *n;
    if (*n == 0 && p->fails) snprintf(err->message, sizeof err->message, "the reader failed");
    return *n == 0 ? p->fails : SOTTO_OK;
}

static void samples_in_pieces_give_the_same_result(void **state) {
    (void)state;
    sotto_options options = fast_options();
    sotto_result *whole = transcribe(LENGTH, &options), *pieced;
    struct pieces pieces = {samples, LENGTH, 0, 777, SOTTO_OK};
    sotto_error err;
    assert_int_equal(sotto_transcribe_stream(model, read_pieces, &pieces, 65, &options, &pieced, &err), SOTTO_OK);
    assert_same(whole, pieced);
    sotto_result_free(whole);
    sotto_result_free(pieced);
}

static void a_reader_that_fails_fails_the_transcription(void **state) {
    (void)state;
    sotto_options options = fast_options();
    struct pieces pieces = {samples, SECOND, 0, 777, SOTTO_ERR_MEDIA};
    sotto_error err;
    sotto_result *result;
    assert_int_equal(sotto_transcribe_stream(model, read_pieces, &pieces, 0, &options, &result, &err), SOTTO_ERR_MEDIA);
    assert_string_equal(err.message, "the reader failed");
    assert_null(result);
    assert_int_equal(sotto_transcribe_stream(model, NULL, NULL, 0, &options, &result, &err), SOTTO_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_in_pieces_give_the_same_result),
        cmocka_unit_test(a_reader_that_fails_fails_the_transcription),
        cmocka_unit_test(a_long_recording_is_heard_to_its_end),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(what_is_kept_from_call_to_call_changes_nothing),
        cmocka_unit_test(the_batch_size_does_not_change_a_bit),
        cmocka_unit_test(the_language_is_asked_for_when_it_is_not_given),
        cmocka_unit_test(languages_can_be_asked_for_by_segment),
        cmocka_unit_test(a_language_below_the_floor_is_a_warning),
        cmocka_unit_test(a_missing_speech_detector_is_a_warning),
        cmocka_unit_test(one_model_serves_several_threads),
        cmocka_unit_test(empty_pcm_is_an_error_and_short_pcm_is_not),
        cmocka_unit_test(odd_samples_do_no_harm),
        cmocka_unit_test(callbacks_hear_of_segments_and_progress),
        cmocka_unit_test(cancelling_keeps_what_was_finished),
        cmocka_unit_test(cancelled_chunks_in_work_are_finished_unless_dropped),
        cmocka_unit_test(wrong_options_are_the_callers_mistake),
        cmocka_unit_test(beams_and_prompts_are_understood),
        cmocka_unit_test(prompts_and_hot_words_reach_every_chunk_and_their_length_is_checked),
        cmocka_unit_test(languages_are_listed_in_the_models_order),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
