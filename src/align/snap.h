/** Words' edges moved to where the sound begins and ends. */
#ifndef SO_ALIGN_SNAP_H
#define SO_ALIGN_SNAP_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** Frames of 10 ms; end is the first one behind. */
struct so_edges {
    uint32_t start, end;
};

/**
 * words: [n], in order, not overlapping, within the `frames` of the samples. An edge in silence moves to the
 * nearest sound inside the word, an edge in sound to where the sound begins or ends, neither by more than 0.2
 * s nor over another word. Two words that meet in a silence part. What is silence is measured: the
 * recording's own quiet moments and its loudest ones decide.
 */
sotto_status so_snap(const float *samples, size_t n_samples, uint32_t frames, struct so_edges *words,
                     size_t n, sotto_error *err);

#endif
