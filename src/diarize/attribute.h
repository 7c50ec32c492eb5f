/** Words meet turns: who speaks between two moments, by search and not by going through all turns. */
#ifndef SO_DIARIZE_ATTRIBUTE_H
#define SO_DIARIZE_ATTRIBUTE_H

#include <stdbool.h>

#include "diarize/turns.h"

struct so_turn_index; /**< each speaker's turns apart, by time */

/** turns are not needed afterwards. */
sotto_status so_turn_index_create(const struct so_turns *turns, struct so_turn_index **out, sotto_error *err);
void so_turn_index_free(struct so_turn_index *index); /**< NULL is allowed */

/**
 * The speaker with the largest share of [start, end]; nobody's there, the one whose turn is nearest. Of equal
 * ones `before` (-1: none), then the lower number. -1 if there are no turns at all. *overlap: whether
 * somebody else speaks for half of the time or more.
 */
int so_turn_index_speaker(const struct so_turn_index *index, double start, double end, int before,
                          bool *overlap);

/** What is said, for so_attribute. */
struct so_utterance {
    double start, end;
    int speaker;
    bool overlap;
};

/**
 * The speaker of each word: words [n], in order of time. A word of less than 0.4 s of somebody else between
 * two words of one speaker, with no pause on either side, goes with them: edges of turns and of words are not
 * as exact as that.
 */
void so_attribute(const struct so_turn_index *index, struct so_utterance *words, size_t n);

#endif
