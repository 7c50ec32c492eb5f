/** Products of the speaker networks: one worker's, in the precision of the weights. */
#ifndef SO_DIARIZE_LAYERS_H
#define SO_DIARIZE_LAYERS_H

#include "backend/cpu/kernels.h"
#include "diarize/network.h"

struct so_backend;

#define SO_PRODUCT_ROWS 96     /**< that a product takes at a time */
#define SO_PRODUCT_COLUMNS 512 /**< of the widest product */

/** What a worker computes with; acc is int32 [SO_PRODUCT_ROWS * SO_PRODUCT_COLUMNS]. */
struct so_worker {
    const struct so_kernels *kernels;
    struct so_backend *backend; /**< NULL: the CPU's kernels only */
    int32_t *acc;
};

/** Rows of activations, in the precision of the matrix that they go to. */
struct so_activations {
    const float *f;     /**< F32: [rows][stride] */
    const uint8_t *q;   /**< INT8: [rows][stride], 4*ceil(k/4) bytes of each readable */
    const float *scale; /**< INT8: one for each row */
    size_t stride;      /**< may be less than k: rows may overlap */
    int zero;           /**< INT8: 128, or 0 for rows without negative values */
};

/** y = W in + bias; y: float [rows][ldy], all 16*ceil(n/16) columns written. */
void so_product(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                const struct so_activations *in, float *y, size_t ldy);

/** y += W in + bias. sums: float scratch [rows][16*ceil(n/16)] of a float matrix. */
void so_product_add(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                    const struct so_activations *in, float *y, size_t ldy, float *sums);

/** so_product for a pair. */
void so_product_fine(const struct so_worker *worker, const struct so_fine_matrix *w, size_t rows,
                     const struct so_activations *in, float *y, size_t ldy);

#endif
