#include "server/chunking.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

#define FIELD "chunking_strategy"

static bool wrong(struct so_problem *problem) {
    return so_problem(problem, 400, FIELD, "invalid_value",
                      FIELD " must be auto, or an object of type server_vad with threshold (0 to 1), "
                            "prefix_padding_ms and silence_duration_ms (0 to 2000)");
}

/** A member by its name: of the object, or of a field of its own, as OpenAI's clients write nested objects.
 * NAN-free; false: no number. */
static bool member(const json_t *object, const struct so_form *form, const char *name, double most,
                   double unit, double *value) {
    char field[64], *end = NULL;
    const json_t *given = json_object_get(object, name);
    double read = json_number_value(given);
    snprintf(field, sizeof field, FIELD "[%s]", name);
    const char *text = so_form_get(form, field);
    if (!given && (!text || !*text)) return true;
    if (given && !json_is_number(given)) return false;
    if (!given) {
        read = strtod(text, &end);
        if (*end || strspn(text, "0123456789.eE+-") != strlen(text)) return false;
    }
    if (!(read >= 0 && read <= most)) return false;
    *value = read * unit;
    return true;
}

bool so_chunking_parse(struct so_chunking *c, const struct so_form *form, struct so_problem *problem) {
    *c = (struct so_chunking){.threshold = -1, .pad = -1, .silence = -1};
    const char *text = so_form_get(form, FIELD), *type = so_form_get(form, FIELD "[type]");
    json_t *object = text && *text == '{' ? json_loads(text, 0, NULL) : NULL;
    if (object) type = json_string_value(json_object_get(object, "type"));
    bool ok = object ? type != NULL : !text || !*text || strcmp(text, "auto") == 0;
    if (ok && type && strcmp(type, "server_vad") != 0) ok = false;
    c->given = type || (text && *text);
    ok = ok && member(object, form, "threshold", 1, 1, &c->threshold) &&
         member(object, form, "prefix_padding_ms", 2000, 1e-3, &c->pad) &&
         member(object, form, "silence_duration_ms", 2000, 1e-3, &c->silence);
    json_decref(object);
    return ok || wrong(problem);
}

void so_chunking_apply(const struct so_chunking *c, sotto_options *options) {
    if (!c->given) return;
    options->vad = true;
    if (c->threshold >= 0)
        options->vad_threshold = c->threshold < 0.01   ? 0.01f
                                 : c->threshold > 0.99 ? 0.99f
                                                       : (float)c->threshold;
    if (c->pad >= 0) options->vad_pad = c->pad;
    if (c->silence >= 0) options->vad_min_silence = c->silence;
}
