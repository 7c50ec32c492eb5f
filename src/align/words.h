/** Which tokens make a word. */
#ifndef SO_ALIGN_WORDS_H
#define SO_ALIGN_WORDS_H

#include <stdbool.h>

#include "model/vocab.h"

struct so_token_word {
    size_t first, n; /**< text tokens: all of the word */
    size_t spoken,
        n_spoken; /**< those of them that are no punctuation before or after it; all if there are no others */
};

/**
 * Divide a segment's n >= 1 text tokens (no special ones) into words [n]; returns how many there are. Every
 * token is in exactly one word, in order, and no character is divided. A word begins with a space or with
 * punctuation; where `by_character` (languages written without spaces) wherever a token begins with a character. Opening
 * punctuation is joined to the word after it, closing punctuation to the one before (as OpenAI's tokenizer
 * and timing).
 */
size_t so_token_words(const struct so_vocab *vocab, const int32_t *tokens, size_t n, bool by_character,
                      struct so_token_word *words);

/** Whether a language, by index, is written without spaces between words. */
bool so_language_without_spaces(int index);

#endif
