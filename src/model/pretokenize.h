/**
 * GPT-2's split of text into pieces, in which byte pairs are then merged (Radford et al. 2019; the pattern is
 * in its encoder): 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 */
#ifndef SO_MODEL_PRETOKENIZE_H
#define SO_MODEL_PRETOKENIZE_H

#include <stddef.h>

/**
 * Length in bytes of the piece that `text` begins with, of which `length` >= 1 bytes are left: at least 1, at
 * most `most` (>= 8), where a longer piece is cut at the end of a character. Invalid UTF-8 counts as
 * punctuation.
 */
size_t so_pretokenize(const char *text, size_t length, size_t most);

#endif
