/** The detector's weights: checked, and packed for the kernels. Read-only, shared by all streams. */
#ifndef SO_VAD_WEIGHTS_H
#define SO_VAD_WEIGHTS_H

#include <stddef.h>

#include "util/error.h"

/** File name in the model folder. */
#define SO_VAD_FILE "silero-vad.safetensors"

#define SO_VAD_WINDOW 256 /**< samples of a spectrum */
#define SO_VAD_BINS 129
#define SO_VAD_STATE 128 /**< of the LSTM */
#define SO_VAD_GATES (4 * SO_VAD_STATE)

struct so_vad_weights;

/** The tensors as the file holds them: the last index varies fastest. */
struct so_vad_tensors {
    const float
        *stft; /**< stft_conv.weight [258][256]: 129 cosine, then 129 sine rows, each times the window */
    const float *conv1_weight; /**< [128][129][3] */
    const float *conv1_bias;   /**< [128] */
    const float *conv2_weight; /**< [64][128][3] */
    const float *conv2_bias;   /**< [64] */
    const float *conv3_weight; /**< [64][64][3] */
    const float *conv3_bias;   /**< [64] */
    const float *conv4_weight; /**< [128][64][3] */
    const float *conv4_bias;   /**< [128] */
    const float *weight_ih;    /**< lstm_cell.weight_ih [512][128]: input, forget, cell, output gates */
    const float *weight_hh;    /**< lstm_cell.weight_hh [512][128] */
    const float *bias_ih;      /**< [512] */
    const float *bias_hh;      /**< [512] */
    const float *final_weight; /**< final_conv.weight [128] */
    const float *final_bias;   /**< [1] */
};

/**
 * Read, check and pack a safetensors file: each tensor must be there once, float, finite and of exactly the
 * shape above. path: NULL for SO_VAD_FILE in the model folder.
 */
sotto_status so_vad_weights_load(const char *path, struct so_vad_weights **out, sotto_error *err);

/**
 * Pack tensors that are in memory (copied). SOTTO_ERR_MODEL if a value is not finite or the spectrum's rows
 * have not the symmetry of windowed cosines and sines, which the computation uses.
 */
sotto_status so_vad_weights_pack(const struct so_vad_tensors *tensors, struct so_vad_weights **out,
                                 sotto_error *err);

void so_vad_weights_free(struct so_vad_weights *weights); /**< NULL is allowed */

#endif
