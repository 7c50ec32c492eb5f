#include "decode/segments.h"

#include <stdbool.h>

enum { FRAMES_PER_STEP = 2 }; // a timestamp step of 20 ms

/** Frames from the window's start; 0 for a token that is no timestamp, which the rules never put where times stand. */
static uint32_t frame_of(const struct so_vocab *vocab, int32_t token) {
    return so_vocab_is_timestamp(vocab, token) ? (uint32_t)(token - vocab->first_timestamp) * FRAMES_PER_STEP : 0;
}

static struct so_split whole_window(const struct so_vocab *vocab, const int32_t *tokens, size_t n, uint32_t frames,
                                    struct so_cut *spans) {
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++)
        if (so_vocab_is_timestamp(vocab, tokens[i])) end = frame_of(vocab, tokens[i]);
    spans[0] = (struct so_cut){0, n, 0, end > 0 ? end : frames};
    return (struct so_split){1, frames};
}

struct so_split so_segments_split(const struct so_vocab *vocab, const int32_t *tokens, size_t n, uint32_t frames,
                                  struct so_cut *spans) {
    struct so_split split = {0, frames};
    bool single_ending = n >= 2 && !so_vocab_is_timestamp(vocab, tokens[n - 2]) && so_vocab_is_timestamp(vocab, tokens[n - 1]);
    size_t first = 0;
    for (size_t i = 1; i <= n; i++) {
        bool pair = i < n && so_vocab_is_timestamp(vocab, tokens[i - 1]) && so_vocab_is_timestamp(vocab, tokens[i]);
        bool ending = i == n && single_ending && split.n_spans > 0;
        if (!pair && !ending) continue;
        spans[split.n_spans++] =
            (struct so_cut){first, i - first, frame_of(vocab, tokens[first]), frame_of(vocab, tokens[i - 1])};
        first = i;
    }
    if (split.n_spans == 0) return whole_window(vocab, tokens, n, frames, spans);
    uint32_t last = frame_of(vocab, tokens[first - 1]);
    if (!single_ending && last > 0) split.advance = last;
    return split;
}
