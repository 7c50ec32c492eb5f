#include "cli/speakers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console.h"

/** A number of speakers; false if it is none. */
static bool parse_count(const char *text, uint32_t *value) {
    char *end;
    errno = 0;
    unsigned long parsed = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || parsed < 1 || parsed > 256) return false;
    *value = (uint32_t)parsed;
    return true;
}

static bool parse_score(const char *text, float *value) {
    char *end;
    double parsed = strtod(text, &end);
    if (end == text || *end || !(parsed >= -1 && parsed <= 1)) return false;
    *value = (float)parsed;
    return true;
}

static const char *take(int option, const char *value, struct so_speaker_arguments *a, sotto_options *o) {
    static const char counts[] =
        "--speakers, --min-speakers and --max-speakers take a whole number from 1 to 256";
    switch (option) {
    case SO_OPT_SPEAKERS:
        if (!parse_count(value, &o->min_speakers)) return counts;
        o->max_speakers = o->min_speakers;
        return NULL;
    case SO_OPT_MIN_SPEAKERS:
        return parse_count(value, &o->min_speakers) ? NULL : counts;
    case SO_OPT_MAX_SPEAKERS:
        return parse_count(value, &o->max_speakers) ? NULL : counts;
    case SO_OPT_DIARIZE_SPEED:
        o->diarize_fast = strcmp(value, "fast") == 0;
        return o->diarize_fast || strcmp(value, "accurate") == 0 ? NULL
                                                                 : "--diarize-speed takes accurate or fast";
    case SO_OPT_ENROLL: {
        const char *equals = strchr(value, '=');
        if (!equals || equals == value || !equals[1]) return "--enroll takes NAME=FILE";
        if (a->n_enroll == SO_MAX_ENROLL)
            return "--enroll can be given 64 times; more people go into a store";
        a->enroll[a->n_enroll++] = value;
        return NULL;
    }
    case SO_OPT_STORE:
        a->store = value;
        return *value ? NULL : "--store takes a path, or \"default\"";
    case SO_OPT_SCORE:
        return parse_score(value, &o->people_threshold) ? NULL : "--score takes a number from -1 to 1";
    case SO_OPT_VOICES:
        o->voices = true;
        return NULL;
    case SO_OPT_SPEAKER_MODEL:
        o->speaker_model = value;
        return NULL;
    default:
        return NULL;
    }
}

bool so_speaker_take(int option, const char *value, struct so_speaker_arguments *arguments,
                     sotto_options *options, const char **problem) {
    *problem = NULL;
    if (option < SO_OPT_SPEAKERS || option > SO_OPT_SPEAKER_MODEL) return false;
    *problem = take(option, value, arguments, options);
    return true;
}

bool so_speaker_store(const char *name, char *path, size_t size) {
    sotto_error err;
    if (name && strcmp(name, "default") != 0) return snprintf(path, size, "%s", name) < (int)size;
    if (!sotto_people_path(path, size, &err)) return true;
    so_console_error("speakers", err.message);
    return false;
}

bool so_speaker_people(const struct so_speaker_arguments *a, sotto_options *options, sotto_people **people) {
    char path[4096];
    sotto_error err;
    *people = NULL;
    if (!a->store && a->n_enroll == 0) return true;
    if (a->store && !so_speaker_store(a->store, path, sizeof path)) return false;
    if (sotto_people_open(a->store ? path : NULL, people, &err)) {
        so_console_error("speakers", err.message);
        return false;
    }
    for (size_t i = 0; i < a->n_enroll; i++) {
        const char *equals = strchr(a->enroll[i], '=');
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(equals - a->enroll[i] < 255 ? equals - a->enroll[i] : 255),
                 a->enroll[i]);
        sotto_options how = *options;
        how.on_progress = NULL;
        if (sotto_people_enroll(*people, name, equals + 1, &how, &err)) {
            so_console_error("--enroll", err.message);
            return false;
        }
    }
    options->people = *people;
    return true;
}

void so_speaker_report(const char *file, const sotto_result *result) {
    for (size_t i = 0; i < result->n_speakers; i++) {
        const sotto_speaker *speaker = &result->speakers[i];
        char message[512];
        if (!speaker->known) continue;
        snprintf(message, sizeof message, "speaker %zu is %s (score %.2f)", i, speaker->id,
                 (double)speaker->score);
        so_console_error(file, message);
    }
}
