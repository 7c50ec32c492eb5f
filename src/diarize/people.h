/** Names and voices that are known, and who of them is heard. */
#ifndef SO_DIARIZE_PEOPLE_H
#define SO_DIARIZE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

#define SO_PEOPLE_NAME 255 /**< bytes of a name, at most */
#define SO_PEOPLE_MOST 4096

struct so_person {
    char *name;
    uint32_t recordings;
    double seconds;
    float *voice; /**< [SO_EMBEDDING_SIZE], unit length: the mean of its recordings */
};

/** The public handle. */
struct sotto_people {
    struct so_person *people; /**< [n], by name */
    size_t n, capacity;
};

/** SOTTO_ERR_ARGUMENT for a name that is empty, too long, no UTF-8 or has control characters in it. */
sotto_status so_people_check_name(const char *name, sotto_error *err);

/** Add recordings (at least 1) of a voice, which need not be of unit length, to the mean of a name's. */
sotto_status so_people_add(struct sotto_people *people, const char *name, const float *voice,
                           uint32_t recordings, double seconds, sotto_error *err);

/** Index of a name, -1 if it is not there. */
int so_people_find(const struct sotto_people *people, const char *name);

/** Take out the person of this index. */
void so_people_drop(struct sotto_people *people, size_t index);

/**
 * Who is heard: voices [n][SO_EMBEDDING_SIZE] get at most one person each, and a person at most one voice;
 * the most alike first, none below the threshold. who: [n], -1: nobody; score: [n], cosine with who is most
 * alike, NaN without people.
 */
sotto_status so_people_match(const struct sotto_people *people, const float *voices, size_t n,
                             float threshold, int *who, float *score, sotto_error *err);

#endif
