#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/diarize.h"
#include "api/source.h"
#include "diarize/people_file.h"
#include "model/infile.h"
#include "util/memory.h"

/** Seconds of one speaker alone that a voice is known from. */
#define LEAST_SECONDS 1.0

sotto_status sotto_people_open(const char *path, sotto_people **out, sotto_error *err) {
    so_error_clear(err);
    *out = NULL;
    struct sotto_people *people = so_calloc(1, sizeof *people);
    if (!people) return so_fail_memory(err, sizeof *people, "known speakers");
    sotto_status status = path && access(path, F_OK) == 0 ? so_people_read(people, path, err) : SOTTO_OK;
    if (status)
        sotto_people_free(people);
    else
        *out = people;
    return status;
}

void sotto_people_free(sotto_people *people) {
    if (!people) return;
    while (people->n) so_people_drop(people, people->n - 1);
    so_free(people->people);
    so_free(people);
}

sotto_status sotto_people_path(char *path, size_t size, sotto_error *err) {
    so_error_clear(err);
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = -1;
    if (data && *data)
        n = snprintf(path, size, "%s/sotto/speakers.json", data);
    else if (home && *home)
        n = snprintf(path, size, "%s/.local/share/sotto/speakers.json", home);
    else
        return so_fail(err, SOTTO_ERR_IO, "no folder for known speakers: set XDG_DATA_HOME or HOME");
    if (n < 0 || (size_t)n >= size)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the path of the known speakers is too long");
    return SOTTO_OK;
}

sotto_status sotto_people_save(const sotto_people *people, const char *path, sotto_error *err) {
    so_error_clear(err);
    sotto_status status = so_people_make_folders(path, err);
    return status ? status : so_people_write(people, path, err);
}

/** The voice of who speaks longest. */
static sotto_status add_longest(sotto_people *people, const char *name, const char *path,
                                const struct so_diarization *found, sotto_error *err) {
    size_t best = 0;
    for (size_t i = 1; i < found->turns.n_speakers; i++)
        if (found->turns.seconds[i] > found->turns.seconds[best]) best = i;
    if (found->turns.n_speakers == 0 || found->turns.seconds[best] < LEAST_SECONDS)
        return so_fail(err, SOTTO_ERR_MEDIA, "%s: too little speech to know a voice by", path);
    return so_people_add(people, name, found->centroids + best * SO_EMBEDDING_SIZE, 1,
                         found->turns.seconds[best], err);
}

static sotto_status enroll(sotto_people *people, const char *name, const char *label, const struct so_source *source,
                           const sotto_options *settled, sotto_error *err) {
    struct so_diarization found = {0};
    sotto_timing timing;
    sotto_status status = so_diarize_source(source, settled, &found, &timing, err);
    if (!status) status = add_longest(people, name, label, &found, err);
    so_diarization_free(&found);
    return status;
}

/** Options for one voice, and a name that can be one. */
static sotto_status settle(const char *name, const sotto_options *options, sotto_options *settled, sotto_error *err) {
    sotto_status status = so_diarize_settle(options, settled, err);
    settled->min_speakers = settled->max_speakers = 0;
    return status ? status : so_people_check_name(name, err);
}

sotto_status sotto_people_enroll(sotto_people *people, const char *name, const char *path,
                                 const sotto_options *options, sotto_error *err) {
    sotto_options settled;
    struct so_audio *audio = NULL;
    struct so_source source;
    sotto_status status = settle(name, options, &settled, err);
    if (!status) status = so_source_of_path(path, &settled, &audio, &source, err);
    if (!status) status = enroll(people, name, path, &source, &settled, err);
    so_audio_close(audio);
    return status;
}

sotto_status sotto_people_enroll_pcm(sotto_people *people, const char *name, const float *samples,
                                     size_t n_samples, const sotto_options *options, sotto_error *err) {
    sotto_options settled;
    struct so_memory_source memory = {samples, n_samples, 0};
    struct so_source source = so_source_of_memory(&memory);
    sotto_status status = settle(name, options, &settled, err);
    return status ? status : enroll(people, name, name, &source, &settled, err);
}

sotto_status sotto_people_remove(sotto_people *people, const char *name, sotto_error *err) {
    so_error_clear(err);
    int index = name ? so_people_find(people, name) : -1;
    if (index < 0)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "no speaker of this name is known: %.255s", name ? name : "");
    so_people_drop(people, (size_t)index);
    return SOTTO_OK;
}

size_t sotto_people_count(const sotto_people *people) {
    return people->n;
}

sotto_person sotto_people_get(const sotto_people *people, size_t index) {
    const struct so_person *p = &people->people[index];
    return (sotto_person){p->name, p->recordings, p->seconds, p->voice};
}
