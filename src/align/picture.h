/** What the alignment heads saw, as one picture of tokens over time. */
#ifndef SO_ALIGN_PICTURE_H
#define SO_ALIGN_PICTURE_H

#include <stddef.h>

#include "util/pool.h"

/** Width of the median filter over time, in positions: OpenAI's. */
#define SO_PICTURE_FILTER 7

/**
 * weights: float [heads][rows][ld], of which `positions` columns count; ld is a multiple of 16. Two pictures
 * of them, each float [rows][ld], a mean over the heads: contrast: each column of a head less its mean over
 * the rows, divided by its standard deviation (0 where that is 0), then a median filter of 7 over time, as
 * OpenAI's word times: which token a moment belongs to, however faint; attention: a median filter of 3 over
 * time: when a token is looked for, and how much. Beyond its ends a row is mirrored.
 */
void so_picture(struct so_pool *pool, const float *weights, size_t heads, size_t rows, size_t positions,
                size_t ld, float *contrast, float *attention);

#endif
