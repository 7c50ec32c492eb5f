#include "diarize/people.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "diarize/embedding.h"
#include "model/utf8.h"
#include "util/memory.h"

enum { DIM = SO_EMBEDDING_SIZE };

sotto_status so_people_check_name(const char *name, sotto_error *err) {
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length > SO_PEOPLE_NAME)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a speaker's name has 1 to %d bytes", SO_PEOPLE_NAME);
    for (size_t i = 0, size; i < length; i += size) {
        uint32_t c = so_utf8_get(name + i, length - i, &size);
        if (c == SO_UTF8_INVALID) return so_fail(err, SOTTO_ERR_ARGUMENT, "a speaker's name must be UTF-8");
        if (c < ' ' || (c >= 0x7f && c < 0xa0))
            return so_fail(err, SOTTO_ERR_ARGUMENT, "a speaker's name cannot hold control characters");
    }
    return SOTTO_OK;
}

/** Where a name is, or would be. */
static size_t place(const struct sotto_people *people, const char *name) {
    size_t i = 0;
    while (i < people->n && strcmp(people->people[i].name, name) < 0) i++;
    return i;
}

int so_people_find(const struct sotto_people *people, const char *name) {
    size_t i = place(people, name);
    return i < people->n && strcmp(people->people[i].name, name) == 0 ? (int)i : -1;
}

/** Unit length; false for a voice without any. */
static bool normalise(const float *x, float *y) {
    double length = 0;
    for (size_t i = 0; i < DIM; i++) length += (double)x[i] * (double)x[i];
    if (!(length > 0) || !isfinite(length)) return false;
    for (size_t i = 0; i < DIM; i++) y[i] = (float)((double)x[i] / sqrt(length));
    return true;
}

static sotto_status insert(struct sotto_people *people, size_t at, const char *name, sotto_error *err) {
    if (people->n == SO_PEOPLE_MOST)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there can be at most %d known speakers", SO_PEOPLE_MOST);
    if (people->n == people->capacity) {
        size_t capacity = so_max(16, 2 * people->capacity);
        struct so_person *grown = so_alloc(capacity, sizeof *grown);
        if (!grown) return so_fail_memory(err, capacity * sizeof *grown, "speakers");
        if (people->n) memcpy(grown, people->people, people->n * sizeof *grown);
        so_free(people->people);
        people->people = grown;
        people->capacity = capacity;
    }
    struct so_person person = {so_calloc(strlen(name) + 1, 1), 0, 0, so_calloc(DIM, sizeof(float))};
    if (!person.name || !person.voice) {
        so_free(person.name);
        so_free(person.voice);
        return so_fail_memory(err, DIM * sizeof(float), "speakers");
    }
    memcpy(person.name, name, strlen(name));
    memmove(people->people + at + 1, people->people + at, (people->n - at) * sizeof person);
    people->people[at] = person;
    people->n++;
    return SOTTO_OK;
}

sotto_status so_people_add(struct sotto_people *people, const char *name, const float *voice,
                           uint32_t recordings, double seconds, sotto_error *err) {
    float unit[DIM];
    sotto_status status = so_people_check_name(name, err);
    if (status) return status;
    if (!normalise(voice, unit))
        return so_fail(err, SOTTO_ERR_MEDIA, "%.255s: no voice to know this speaker by", name);
    size_t at = place(people, name);
    if (so_people_find(people, name) < 0) status = insert(people, at, name, err);
    if (status) return status;
    struct so_person *person = &people->people[at];
    float mean[DIM];
    for (size_t i = 0; i < DIM; i++)
        mean[i] = (float)((double)person->voice[i] * person->recordings + (double)unit[i] * recordings);
    if (normalise(mean, mean)) memcpy(person->voice, mean, sizeof mean);
    person->recordings =
        person->recordings > UINT32_MAX - recordings ? UINT32_MAX : person->recordings + recordings;
    person->seconds += seconds;
    return SOTTO_OK;
}

void so_people_drop(struct sotto_people *people, size_t index) {
    so_free(people->people[index].name);
    so_free(people->people[index].voice);
    memmove(people->people + index, people->people + index + 1,
            (people->n - index - 1) * sizeof *people->people);
    people->n--;
}

sotto_status so_people_match(const struct sotto_people *people, const float *voices, size_t n,
                             float threshold, int *who, float *score, sotto_error *err) {
    for (size_t i = 0; i < n; i++) {
        who[i] = -1;
        score[i] = NAN;
    }
    if (!people || people->n == 0 || n == 0) return SOTTO_OK;
    float *near = so_alloc(n * people->n, sizeof *near);
    if (!near) return so_fail_memory(err, n * people->n * sizeof *near, "speakers");
    for (size_t i = 0; i < n; i++)
        for (size_t p = 0; p < people->n; p++) {
            float cosine = so_kernels()->dot_f32(DIM, voices + i * DIM, people->people[p].voice);
            near[i * people->n + p] = cosine;
            if (!(score[i] >= cosine)) score[i] = cosine;
        }
    for (;;) {
        size_t best = SIZE_MAX;
        for (size_t j = 0; j < n * people->n; j++)
            if (near[j] >= threshold && (best == SIZE_MAX || near[j] > near[best])) best = j;
        if (best == SIZE_MAX) break;
        size_t i = best / people->n, p = best % people->n;
        who[i] = (int)p;
        score[i] = near[best];
        for (size_t other = 0; other < people->n; other++) near[i * people->n + other] = -INFINITY;
        for (size_t other = 0; other < n; other++) near[other * people->n + p] = -INFINITY;
    }
    so_free(near);
    return SOTTO_OK;
}
