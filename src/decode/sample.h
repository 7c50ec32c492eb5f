/** The choice of one token from filtered logits: the most probable one, or a draw at a temperature. */
#ifndef SO_DECODE_SAMPLE_H
#define SO_DECODE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "decode/rng.h"

/** The first of the largest logits [n]; -1 if none is allowed (all are -infinity) or they are not numbers. */
int32_t so_sample_best(const float *logits, size_t n);

/**
 * Draw from softmax(logits / temperature) by inversion of the cumulative sum, in the order of the ids.
 * logits: [n]; scratch: [16*ceil(n/16)]; temperature > 0. -1 as above.
 */
int32_t so_sample_draw(const float *logits, size_t n, float temperature, const struct so_draw *draw, float *scratch);

#endif
