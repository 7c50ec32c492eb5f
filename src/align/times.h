/** From the path through a picture of tokens over time to the first and last moment of each word. */
#ifndef SO_ALIGN_TIMES_H
#define SO_ALIGN_TIMES_H

#include <stddef.h>

#include "align/words.h"

/** Moments are positions of 20 ms; end is the first one behind. */
struct so_word_time {
    size_t start, end;
    size_t longest; /**< in: what a word of this text can take at most, said slowly (so_longest_word) */
};

/** Positions that a word of this text takes at most: 0.4 s and 0.12 s for each character, more for digits and
 * ideographs. */
size_t so_longest_word(const char *text);

/**
 * first: [n_tokens + 1] the position at which the path comes to each text token, and to the end of the text,
 * none less than the one before. attention: float [n_tokens + 1][ld], how much is looked for each of them,
 * and for the end, at each position. words: [n_words] over these tokens, in order; times: [n_words].
 *
 * The path gives every moment to some token, silence too. So a word begins where the attention to its first
 * token rises for the first time, and ends where the attention to what follows its last spoken token does;
 * punctuation, which is what the path gives pauses to, is no part of it. A word longer than `longest` and
 * than twice the median is cut to where its attention is.
 */
void so_word_times(const struct so_token_word *words, size_t n_words, const size_t *first,
                   const float *attention, size_t ld, size_t positions, struct so_word_time *times);

#endif
