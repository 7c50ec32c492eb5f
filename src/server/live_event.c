#include "server/live_event.h"

#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

void so_live_config_init(struct so_live_config *config) {
    *config = (struct so_live_config){
        .rate = 24000, .automatic = true, .threshold = 0.5, .prefix = 0.3, .silence = 0.5};
}

void so_live_event_free(struct so_live_event *event) {
    free(event->sound);
    event->sound = NULL;
}

static bool wrong(struct so_problem *problem, const char *param, const char *what) {
    return so_problem(problem, 400, param, "invalid_value", "%s %s", param, what);
}

/** A string into a buffer; what did not come or is null leaves it empty. */
static bool text_of(const json_t *value, const char *param, char *out, size_t size,
                    struct so_problem *problem) {
    *out = '\0';
    if (!value || json_is_null(value)) return true;
    if (!json_is_string(value) || json_string_length(value) >= size ||
        strlen(json_string_value(value)) != json_string_length(value))
        return wrong(problem, param, "must be a text, and not so long");
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool keywords_of(const json_t *list, char *out, struct so_problem *problem) {
    size_t used = 0;
    *out = '\0';
    if (!list || json_is_null(list)) return true;
    if (!json_is_array(list) || json_array_size(list) > SO_MAX_KEYWORDS)
        return wrong(problem, "keywords", "must be a list of words");
    for (size_t i = 0; i < json_array_size(list); i++) {
        char word[SO_LIVE_TEXT];
        if (!text_of(json_array_get(list, i), "keywords", word, sizeof word, problem)) return false;
        size_t n = strlen(word);
        if (n + 2 > SO_LIVE_TEXT - used) return wrong(problem, "keywords", "are too many");
        used += (size_t)snprintf(out + used, SO_LIVE_TEXT - used, "%s%s", used ? "," : "", word);
    }
    return true;
}

static bool number(const json_t *from, const char *name, double low, double high, double unit, double *value,
                   struct so_problem *problem) {
    const json_t *given = json_object_get(from, name);
    if (!given || json_is_null(given)) return true;
    double read = json_number_value(given);
    if (!json_is_number(given) || !(read >= low && read <= high)) {
        char range[64];
        snprintf(range, sizeof range, "must be a number from %g to %g", low, high);
        return wrong(problem, name, range);
    }
    *value = read * unit;
    return true;
}

static bool turns(const json_t *given, struct so_live_config *c, struct so_problem *problem) {
    if (!given) return true;
    c->automatic = !json_is_null(given);
    if (!c->automatic) return true;
    const char *type = json_string_value(json_object_get(given, "type"));
    if (!json_is_object(given) || (type && strcmp(type, "server_vad") != 0))
        return wrong(problem, "turn_detection", "must be null or of type server_vad");
    return number(given, "threshold", 0, 1, 1, &c->threshold, problem) &&
           number(given, "prefix_padding_ms", 0, 1e3 * SO_LIVE_MOST_PREFIX, 1e-3, &c->prefix, problem) &&
           number(given, "silence_duration_ms", 100, 10000, 1e-3, &c->silence, problem);
}

/** {"type": "audio/pcm", "rate": 24000}, or in the older dialect "pcm16" (24 kHz). */
static bool format(const json_t *given, struct so_live_config *c, struct so_problem *problem) {
    if (!given || json_is_null(given)) return true;
    const char *name = json_string_value(json_is_object(given) ? json_object_get(given, "type") : given);
    if (!name || (strcmp(name, "audio/pcm") != 0 && strcmp(name, "pcm16") != 0))
        return wrong(problem, "format",
                     "must be audio/pcm (pcm16): 16-bit samples, little-endian, one channel");
    const json_t *rate = json_object_get(given, "rate");
    c->rate = 24000;
    if (!rate || json_is_null(rate)) return true;
    json_int_t hertz = json_integer_value(rate);
    if (hertz != 8000 && hertz != 16000 && hertz != 24000)
        return wrong(problem, "rate", "must be 8000, 16000 or 24000");
    c->rate = (uint32_t)hertz;
    return true;
}

static bool transcription(const json_t *given, const struct so_models *models, struct so_live_config *c,
                          struct so_problem *problem) {
    char name[64];
    if (!given || json_is_null(given)) return true;
    if (!json_is_object(given)) return wrong(problem, "transcription", "must be an object");
    if (!text_of(json_object_get(given, "model"), "model", name, sizeof name, problem)) return false;
    c->offer = so_models_find(models, name);
    if (c->offer < 0)
        return so_problem(problem, 404, "model", "model_not_found",
                          "this model is not offered here; GET /v1/models lists those that are");
    return text_of(json_object_get(given, "language"), "language", c->language, sizeof c->language,
                   problem) &&
           text_of(json_object_get(given, "prompt"), "prompt", c->prompt, sizeof c->prompt, problem) &&
           keywords_of(json_object_get(given, "keywords"), c->keywords, problem);
}

static bool update(const json_t *session, const struct so_models *models, struct so_live_config *config,
                   struct so_problem *problem) {
    struct so_live_config fresh = *config;
    if (!json_is_object(session)) return wrong(problem, "session", "must be an object");
    const char *type = json_string_value(json_object_get(session, "type"));
    if (type && strcmp(type, "transcription") != 0)
        return wrong(problem, "session.type", "must be transcription: nothing here answers by voice");
    const json_t *input = json_object_get(json_object_get(session, "audio"), "input");
    bool ok = format(json_object_get(session, "input_audio_format"), &fresh, problem) &&
              format(json_object_get(input, "format"), &fresh, problem) &&
              transcription(json_object_get(session, "input_audio_transcription"), models, &fresh, problem) &&
              transcription(json_object_get(input, "transcription"), models, &fresh, problem) &&
              turns(json_object_get(session, "turn_detection"), &fresh, problem) &&
              turns(json_object_get(input, "turn_detection"), &fresh, problem);
    if (ok) *config = fresh;
    return ok;
}

static bool append(struct so_live_event *event, const json_t *audio, struct so_problem *problem) {
    struct base64_decode_ctx decoder;
    size_t n = json_string_length(audio), got = BASE64_DECODE_LENGTH(n);
    if (!json_is_string(audio)) return wrong(problem, "audio", "must be base64 text");
    event->sound = malloc(got + 1);
    if (!event->sound)
        return so_problem(problem, 503, NULL, "out_of_memory",
                          "the server is short of memory; try again later");
    base64_decode_init(&decoder);
    if (!base64_decode_update(&decoder, &got, event->sound, n, json_string_value(audio)) ||
        !base64_decode_final(&decoder))
        return wrong(problem, "audio", "is not base64");
    if (got % sizeof(int16_t)) return wrong(problem, "audio", "must hold whole samples of 16 bits");
    event->n_sound = got;
    return true;
}

bool so_live_event_parse(struct so_live_event *event, const char *text, size_t n,
                         const struct so_models *models, struct so_live_config *config,
                         struct so_problem *problem) {
    static const char *const names[] = {[SO_LIVE_UPDATE] = "session.update",
                                        [SO_LIVE_UPDATE_OLD] = "transcription_session.update",
                                        [SO_LIVE_APPEND] = "input_audio_buffer.append",
                                        [SO_LIVE_COMMIT] = "input_audio_buffer.commit",
                                        [SO_LIVE_CLEAR] = "input_audio_buffer.clear"};
    struct so_problem ignored;
    *event = (struct so_live_event){0};
    json_t *root = json_loadb(text, n, 0, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    bool ok = type != NULL;
    if (!ok) so_problem(problem, 400, "type", "invalid_event", "a message must be a JSON object with a type");
    text_of(json_object_get(root, "event_id"), "event_id", event->id, sizeof event->id, &ignored);
    size_t kind = 0;
    while (ok && kind < SO_COUNT(names) && strcmp(names[kind], type) != 0) kind++;
    event->kind = (enum so_live_kind)kind;
    if (ok && kind == SO_COUNT(names))
        ok = so_problem(problem, 400, "type", "unknown_event",
                        "there is no event %.64s for a transcription session", type);
    else if (ok && kind <= SO_LIVE_UPDATE_OLD)
        ok = update(json_object_get(root, "session"), models, config, problem);
    else if (ok && kind == SO_LIVE_APPEND)
        ok = append(event, json_object_get(root, "audio"), problem);
    json_decref(root);
    return ok;
}

json_t *so_live_config_json(const struct so_live_config *c, const struct so_models *models, const char *id,
                            bool old) {
    json_t *turn = c->automatic ? json_pack("{s:s,s:f,s:i,s:i}", "type", "server_vad", "threshold",
                                            c->threshold, "prefix_padding_ms", (int)(c->prefix * 1e3 + 0.5),
                                            "silence_duration_ms", (int)(c->silence * 1e3 + 0.5))
                                : json_null();
    json_t *spoken = json_pack("{s:s,s:s?,s:s}", "model", models->offers[c->offer].name, "language",
                               c->language[0] ? c->language : NULL, "prompt", c->prompt);
    if (old)
        return json_pack("{s:s,s:s,s:s,s:o,s:o}", "id", id, "object", "realtime.transcription_session",
                         "input_audio_format", "pcm16", "input_audio_transcription", spoken, "turn_detection",
                         turn);
    return json_pack("{s:s,s:s,s:s,s:{s:{s:{s:s,s:i},s:o,s:o}}}", "id", id, "object",
                     "realtime.transcription_session", "type", "transcription", "audio", "input", "format",
                     "type", "audio/pcm", "rate", (int)c->rate, "transcription", spoken, "turn_detection",
                     turn);
}
