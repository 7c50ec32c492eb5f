/** Texts that repeat themselves: the model sometimes says the same words again and again until its context is
 * full. */
#ifndef SO_DECODE_LOOP_H
#define SO_DECODE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/vocab.h"

/**
 * Whether a text ends in a loop: the same 1 to 56 tokens at least four times, of which at least 20 tokens are
 * repetition. Timestamps between them do not count. tokens: [n]; *keep: how many of them stand before the
 * repetition, the first occurrence and the timestamp behind it included.
 */
bool so_loop_at_end(const struct so_vocab *vocab, const int32_t *tokens, size_t n, size_t *keep);

/** The first loop anywhere in a text. */
bool so_loop_find(const struct so_vocab *vocab, const int32_t *tokens, size_t n, size_t *keep);

#endif
