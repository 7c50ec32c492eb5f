#include "server/answer.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNIFICANT_DIGITS = 9 };

static json_t *rounded(double value, double unit) { return isfinite(value) ? json_real(rint(value * unit) / unit) : json_null(); }
static json_t *milliseconds(double seconds) { return rounded(seconds, 1e3); }
static json_t *ratio(double value) { return rounded(value, 1e6); }

static json_t *string(const char *text) {
    json_t *value = json_string(text);
    return value ? value : json_string("");
}

static const char *speaker_id(const sotto_result *result, int speaker) {
    return result && speaker >= 0 && (size_t)speaker < result->n_speakers ? result->speakers[speaker].id : NULL;
}

static void put_speaker(json_t *object, const sotto_result *result, int speaker) {
    const char *id = speaker_id(result, speaker);
    if (id) json_object_set_new(object, "speaker", string(id));
}

static json_t *word(const sotto_result *result, const sotto_word *w) {
    json_t *object = json_pack("{s:o,s:o,s:o,s:o}", "word", string(w->text), "start", milliseconds(w->start), "end",
                               milliseconds(w->end), "probability", ratio((double)w->probability));
    if (object) put_speaker(object, result, w->speaker);
    return object;
}

/** result: NULL while speakers are not known. */
static json_t *words_of(const sotto_result *result, const sotto_segment *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_words; i++) json_array_append_new(list, word(result, &s->words[i]));
    return list;
}

static json_t *segment(const sotto_result *result, const sotto_segment *s, bool words) {
    json_t *tokens = json_array();
    for (size_t i = 0; i < s->n_tokens; i++) json_array_append_new(tokens, json_integer(s->tokens[i]));
    json_t *object =
        json_pack("{s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", s->id, "seek", (int)(s->start * 100), "start",
                  milliseconds(s->start), "end", milliseconds(s->end), "text", string(s->text), "tokens", tokens, "temperature",
                  ratio((double)s->temperature), "avg_logprob", ratio((double)s->avg_logprob), "compression_ratio",
                  ratio((double)s->compression_ratio), "no_speech_prob", ratio((double)s->no_speech_prob));
    if (!object) return NULL;
    put_speaker(object, result, s->speaker);
    if (words && s->words) json_object_set_new(object, "words", words_of(result, s));
    return object;
}

/** A segment as OpenAI's diarized answers and events have it. */
static json_t *spoken(const sotto_result *result, const sotto_segment *s, bool words) {
    char id[32];
    snprintf(id, sizeof id, "seg_%d", s->id);
    json_t *object = json_pack("{s:s,s:s,s:o,s:o,s:o,s:n}", "type", "transcript.text.segment", "id", id, "start", milliseconds(s->start),
                               "end", milliseconds(s->end), "text", string(s->text), "speaker");
    if (object) put_speaker(object, result, s->speaker);
    if (object && words && s->words) json_object_set_new(object, "words", words_of(result, s));
    return object;
}

static json_t *all_spoken(const sotto_result *result) {
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_segments; i++) json_array_append_new(list, spoken(result, &result->segments[i], false));
    return list;
}

static json_t *segments(const sotto_result *result, bool words) {
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_segments; i++) json_array_append_new(list, segment(result, &result->segments[i], words));
    return list;
}

static json_t *all_words(const sotto_result *result) {
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_segments; i++)
        for (size_t k = 0; k < result->segments[i].n_words; k++) {
            sotto_word bare = result->segments[i].words[k]; /* OpenAI's have no blank before them */
            bare.text += strspn(bare.text, " ");
            json_array_append_new(list, word(result, &bare));
        }
    return list;
}

static json_t *speakers(const sotto_result *result) {
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_speakers; i++)
        json_array_append_new(list, json_pack("{s:o,s:o}", "id", string(result->speakers[i].id), "seconds",
                                              milliseconds(result->speakers[i].seconds)));
    return list;
}

static json_t *usage(double seconds) { return json_pack("{s:s,s:i}", "type", "duration", "seconds", (int)ceil(seconds)); }

