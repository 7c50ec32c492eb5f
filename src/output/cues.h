/** Subtitles: a result's text in cues of a few short lines, each shown while it is said. */
#ifndef SO_OUTPUT_CUES_H
#define SO_OUTPUT_CUES_H

#include "sotto.h"
#include "util/arena.h"

struct so_cue {
    double start, end; /**< seconds */
    int speaker;       /**< as in sotto_segment */
    size_t n_lines;
    const char *const *lines; /**< [n_lines] */
};

struct so_cues {
    struct so_cue *cues; /**< [n], all in the arena */
    size_t n;
    struct so_arena arena;
};

/** A cue of one line for each segment. False for want of memory; free in any case. */
bool so_cues_of_segments(const sotto_result *result, struct so_cues *cues);

/**
 * Cues within the limits of the options. A cue never holds text of two segments and never reaches over a pause of a second; a
 * word is never divided, so one that is longer than a line has a line of its own. Among the ways to divide a segment the one
 * with few and full cues counts that ends them with sentences, clauses or pauses; a cue's lines are about equally long.
 * Short cues stay for options->cue_min_seconds if nothing comes before.
 */
bool so_cues_shape(const sotto_result *result, const sotto_format_options *options, struct so_cues *cues);

void so_cues_free(struct so_cues *cues);

#endif
