#include "server/form.h"

#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

/** Fields that mean something; all others are read and forgotten. */
static const char *const known[] = {
    "model", "language", "prompt", "temperature", "response_format", "timestamp_granularities[]", "timestamp_granularities",
    "hotwords", "keywords[]", "keywords", "chunking_strategy", "diarization", "enable_diarization", "diarize", "min_speakers",
    "max_speakers", "num_speakers", "word_timestamps", "vad_filter", "stream", "task", "async", "include[]",
    "known_speaker_names[]", "known_speaker_names", "chunking_strategy[type]", "chunking_strategy[threshold]",
    "chunking_strategy[prefix_padding_ms]", "chunking_strategy[silence_duration_ms]", "deadline", "beam_size",
};

static const char *known_name(const char *name) {
    for (size_t i = 0; i < SO_COUNT(known); i++)
        if (strcmp(known[i], name) == 0) return known[i];
    return NULL;
}

/** A name from outside for a message: no control characters, no bytes above ASCII, only its last part. */
static void set_label(struct so_form *form, const char *filename) {
    const char *base = filename;
    for (const char *c = filename; *c; c++)
        if (*c == '/' || *c == '\\') base = c + 1;
    size_t n = 0;
    for (; *base && n < SO_MAX_LABEL; base++) form->label[n++] = *base < ' ' || *base > '~' || *base == '\'' ? '_' : *base;
    form->label[n] = '\0';
    if (n == 0) memcpy(form->label, "recording", sizeof "recording");
}

static bool is_reference(const char *name) {
    return strcmp(name, "known_speaker_references[]") == 0 || strcmp(name, "known_speaker_references") == 0;
}

static bool begin_reference(struct so_form *form) {
    if (form->n_references == SO_MAX_REFERENCES)
        return so_problem(&form->problem, 400, "known_speaker_references[]", "invalid_value", "there can be at most %d known speakers", SO_MAX_REFERENCES);
    return so_reference_begin(&form->references[form->n_references++], form->spool, &form->problem);
}

static bool begin(void *context, const char *name, const char *filename) {
    struct so_form *form = context;
    form->in_reference = is_reference(name);
    form->in_file = strcmp(name, "file") == 0 || strcmp(name, "audio") == 0;
    form->name = NULL;
    form->length = 0;
    if (form->in_reference) return begin_reference(form);
    if (!form->in_file) {
        form->name = known_name(name);
        return true;
    }
    if (form->has_file) return so_problem(&form->problem, 400, "file", NULL, "the request holds more than one file");
    form->has_file = true;
    set_label(form, filename ? filename : "");
    return so_spool_open(form->spool, &form->file, &form->problem);
}

static bool no_memory(struct so_form *form) {
    return so_problem(&form->problem, 503, NULL, "out_of_memory", "the server is short of memory; try again later");
}

static bool data(void *context, const char *bytes, size_t n) {
    struct so_form *form = context;
    if (form->in_file) return so_spool_write(&form->file, bytes, n, &form->problem);
    if (form->in_reference) return so_reference_feed(&form->references[form->n_references - 1], bytes, n, &form->problem);
    if (!form->name) return true;
    if (n > SO_MAX_FIELD_BYTES - form->length || n > SO_MAX_FIELDS_BYTES - form->bytes)
        return so_problem(&form->problem, 400, form->name, NULL, "the field %s is too long", form->name);
    if (form->length + n + 1 > form->capacity) {
        size_t capacity = 2 * (form->length + n + 1);
        char *value = realloc(form->value, capacity);
        if (!value) return no_memory(form);
        form->value = value;
        form->capacity = capacity;
    }
    memcpy(form->value + form->length, bytes, n);
    form->length += n;
    form->bytes += n;
    return true;
}

/** Whether the bytes are UTF-8 (RFC 3629) without NUL. */
static bool is_text(const char *bytes, size_t n) {
    const unsigned char *at = (const unsigned char *)bytes, *end = at + n;
    while (at < end) {
        unsigned c = *at++, more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
        if (c == 0 || more > (size_t)(end - at)) return false;
        unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        for (; more > 0; more--, low = 0x80, high = 0xbf)
            if (*at < low || *at++ > high) return false;
    }
    return true;
}

static bool end(void *context) {
    struct so_form *form = context;
    if (form->in_reference) return so_reference_end(&form->references[form->n_references - 1], &form->problem);
    if (!form->name) return true;
    if (form->length && !is_text(form->value, form->length))
        return so_problem(&form->problem, 400, form->name, NULL, "the field %s is not UTF-8 text", form->name);
    struct so_field *fields = realloc(form->fields, (form->n_fields + 1) * sizeof *fields);
    if (!fields) return no_memory(form);
    form->fields = fields;
    char *value = malloc(form->length + 1);
    if (!value) return no_memory(form);
    if (form->length) memcpy(value, form->value, form->length);
    value[form->length] = '\0';
    form->fields[form->n_fields++] = (struct so_field){form->name, value};
    form->name = NULL;
    return true;
}

bool so_form_add(struct so_form *form, const char *name, const char *value) {
    form->in_reference = is_reference(name);
    if (form->in_reference) return begin_reference(form) && data(form, value, strlen(value)) && end(form);
    form->name = known_name(name);
    form->length = 0;
    return form->name && data(form, value, strlen(value)) && end(form);
}

bool so_form_init(struct so_form *form, const char *content_type, struct so_spool *spool) {
    *form = (struct so_form){.spool = spool, .file.fd = -1};
    struct so_multipart_sink sink = {form, begin, data, end};
    if (so_multipart_init(&form->multipart, content_type, &sink)) return true;
    return so_problem(&form->problem, 415, NULL, NULL, "the body must be multipart/form-data with a boundary");
}

static bool malformed(struct so_form *form) {
    if (form->problem.status) return false;
    return so_problem(&form->problem, 400, NULL, "malformed_body", "the multipart body is malformed: %s",
                      form->multipart.wrong ? form->multipart.wrong : "it cannot be read");
}

bool so_form_feed(struct so_form *form, const char *bytes, size_t n) {
    if (form->problem.status) return false;
    return so_multipart_feed(&form->multipart, bytes, n) || malformed(form);
}

bool so_form_finish(struct so_form *form) {
    if (form->problem.status) return false;
    if (!so_multipart_finish(&form->multipart)) return malformed(form);
    if (!form->has_file) return so_problem(&form->problem, 400, "file", "missing_file", "the field file is missing");
    if (form->file.size == 0) return so_problem(&form->problem, 400, "file", "empty_file", "the file is empty");
    return true;
}

const char *so_form_get(const struct so_form *form, const char *name) {
    for (size_t i = form->n_fields; i-- > 0;)
        if (strcmp(form->fields[i].name, name) == 0) return form->fields[i].value;
    return NULL;
}

void so_form_free(struct so_form *form) {
    for (size_t i = 0; i < form->n_fields; i++) free(form->fields[i].value);
    free(form->fields);
    free(form->value);
    for (size_t i = 0; i < form->n_references; i++) so_reference_free(&form->references[i]);
    so_spool_close(&form->file);
    *form = (struct so_form){.file.fd = -1};
}
