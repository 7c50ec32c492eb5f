#include "diarize/people_file.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diarize/embedding.h"
#include "model/infile.h"
#include "model/output.h"
#include "util/memory.h"

/** Voices of different models cannot be compared; this is what a file's are called. */
#define VOICE_MODEL "campplus_cn_en_common"
#define FILE_VERSION 1
#define MAX_FILE ((size_t)SO_PEOPLE_MOST * SO_EMBEDDING_SIZE * 32)

enum { DIM = SO_EMBEDDING_SIZE, SIGNIFICANT_DIGITS = 9 };

static sotto_status damaged(const char *path, const char *what, sotto_error *err) {
    return so_fail(err, SOTTO_ERR_MODEL, "%s: not a file of known speakers: %s", path, what);
}

static sotto_status read_person(struct sotto_people *people, const char *path, const json_t *entry,
                                sotto_error *err) {
    const char *name = json_string_value(json_object_get(entry, "name"));
    const json_t *voice = json_object_get(entry, "voice");
    json_int_t recordings = json_integer_value(json_object_get(entry, "recordings"));
    double seconds = json_number_value(json_object_get(entry, "seconds"));
    float values[DIM];
    if (!name || so_people_check_name(name, NULL)) return damaged(path, "a name is missing or wrong", err);
    if (so_people_find(people, name) >= 0) return damaged(path, "a name is there twice", err);
    if (json_array_size(voice) != DIM) return damaged(path, "a voice has not 192 numbers", err);
    if (recordings < 1 || recordings > UINT32_MAX || !(seconds >= 0))
        return damaged(path, "a count is wrong", err);
    for (size_t i = 0; i < DIM; i++) {
        const json_t *value = json_array_get(voice, i);
        values[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !(fabsf(values[i]) <= 1))
            return damaged(path, "a voice is no unit vector", err);
    }
    return so_people_add(people, name, values, (uint32_t)recordings, seconds, err);
}

sotto_status so_people_parse(struct sotto_people *people, const char *path, const char *text, size_t size,
                             sotto_error *err) {
    sotto_status status = SOTTO_OK;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *entries = json_object_get(root, "speakers");
    const char *model = json_string_value(json_object_get(root, "model"));
    if (!json_is_array(entries) || json_integer_value(json_object_get(root, "version")) != FILE_VERSION)
        status = damaged(path, "there is no list of speakers of version 1", err);
    else if (!model || strcmp(model, VOICE_MODEL) != 0)
        status = damaged(path, "its voices are of another model", err);
    for (size_t i = 0; !status && i < json_array_size(entries); i++)
        status = read_person(people, path, json_array_get(entries, i), err);
    json_decref(root);
    return status;
}

sotto_status so_people_read(struct sotto_people *people, const char *path, sotto_error *err) {
    char *text;
    size_t size;
    sotto_status status = so_infile_load(path, MAX_FILE, &text, &size, err);
    if (status) return status;
    status = so_people_parse(people, path, text, size, err);
    so_free(text);
    return status;
}

static bool put(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

char *so_people_render(const struct sotto_people *people) {
    json_t *root = json_object(), *entries = json_array();
    bool ok =
        put(root, "version", json_integer(FILE_VERSION)) && put(root, "model", json_string(VOICE_MODEL));
    for (size_t p = 0; ok && p < people->n; p++) {
        const struct so_person *person = &people->people[p];
        json_t *entry = json_object(), *voice = json_array();
        ok = put(entry, "name", json_string(person->name)) &&
             put(entry, "recordings", json_integer(person->recordings)) &&
             put(entry, "seconds", json_real(rint(person->seconds * 1e3) / 1e3));
        for (size_t i = 0; ok && i < DIM; i++)
            ok = json_array_append_new(voice, json_real((double)person->voice[i])) == 0;
        ok = put(entry, "voice", voice) && ok;
        ok = json_array_append_new(entries, entry) == 0 && ok;
    }
    ok = put(root, "speakers", entries) && ok;
    char *text = ok ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(SIGNIFICANT_DIGITS)) : NULL;
    json_decref(root);
    return text;
}

sotto_status so_people_write(const struct sotto_people *people, const char *path, sotto_error *err) {
    char *text = so_people_render(people);
    if (!text) return so_fail_memory(err, people->n * DIM * sizeof(float), "the file of known speakers");
    size_t length = strlen(text);
    text[length] = '\n'; // in place of the NUL, which is not written
    struct so_output *output;
    sotto_status status = so_output_create(path, &output, err);
    if (!status) {
        status = so_output_write(output, 0, text, length + 1, err);
        if (status)
            so_output_discard(output);
        else
            status = so_output_commit(output, err);
    }
    free(text);
    return status;
}

sotto_status so_people_make_folders(const char *path, sotto_error *err) {
    char folder[SO_MAX_PATH];
    size_t length = strlen(path);
    if (length >= sizeof folder)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the path of the known speakers is too long");
    memcpy(folder, path, length + 1);
    for (char *at = folder + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return so_fail(err, SOTTO_ERR_IO, "%s: cannot be made: %s", folder, strerror(errno));
        *at = '/';
    }
    return SOTTO_OK;
}
