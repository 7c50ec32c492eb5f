#include "server/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/compiler.h"

struct parse {
    struct so_request *request;
    const struct so_form *form;
    struct so_problem *problem;
};

/** A field as a truth value; `value` keeps its default where the field did not come. */
static bool flag(struct parse *p, const char *name, bool *value) {
    static const char *const yes[] = {"true", "1", "yes", "on"}, *const no[] = {"false", "0", "no", "off", ""};
    const char *text = so_form_get(p->form, name);
    if (!text) return true;
    for (size_t i = 0; i < SO_COUNT(yes); i++)
        if (strcasecmp(text, yes[i]) == 0) return *value = true;
    for (size_t i = 0; i < SO_COUNT(no); i++)
        if (strcasecmp(text, no[i]) == 0) return *value = false, true;
    return so_problem(p->problem, 400, name, "invalid_value", "%s must be true or false", name);
}

/** A field as a number from low to high, unchanged where it did not come or is empty. */
static bool number(struct parse *p, const char *name, double low, double high, bool whole, double *value) {
    const char *text = so_form_get(p->form, name);
    if (!text || !*text) return true;
    char *end;
    errno = 0;
    double read = strtod(text, &end);
    bool plain = strspn(text, "0123456789.+-eE") == strlen(text); /* strtod would take "nan", "0x1p3" and blanks */
    if (!plain || *end || errno || !(read >= low && read <= high) || (whole && read != (double)(long)read))
        return so_problem(p->problem, 400, name, "invalid_value", "%s must be a %snumber from %g to %g", name, whole ? "whole " : "",
                          low, high);
    *value = read;
    return true;
}

static bool shape(struct parse *p) {
    static const char *const names[] = {"json", "text", "srt", "verbose_json", "vtt", "diarized_json"};
    const char *text = so_form_get(p->form, "response_format");
    p->request->shape = p->request->call == SO_CALL_OLD ? SO_SHAPE_VERBOSE : SO_SHAPE_JSON;
    if (!text || !*text) return true;
    for (size_t i = 0; i < SO_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) {
            p->request->shape = (enum so_shape)i;
            return true;
        }
    return so_problem(p->problem, 400, "response_format", "invalid_value",
                      "response_format must be json, text, srt, verbose_json, vtt or diarized_json");
}

static bool granularities(struct parse *p) {
    struct so_request *r = p->request;
    bool said = false, words = false, segments = false;
    for (size_t i = 0; i < p->form->n_fields; i++) {
        const struct so_field *f = &p->form->fields[i];
        if (strncmp(f->name, "timestamp_granularities", 23) != 0) continue;
        said = true;
        if (strcmp(f->value, "word") == 0) words = true;
        else if (strcmp(f->value, "segment") == 0) segments = true;
        else
            return so_problem(p->problem, 400, "timestamp_granularities[]", "invalid_value",
                              "timestamp_granularities[] must be word or segment");
    }
    if (said && r->shape != SO_SHAPE_VERBOSE && words)
        return so_problem(p->problem, 400, "timestamp_granularities[]", "invalid_value",
                          "timestamp_granularities[] needs response_format verbose_json");
    r->words = words;
    r->segments = !said || segments || r->call == SO_CALL_OLD;
    return flag(p, "word_timestamps", &r->words);
}

/** hotwords and keywords[] as one list. */
static bool keywords(struct parse *p) {
    size_t n = 0, length = 0, at = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < p->form->n_fields; i++) {
            const struct so_field *f = &p->form->fields[i];
            size_t size = strlen(f->value);
            if ((strcmp(f->name, "hotwords") != 0 && strncmp(f->name, "keywords", 8) != 0) || size == 0) continue;
            if (pass == 0) {
                n++;
                length += size + 1;
                continue;
            }
            if (at) p->request->hotwords[at++] = ',';
            memcpy(p->request->hotwords + at, f->value, size);
            at += size;
        }
        if (n == 0) return true;
        if (n > SO_MAX_KEYWORDS)
            return so_problem(p->problem, 400, "keywords[]", "invalid_value", "there can be at most %d keywords", SO_MAX_KEYWORDS);
        if (pass == 0 && !(p->request->hotwords = calloc(length + 1, 1)))
            return so_problem(p->problem, 503, NULL, "out_of_memory", "the server is short of memory; try again later");
    }
    return true;
}

/** Who speaks: asked for by the answer's shape or by any of the names that clients have for it. */
static bool speakers(struct parse *p) {
    struct so_request *r = p->request;
    double low = 0, high = 0, exactly = 0;
    r->diarize = r->shape == SO_SHAPE_DIARIZED;
    if (!flag(p, "diarization", &r->diarize) || !flag(p, "enable_diarization", &r->diarize) || !flag(p, "diarize", &r->diarize)) return false;
    if (!number(p, "min_speakers", 1, 100, true, &low) || !number(p, "max_speakers", 1, 100, true, &high) ||
        !number(p, "num_speakers", 1, 100, true, &exactly))
        return false;
    if (low > 0 && high > 0 && low > high)
        return so_problem(p->problem, 400, "min_speakers", "invalid_value", "min_speakers is above max_speakers");
    r->min_speakers = (uint32_t)(exactly > 0 ? exactly : low);
    r->max_speakers = (uint32_t)(exactly > 0 ? exactly : high);
    return true;
}

