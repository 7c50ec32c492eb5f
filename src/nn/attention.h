/**
 * Scaled dot-product attention (Vaswani et al. 2017) over keys and values that were packed once: softmax(Q K' / 8) V,
 * heads of 64 channels. In INT8 queries have a scale for each row and head, keys for each position and head, values for
 * each channel and head over all positions; probabilities are unsigned bytes relative to the row's maximum.
 */
#ifndef SO_NN_ATTENTION_H
#define SO_NN_ATTENTION_H

#include "nn/nn.h"

/** Keys and values of one layer over the same positions, for all heads. */
struct so_memory {
    enum so_precision precision;
    size_t heads, capacity; /**< positions there is room for */
    size_t positions;       /**< positions that are filled */
    /* SO_INT8 */
    int8_t *keys;         /**< [heads] of s8 panels, N = capacity, K = 64 */
    int32_t *key_sums;    /**< [heads][16*ceil(capacity/16)] */
    float *key_scale;     /**< [heads][16*ceil(capacity/16)] */
    int8_t *values;       /**< [heads] of s8 panels, N = 64, K = capacity */
    int32_t *value_sums;  /**< [heads][64] */
    float *value_scale;   /**< [heads][64] */
    /* SO_F32 */
    float *keys_f;   /**< [heads] of float panels, N = capacity, K = 64 */
    float *values_f; /**< [heads] of float panels, N = 64, K = positions */
    void *slab;      /**< of the first of several: what all their arrays lie in */
};

/**
 * n memories (of a model's layers) in one piece, which the system can give large pages: a step of the decoder reads them
 * all, once. False for want of memory; nothing is to be freed then.
 */
bool so_memories_create(struct so_memory *memories, size_t n, enum so_precision precision, size_t heads, size_t capacity);
void so_memories_free(struct so_memory *memories, size_t n); /**< zeroed ones are allowed */

/** Pack keys and values: float [positions][ld] each, head h in columns [64h, 64h + 64). positions <= capacity. */
void so_memory_fill(struct so_nn *nn, struct so_memory *memory, size_t positions, const float *keys, const float *values, size_t ld);

/** At most SO_QUERY_BLOCK (nn/shape.h) rows of queries that look at the same memory. */
struct so_attend_block {
    const struct so_memory *memory;
    size_t first, n; /**< rows [first, first + n) of the queries */
};

/**
 * y[row][64h..] = attention of each query row over its block's memory, all of which have the same number of heads.
 * queries: float [rows][ldq], not yet scaled; y: float [rows][ldy]. Returns whether a device computed the products.
 */
bool so_attend(struct so_nn *nn, const struct so_attend_block *blocks, size_t n_blocks, const float *queries, size_t ldq, float *y,
               size_t ldy);

/**
 * Where one head looks: weights[r][j] = softmax over j < positions of the scores of query r. queries: float [n][ldq], the head's 64
 * columns in place; weights: float [n][ldw], ldw >= 16*ceil(positions/16), 0 past `positions` up to there. scratch: a worker's.
 */
void so_attention_weights(const struct so_kernels *kernels, const struct so_memory *memory, size_t head, size_t n, size_t positions,
                          const float *queries, size_t ldq, float *weights, size_t ldw, void *scratch);

#endif
