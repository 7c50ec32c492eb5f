/** The options about speakers that `transcribe` and `diarize` share. */
#ifndef SO_CLI_SPEAKERS_H
#define SO_CLI_SPEAKERS_H

#include <getopt.h>
#include <stdbool.h>

#include "sotto.h"

enum {
    SO_OPT_SPEAKERS = 1000,
    SO_OPT_MIN_SPEAKERS,
    SO_OPT_MAX_SPEAKERS,
    SO_OPT_DIARIZE_SPEED,
    SO_OPT_ENROLL,
    SO_OPT_STORE,
    SO_OPT_SCORE,
    SO_OPT_VOICES,
    SO_OPT_SPEAKER_MODEL,
};

/** Entries for a table of getopt_long. */
#define SO_SPEAKER_OPTIONS                                                                                  \
    {"speakers", required_argument, NULL, SO_OPT_SPEAKERS},                                                 \
        {"min-speakers", required_argument, NULL, SO_OPT_MIN_SPEAKERS},                                     \
        {"max-speakers", required_argument, NULL, SO_OPT_MAX_SPEAKERS},                                     \
        {"diarize-speed", required_argument, NULL, SO_OPT_DIARIZE_SPEED},                                   \
        {"enroll", required_argument, NULL, SO_OPT_ENROLL},                                                 \
        {"store", required_argument, NULL, SO_OPT_STORE}, {"score", required_argument, NULL, SO_OPT_SCORE}, \
        {"voices", no_argument, NULL, SO_OPT_VOICES}, {                                                     \
        "speaker-model", required_argument, NULL, SO_OPT_SPEAKER_MODEL                                      \
    }

/** What --help says of them. */
#define SO_SPEAKER_HELP                                                                                   \
    "      --speakers N           exactly so many speakers; --min-speakers N, --max-speakers N: bounds\n" \
    "      --diarize-speed accurate|fast   fast: look every two seconds in place of every one\n"          \
    "      --enroll NAME=FILE     call a voice by name that sounds like the one in FILE (may be given "   \
    "again)\n"                                                                                            \
    "      --store PATH|default   call voices by the names of known speakers (see sotto speakers)\n"      \
    "      --score S              likeness from which a voice is recognised, -1 to 1 (default 0.4)\n"     \
    "      --voices               put voices (192 numbers each) into the JSON\n"                          \
    "      --speaker-model NAME|PATH   (default speakers)\n"

enum { SO_MAX_ENROLL = 64 };

struct so_speaker_arguments {
    const char *store;
    const char *enroll[SO_MAX_ENROLL];
    size_t n_enroll;
};

/** Whether an option is one of these. *problem: what is wrong with its value, NULL: nothing. */
bool so_speaker_take(int option, const char *value, struct so_speaker_arguments *arguments,
                     sotto_options *options, const char **problem);

/** The path of a store: `name`, or for NULL and "default" the user's own. False with a complaint. */
bool so_speaker_store(const char *name, char *path, size_t size);

/**
 * The people that the arguments name, into options->people (NULL: none are named); false with a complaint.
 * Free *people with sotto_people_free.
 */
bool so_speaker_people(const struct so_speaker_arguments *arguments, sotto_options *options,
                       sotto_people **people);

/** A line on standard error for each speaker who was recognised. */
void so_speaker_report(const char *file, const sotto_result *result);

#endif