/** Names of speakers whose voices come along, a name for each voice. */
static bool known_speakers(struct parse *p) {
    struct so_request *r = p->request;
    size_t n = 0;
    for (size_t i = 0; i < p->form->n_fields; i++) {
        const struct so_field *f = &p->form->fields[i];
        if (strncmp(f->name, "known_speaker_names", 19) != 0) continue;
        if (n < SO_MAX_REFERENCES) r->names[n] = f->value;
        if (!*f->value || strlen(f->value) > SO_MAX_LABEL || strpbrk(f->value, "\r\n\t"))
            return so_problem(p->problem, 400, "known_speaker_names[]", "invalid_value", "known_speaker_names[] must be of 1 to %d bytes", SO_MAX_LABEL);
        n++;
    }
    if (n != p->form->n_references)
        return so_problem(p->problem, 400, "known_speaker_names[]", "invalid_value",
                          "known_speaker_names[] and known_speaker_references[] must be as many, and at most %d", SO_MAX_REFERENCES);
    r->n_names = n;
    if (n) r->diarize = true;
    return true;
}

static bool model(struct parse *p, struct so_models *models) {
    const char *name = so_form_get(p->form, "model");
    p->request->offer = so_models_find(models, name);
    if (p->request->offer >= 0) return true;
    return so_problem(p->problem, 404, "model", "model_not_found", "the model \"%.64s\" is not offered here; GET /v1/models lists those that are",
                      name);
}

static bool task(struct parse *p) {
    const char *name = so_form_get(p->form, "task");
    if (!name || !*name || strcmp(name, "transcribe") == 0) return true;
    if (strcmp(name, "translate") != 0)
        return so_problem(p->problem, 400, "task", "invalid_value", "task must be transcribe or translate");
    p->request->translate = true;
    return true;
}

/** What only the library can say: whether the language is one of the model's, and the rest. */
static bool check(struct parse *p, struct so_models *models) {
    sotto_options options;
    sotto_error err;
    so_request_options(p->request, &options);
    struct so_model_use *use = so_models_use(models, p->request->offer);
    sotto_status status = sotto_options_check(use->model, &options, &err);
    so_models_release(use);
    if (!status) return true;
    so_problem_from(p->problem, status, &err);
    if (status == SOTTO_ERR_ARGUMENT && p->request->language) memcpy(p->problem->param, "language", sizeof "language");
    if (status == SOTTO_ERR_UNSUPPORTED && p->request->words)
        memcpy(p->problem->param, "timestamp_granularities[]", sizeof "timestamp_granularities[]");
    return false;
}

bool so_request_fields(struct so_request *request, enum so_call call, const struct so_form *form, struct so_models *models,
                       struct so_problem *problem) {
    struct parse p = {request, form, problem};
    double temperature = 0, beam = 1;
    *request = (struct so_request){.call = call, .vad = true, .translate = call == SO_CALL_TRANSLATE};
    if (!model(&p, models) || !shape(&p) || !task(&p) || !granularities(&p) || !speakers(&p) || !known_speakers(&p) || !keywords(&p)) return false;
    if (!number(&p, "temperature", 0, 1, false, &temperature) || !number(&p, "beam_size", 1, 16, true, &beam)) return false;
    if (!flag(&p, "stream", &request->stream) || !flag(&p, "async", &request->asynchronous) || !flag(&p, "vad_filter", &request->vad))
        return false;
    if (!so_chunking_parse(&request->chunking, form, problem)) return false;
    if (request->stream && request->asynchronous)
        return so_problem(problem, 400, "stream", "invalid_value", "stream and async exclude each other");
    request->temperature = (float)temperature;
    request->beam_size = (uint32_t)beam;
    const char *language = so_form_get(form, "language"), *prompt = so_form_get(form, "prompt");
    /* A translation's source is found out by listening. */
    request->language = language && *language ? language : NULL;
    request->prompt = prompt && *prompt ? prompt : NULL;
    return true;
}

bool so_request_parse(struct so_request *request, enum so_call call, const struct so_form *form, struct so_models *models,
                      struct so_problem *problem) {
    struct parse p = {request, form, problem};
    return so_request_fields(request, call, form, models, problem) && check(&p, models);
}

void so_request_free(struct so_request *request) {
    free(request->hotwords);
    request->hotwords = NULL;
}

void so_request_options(const struct so_request *request, sotto_options *options) {
    sotto_options_init(options);
    options->task = request->translate ? SOTTO_TRANSLATE : SOTTO_TRANSCRIBE;
    options->language = request->language;
    options->initial_prompt = request->prompt;
    options->hotwords = request->hotwords;
    options->word_timestamps = request->words;
    options->diarize = request->diarize;
    options->min_speakers = request->min_speakers;
    options->max_speakers = request->max_speakers;
    options->beam_size = request->beam_size;
    options->vad = request->vad;
    so_chunking_apply(&request->chunking, options);
    if (request->temperature > 0) {
        options->temperatures[0] = request->temperature;
        options->n_temperatures = 1;
    }
}
