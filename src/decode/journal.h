/**
 * What was finished of a long recording, on disk as it is finished: a text file of lines, appended to after
 * each chunk. Numbers are kept as their bits, so that what is read back is what was written. A file that ends
 * in the middle of something, as after a power cut, counts up to its last whole chunk.
 *
 *   sotto journal 1 FINGERPRINT
 *   segment START END TEMPERATURE LOGPROB COMPRESSION NO-SPEECH SPEAKER LANGUAGE N-TOKENS WORDS {TOKEN
 * LOGPROB}.. <tab>TEXT (WORDS: 0 for a segment without words, else their number and one) word START END
 * PROBABILITY SPEAKER<tab>TEXT chunk NUMBER END LANGUAGE PROBABILITY
 */
#ifndef SO_DECODE_JOURNAL_H
#define SO_DECODE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "decode/transcript.h"

struct so_journal {
    FILE *file; /**< open for appending; NULL: no journal is kept */
};

/** Where an interrupted call stood. */
struct so_journal_state {
    uint64_t chunks; /**< finished ones; their segments are in the transcript */
    double end;      /**< second of the recording up to which they go */
};

/**
 * Begin a journal at a path, or, with `resume`, go on with one there that has this fingerprint: its segments
 * go to the transcript, whose language it sets. fingerprint: of recording, model and options, without white
 * space.
 */
sotto_status so_journal_open(const char *path, const char *fingerprint, bool resume,
                             struct so_transcript *transcript, struct so_journal *journal,
                             struct so_journal_state *state, sotto_error *err);

/** A chunk is finished: its segments, which are the transcript's from `first` on, and the recording's
 * language so far. */
sotto_status so_journal_chunk(struct so_journal *journal, const struct so_transcript *transcript,
                              size_t first, uint64_t number, double end, sotto_error *err);

void so_journal_close(struct so_journal *journal);

#endif
