/** Writing a .sotto file: quantise and pack tensor by tensor; memory is a few panels and the front of the
 * file. */
#ifndef SO_MODEL_WRITER_H
#define SO_MODEL_WRITER_H

#include "model/layout.h"

/** Everything but the weights. Borrowed. */
struct so_model_parts {
    const char *name; /**< so_model_name_valid */
    enum so_precision precision;
    struct so_hparams hp;
    const struct so_vocab *vocab;    /**< bytes, offsets, sorted and the suppress list */
    const float *mel_filters;        /**< [n_mels][201] */
    const uint16_t *alignment_heads; /**< [n_alignment_heads][2]: layer, head */
    size_t n_alignment_heads;
};

/** Where the weights come from. */
struct so_weights {
    void *context;

    /**
     * Rows [first, first + count) of one part of an item, in float32.
     * WEIGHT of a matrix or table: rows of item->k; of a convolution: rows of item->k = inputs * 3, tap
     * fastest; BIAS, GAMMA, BETA: one value for each row. A bias is not asked for where item->has_bias is
     * false.
     */
    sotto_status (*rows)(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                         uint32_t count, float *out, sotto_error *err);

    void (*on_progress)(void *context, size_t done, size_t total); /**< items; may be NULL */

    /**
     * INT4: `rows` <= 16 rows of a matrix, from `first` on, quantised. w: float [rows][k]; q: int8 [rows][k] in [-8, 7]; steps:
     * [rows][k/32] in [0, 255]; scale: [rows]; w is about q * step * scale. NULL where no INT4 is written.
     */
    void *quantiser;
    sotto_status (*quantise)(void *quantiser, const struct so_item *item, uint32_t first, uint32_t rows, const float *w, int8_t *q,
                             uint8_t *steps, float *scale, sotto_error *err);
};

/** Write the file, whole or not at all. Weights that are not finite are refused with SOTTO_ERR_MODEL. */
sotto_status so_model_write(const char *path, const struct so_model_parts *parts,
                            const struct so_weights *weights, sotto_error *err);

#endif