/** What every JSON answer has, with or without speech. */
static json_t *common(const struct so_task *task, const sotto_result *result, double processing) {
    const struct so_request *r = &task->request;
    bool names = r->call != SO_CALL_OLD && r->shape == SO_SHAPE_VERBOSE;
    const char *name = names ? sotto_language_name(result->language) : NULL;
    return json_pack("{s:o,s:s,s:o,s:o,s:o,s:o,s:s,s:s,s:o,s:s,s:s,s:o}", "text", string(result->text), "task",
                     r->translate ? "translate" : "transcribe", "language", string(name ? name : result->language), "duration",
                     milliseconds(result->duration), "processing_time", milliseconds(processing), "realtime_factor",
                     ratio(processing > 0 ? result->duration / processing : 0), "hardware",
                     strcmp(result->device_path, "cpu") == 0 ? "cpu" : "npu", "device", result->device_path, "speakers",
                     speakers(result), "job_id", task->id, "model", result->model, "usage", usage(result->duration));
}

static char *json_answer(const struct so_task *task, const sotto_result *result, double processing, size_t *n) {
    const struct so_request *r = &task->request;
    json_t *root = common(task, result, processing);
    if (!root) return NULL;
    if (r->shape == SO_SHAPE_VERBOSE && (r->segments || !r->words))
        json_object_set_new(root, "segments", segments(result, r->call == SO_CALL_OLD));
    if (r->shape == SO_SHAPE_VERBOSE && r->words && r->call != SO_CALL_OLD) json_object_set_new(root, "words", all_words(result));
    if (r->shape == SO_SHAPE_DIARIZED) json_object_set_new(root, "segments", all_spoken(result));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(SIGNIFICANT_DIGITS));
    json_decref(root);
    *n = text ? strlen(text) : 0;
    return text;
}

char *so_answer(const struct so_task *task, const sotto_result *result, double processing, size_t *n, const char **type) {
    static const struct {
        sotto_format format;
        const char *type;
    } plain[] = {
        [SO_SHAPE_TEXT] = {SOTTO_FORMAT_TXT, "text/plain; charset=utf-8"},
        [SO_SHAPE_SRT] = {SOTTO_FORMAT_SRT, "application/x-subrip; charset=utf-8"},
        [SO_SHAPE_VTT] = {SOTTO_FORMAT_VTT, "text/vtt; charset=utf-8"},
    };
    enum so_shape shape = task->request.shape;
    char *text = NULL;
    if (shape != SO_SHAPE_TEXT && shape != SO_SHAPE_SRT && shape != SO_SHAPE_VTT) {
        *type = "application/json";
        return json_answer(task, result, processing, n);
    }
    *type = plain[shape].type;
    if (shape == SO_SHAPE_TEXT) { /* OpenAI's text is the whole text on one line */
        *n = strlen(result->text) + 1;
        text = malloc(*n + 1);
        if (text) snprintf(text, *n + 1, "%s\n", result->text);
        return text;
    }
    return sotto_result_format(result, plain[shape].format, NULL, &text, n, NULL) ? NULL : text;
}

static bool add_event(struct so_task *task, json_t *event) {
    char *json = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(SIGNIFICANT_DIGITS)) : NULL;
    bool ok = json && so_task_event(task, json);
    free(json);
    json_decref(event);
    return ok;
}

bool so_answer_segment_event(struct so_task *task, const sotto_result *result, const sotto_segment *s) {
    const char *text = s->text;
    if (task->n_text == 0) text += strspn(text, " ");
    task->n_text += strlen(text);
    json_t *event = spoken(result, s, true);
    bool ok = add_event(task, json_pack("{s:s,s:o}", "type", "transcript.text.delta", "delta", string(text)));
    return add_event(task, event) && ok;
}

bool so_answer_done_event(struct so_task *task, const sotto_result *result) {
    return add_event(task, json_pack("{s:s,s:o,s:s,s:o,s:s,s:s,s:o,s:o}", "type", "transcript.text.done", "text", string(result->text),
                                     "language", result->language, "duration", milliseconds(result->duration), "device",
                                     result->device_path, "job_id", task->id, "usage", usage(result->duration), "speakers",
                                     speakers(result)));
}
