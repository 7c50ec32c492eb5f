#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/output.h"

enum { SIGNIFICANT_DIGITS = 9 }; // enough to give back any float, and milliseconds for eleven days

/** null where a number is not finite, which JSON cannot say. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/** The shortest decimal number that reads back as the same float: 0.2, not 0.200000003. */
static json_t *single(float value) {
    if (!isfinite(value)) return json_null();
    char text[32];
    double shortest = (double)value;
    for (int digits = 1; digits <= SIGNIFICANT_DIGITS; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        shortest = strtod(text, NULL);
        if ((float)shortest == value) break;
    }
    return json_real(shortest);
}

static json_t *milliseconds(double seconds) { return number(rint(seconds * 1e3) / 1e3); }
static json_t *microseconds(double seconds) { return number(rint(seconds * 1e6) / 1e6); }
static json_t *count(uint64_t n) { return json_integer((json_int_t)(n < INT64_MAX ? n : INT64_MAX)); }

/** Names from outside may be no UTF-8: what is not ASCII is then shown as '?'. */
static json_t *string(const char *text) {
    json_t *value = json_string(text);
    if (value) return value;
    char *ascii = strdup(text);
    if (!ascii) return NULL;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    value = json_string(ascii);
    free(ascii);
    return value;
}

/** Put `value` (taken over) into an object; NULL at any stage means that memory is short. */
static void put(json_t *object, const char *key, json_t *value, bool *ok) {
    if (json_object_set_new(object, key, value)) *ok = false;
}

static void append(json_t *array, json_t *value, bool *ok) {
    if (json_array_append_new(array, value)) *ok = false;
}

static void put_speaker(json_t *object, const sotto_result *result, int speaker, bool *ok) {
    if (speaker >= 0 && (size_t)speaker < result->n_speakers)
        put(object, "speaker", string(result->speakers[speaker].id), ok);
}

/** Only where it is so: most is not. */
static void put_overlap(json_t *object, bool overlap, bool *ok) {
    if (overlap) put(object, "overlap", json_true(), ok);
}

static json_t *words(const sotto_result *result, const sotto_segment *segment, bool *ok) {
    json_t *array = json_array();
    for (size_t i = 0; i < segment->n_words; i++) {
        const sotto_word *word = &segment->words[i];
        json_t *object = json_object();
        put(object, "word", string(word->text), ok);
        put(object, "start", milliseconds(word->start), ok);
        put(object, "end", milliseconds(word->end), ok);
        put(object, "probability", single(word->probability), ok);
        put_speaker(object, result, word->speaker, ok);
        put_overlap(object, word->overlap, ok);
        append(array, object, ok);
    }
    return array;
}

static json_t *segment_object(const sotto_result *result, const sotto_segment *segment, bool *ok) {
    json_t *object = json_object(), *tokens = json_array(), *logprobs = json_array();
    for (size_t i = 0; i < segment->n_tokens; i++) {
        append(tokens, json_integer(segment->tokens[i]), ok);
        append(logprobs, single(segment->token_logprobs[i]), ok);
    }
    put(object, "id", json_integer(segment->id), ok);
    put(object, "start", milliseconds(segment->start), ok);
    put(object, "end", milliseconds(segment->end), ok);
    put(object, "text", string(segment->text), ok);
    if (segment->language) put(object, "language", string(segment->language), ok);
    put(object, "tokens", tokens, ok);
    put(object, "temperature", single(segment->temperature), ok);
    put(object, "avg_logprob", single(segment->avg_logprob), ok);
    put(object, "compression_ratio", single(segment->compression_ratio), ok);
    put(object, "no_speech_prob", single(segment->no_speech_prob), ok);
    put(object, "token_logprobs", logprobs, ok);
    put_speaker(object, result, segment->speaker, ok);
    put_overlap(object, segment->overlap, ok);
    if (segment->words) put(object, "words", words(result, segment, ok), ok);
    return object;
}

