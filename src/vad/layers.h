/** What the packed weights look like inside, and the part of the network that has no memory. */
#ifndef SO_VAD_LAYERS_H
#define SO_VAD_LAYERS_H

#include "backend/cpu/kernels.h"
#include "vad/vad.h"

#define SO_VAD_CONTEXT 64  /**< samples of the frame before */
#define SO_VAD_WINDOWS 4   /**< spectra of a frame, every 128 samples */
#define SO_VAD_BATCH 32    /**< frames computed at once */
#define SO_VAD_HALF 64     /**< half of a spectrum's bins, and the length of each folded input */
#define SO_VAD_HALF_OUT 80 /**< 65 outputs in whole panels */

/** Float panels (backend/cpu/kernels.h) of K inputs and N outputs, and biases, all in `memory`. */
struct so_vad_weights {
    float *memory;
    const float *cos_even; /**< K 64, N 65: see vad/spectrum.c */
    const float *cos_odd;  /**< K 64, N 64 */
    const float *sin_even; /**< K 64, N 64 */
    const float *sin_odd;  /**< K 64, N 64 */
    /* A convolution's outputs at the border leave out the tap that would read padding. */
    const float *conv1_first, *conv1_middle,
        *conv1_last; /**< N 128; K 2*129, 3*129, 2*129; bins in the order of so_vad_bin */
    const float *conv1_bias;
    const float *conv2_first, *conv2_last; /**< N 64; K 2*128, 3*128 */
    const float *conv2_bias;
    const float *conv3, *conv3_bias; /**< N 64, K 2*64 */
    const float *conv4, *conv4_bias; /**< N 128, K 64 */
    const float *input, *input_bias; /**< N 512, K 128; the bias is the sum of the LSTM's two */
    const float *recurrent;          /**< N 512, K 128 */
    const float *final, *final_bias; /**< N 1, K 128 */
};

/** The bin that stands at a place of a spectrum as so_vad_spectra writes it: 0..63, then 128..65, then 64. */
static inline size_t so_vad_bin(size_t place) {
    return place < 64 ? place : place < 128 ? 192 - place : 64;
}

/** Room for one batch; not all of it lives at the same time. */
struct so_vad_scratch {
    float folded[SO_VAD_BATCH * SO_VAD_WINDOWS][4 * SO_VAD_HALF];
    float half[SO_VAD_BATCH * SO_VAD_WINDOWS][SO_VAD_HALF_OUT + 3 * SO_VAD_HALF];
    float spectra[SO_VAD_BATCH][SO_VAD_WINDOWS][SO_VAD_BINS];
    float conv1[SO_VAD_BATCH][4][128];
    float conv2[SO_VAD_BATCH][2][64];
    float conv3[SO_VAD_BATCH][64];
    float conv4[SO_VAD_BATCH][128];
    float gates[SO_VAD_BATCH][SO_VAD_GATES];
    float states[SO_VAD_BATCH][SO_VAD_STATE];
    float logits[SO_VAD_BATCH][SO_LANES];
};

/**
 * scratch->spectra of `frames` <= SO_VAD_BATCH frames. samples: float [64 + frames*512], frame f being the
 * 576 samples from f*512 on.
 */
void so_vad_spectra(const struct so_vad_weights *w, const struct so_kernels *k, size_t frames,
                    const float *samples, struct so_vad_scratch *scratch);

/** scratch->gates: what the LSTM's gates get from the input, from scratch->spectra. */
void so_vad_encode(const struct so_vad_weights *w, const struct so_kernels *k, size_t frames,
                   struct so_vad_scratch *scratch);

#endif
