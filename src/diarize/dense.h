/** The densely connected layers of the embedding network: [frames/2][128] to [frames/2][512]. */
#ifndef SO_DIARIZE_DENSE_H
#define SO_DIARIZE_DENSE_H

#include "diarize/layers.h"
#include "diarize/network.h"

/** Room for some number of rows; zero-initialised has none. */
struct so_dense_scratch {
    size_t rows;
    float *columns[2]; /**< [rows][1024]: a block's columns, and the next block's */
    float *local;      /**< [rows][96] */
    float *gates;      /**< [ceil(rows/100)][128]: first sums of a context segment, then its gates */
    float wide[SO_CONTEXT_FRAMES * SO_DENSE_MAX_WIDTH];
    uint8_t q_wide[SO_CONTEXT_FRAMES * SO_DENSE_MAX_WIDTH];
    float narrow[SO_CONTEXT_FRAMES * SO_BOTTLENECK];
    uint8_t q_narrow[SO_CONTEXT_FRAMES * SO_BOTTLENECK];
    float scale[SO_CONTEXT_FRAMES];
};

bool so_dense_reserve(struct so_dense_scratch *scratch, size_t rows);
void so_dense_release(struct so_dense_scratch *scratch);

/** scratch->columns[0] holds the first 128 columns; returns the array whose first 512 columns are the result.
 */
float *so_dense_run(const struct so_worker *worker, const struct so_embedding_weights *w, size_t rows,
                    struct so_dense_scratch *scratch);

#endif