static json_t *speakers(const sotto_result *result, bool *ok) {
    json_t *array = json_array();
    for (size_t i = 0; i < result->n_speakers; i++) {
        const sotto_speaker *speaker = &result->speakers[i];
        json_t *object = json_object(), *voice = speaker->voice ? json_array() : NULL;
        put(object, "id", string(speaker->id), ok);
        put(object, "seconds", milliseconds(speaker->seconds), ok);
        if (speaker->known) put(object, "known", json_true(), ok);
        if (speaker->score != 0) put(object, "score", milliseconds((double)speaker->score), ok);
        for (size_t j = 0; voice && j < SOTTO_VOICE_SIZE; j++) append(voice, single(speaker->voice[j]), ok);
        if (voice) put(object, "voice", voice, ok);
        append(array, object, ok);
    }
    return array;
}

static json_t *turns(const sotto_result *result, bool *ok) {
    json_t *array = json_array();
    for (size_t i = 0; i < result->n_turns; i++) {
        json_t *object = json_object();
        put(object, "start", milliseconds(result->turns[i].start), ok);
        put(object, "end", milliseconds(result->turns[i].end), ok);
        put_speaker(object, result, result->turns[i].speaker, ok);
        append(array, object, ok);
    }
    return array;
}

static void put_products(json_t *object, const char *key, sotto_products products, bool *ok) {
    json_t *pair = json_object();
    put(pair, "cpu", count(products.cpu), ok);
    put(pair, "npu", count(products.npu), ok);
    put(object, key, pair, ok);
}

static json_t *product_counts(const sotto_product_counts *p, bool *ok) {
    json_t *object = json_object();
    put_products(object, "encoder", p->encoder, ok);
    put_products(object, "cross", p->cross, ok);
    put_products(object, "decoder", p->decoder, ok);
    put_products(object, "convolution", p->convolution, ok);
    put_products(object, "qk", p->qk, ok);
    put_products(object, "pv", p->pv, ok);
    put_products(object, "decoder_qk", p->decoder_qk, ok);
    put_products(object, "decoder_pv", p->decoder_pv, ok);
    put_products(object, "logits", p->logits, ok);
    return object;
}

static json_t *device(const sotto_result *result, bool *ok) {
    json_t *object = json_object();
    put(object, "path", string(result->device_path), ok);
    put(object, "matmuls_cpu", count(result->matmuls_cpu), ok);
    put(object, "matmuls_npu", count(result->matmuls_npu), ok);
    put(object, "fallbacks", count(result->fallbacks), ok);
    put(object, "retries", count(result->retries), ok);
    put(object, "lossy", json_boolean(result->lossy), ok);
    put(object, "commands_completed", result->npu_commands < 0 ? json_null() : count((uint64_t)result->npu_commands), ok);
    put(object, "products", product_counts(&result->products, ok), ok);
    return object;
}

static json_t *timing(const sotto_timing *t, bool *ok) {
    json_t *object = json_object();
    put(object, "load", microseconds(t->load), ok);
    put(object, "audio", microseconds(t->audio), ok);
    put(object, "vad", microseconds(t->vad), ok);
    put(object, "features", microseconds(t->features), ok);
    put(object, "encode", microseconds(t->encode), ok);
    put(object, "decode", microseconds(t->decode), ok);
    put(object, "diarize", microseconds(t->diarize), ok);
    put(object, "total", microseconds(t->total), ok);
    put(object, "realtime_factor", milliseconds(t->realtime_factor), ok);
    return object;
}

void so_output_json(const sotto_result *result, struct so_buffer *out) {
    bool ok = true;
    json_t *root = json_object();
    if (result->text) {
        put(root, "text", string(result->text), &ok);
        put(root, "language", string(result->language), &ok);
        put(root, "language_probability", single(result->language_probability), &ok);
    }
    put(root, "duration", milliseconds(result->duration), &ok);
    if (result->text) {
        json_t *segments = json_array();
        for (size_t i = 0; i < result->n_segments; i++)
            append(segments, segment_object(result, &result->segments[i], &ok), &ok);
        put(root, "segments", segments, &ok);
    }
    if (result->n_speakers || result->turns) put(root, "speakers", speakers(result, &ok), &ok);
    if (result->turns) put(root, "turns", turns(result, &ok), &ok);
    put(root, "model", string(result->model), &ok);
    put(root, "device", device(result, &ok), &ok);
    put(root, "timing", timing(&result->timing, &ok), &ok);

    char *text = ok ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(SIGNIFICANT_DIGITS)) : NULL;
    json_decref(root);
    if (text) {
        so_buffer_text(out, text);
        so_buffer_text(out, "\n");
    } else {
        out->failed = true;
    }
    free(text);
}
