/** A sequence's own keys and values, as the decoder's steps write and read them. Private to src/whisper. */
#ifndef SO_WHISPER_SEQ_H
#define SO_WHISPER_SEQ_H

#include "nn/attention.h"
#include "whisper/decoder.h"

/**
 * One layer's cache. Keys are packed like so_memory's, a position at a time. A value keeps a scale for each
 * position and head, because a scale over all positions would change with every token.
 */
struct so_seq_layer {
    int8_t *keys;       /**< SO_INT8: [heads] of s8 panels, N = capacity, K = 64 */
    int32_t *key_sums;  /**< SO_INT8: [heads][capacity] */
    float *key_scale;   /**< SO_INT8: [heads][capacity] */
    int8_t *values;     /**< SO_INT8: [capacity][state] */
    float *value_scale; /**< SO_INT8: [heads][capacity] */
    float *keys_f;      /**< SO_F32: [heads] of float panels, N = capacity, K = 64 */
    float *values_f;    /**< SO_F32: [capacity][state] */
};

struct so_seq {
    const struct so_model *model;
    const struct so_cross *cross;
    size_t length, capacity;     /**< positions; capacity is n_text_ctx rounded up to 16 */
    struct so_seq_layer *layers; /**< [n_text_layer] */
};

struct so_cross {
    const struct so_model *model;
    struct so_memory *layers; /**< [n_text_layer] */
};

/** Before the first of positions [position, position + 16) is written, if `position` is a multiple of 16: a
 * product reads all of a panel. */
void so_seq_open(struct so_seq *seq, size_t layer, size_t position);

/** Write the key and value of one position; key, value: float [state]. */
void so_seq_put(const struct so_kernels *kernels, struct so_seq *seq, size_t layer, size_t position,
                const float *key, const float *value);

/**
 * y[state] = attention of one query over positions [0, n). query: float [state]. scratch: at least
 * so_seq_scratch(capacity) bytes, 64-byte aligned.
 */
void so_seq_attend(const struct so_kernels *kernels, const struct so_seq *seq, size_t layer, size_t n,
                   const float *query, float *y, void *scratch);

#endif
