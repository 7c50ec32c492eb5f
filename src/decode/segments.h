/** From a window's tokens to segments, and how far the window has been understood (OpenAI's transcribe.py). */
#ifndef SO_DECODE_SEGMENTS_H
#define SO_DECODE_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "model/vocab.h"

/** Tokens [first, first + count) of a window and when they are spoken, in frames of 10 ms from its start. */
struct so_cut {
    size_t first, count;
    uint32_t start, end;
};

struct so_split {
    size_t n_spans;
    uint32_t advance; /**< frames to the start of the next window, at least 1 */
};

/**
 * Cut at each pair of timestamps. tokens: [n], without the end-of-text token; frames: length of the window's audio, at
 * least 1; spans: [n / 2 + 1]. Without a pair the whole window is one span that ends at its last timestamp, or with
 * the window. What follows the last pair is unfinished: the next window starts there, unless the text ends with one
 * single timestamp: nobody speaks after it, and the next window starts after this one.
 */
struct so_split so_segments_split(const struct so_vocab *vocab, const int32_t *tokens, size_t n, uint32_t frames,
                                  struct so_cut *spans);

#endif
