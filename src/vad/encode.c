/*
 * The four convolutions and the LSTM's input product. Outputs of one position are rows of one product over
 * all frames. The convolutions' biases are large beside what a quiet recording makes of the products, so they
 * are added last: a sum that starts with them loses two digits.
 */
#include "vad/layers.h"

/* x = max(x + bias, 0), x: [rows][n]. */
static void finish(const struct so_kernels *k, size_t rows, size_t n, float *x, const float *bias) {
    k->add_f32(rows, n, x, n, bias, 0);
    k->relu_f32(rows * n, x);
}

void so_vad_encode(const struct so_vad_weights *w, const struct so_kernels *k, size_t frames,
                   struct so_vad_scratch *scratch) {
    const float *spectra = scratch->spectra[0][0]; /* [frames][4][129] */
    float *c1 = scratch->conv1[0][0];              /* [frames][4][128] */
    float *c2 = scratch->conv2[0][0];              /* [frames][2][64] */
    float *c3 = scratch->conv3[0];                 /* [frames][64] */
    float *c4 = scratch->conv4[0];                 /* [frames][128] */
    const size_t bins = SO_VAD_BINS, ld0 = 4 * bins, ld1 = 4 * 128, ld2 = 2 * 64;

    k->gemm_f32(frames, 128, 2 * bins, spectra, ld0, w->conv1_first, NULL, c1, ld1);
    k->gemm_f32(frames, 128, 3 * bins, spectra, ld0, w->conv1_middle, NULL, c1 + 128, ld1);
    k->gemm_f32(frames, 128, 3 * bins, spectra + bins, ld0, w->conv1_middle, NULL, c1 + 2 * 128, ld1);
    k->gemm_f32(frames, 128, 2 * bins, spectra + 2 * bins, ld0, w->conv1_last, NULL, c1 + 3 * 128, ld1);
    finish(k, frames * 4, 128, c1, w->conv1_bias);

    /* Stride 2: around positions 0 and 2. */
    k->gemm_f32(frames, 64, 2 * 128, c1, ld1, w->conv2_first, NULL, c2, ld2);
    k->gemm_f32(frames, 64, 3 * 128, c1 + 128, ld1, w->conv2_last, NULL, c2 + 64, ld2);
    finish(k, frames * 2, 64, c2, w->conv2_bias);

    k->gemm_f32(frames, 64, 2 * 64, c2, ld2, w->conv3, NULL, c3, 64);
    finish(k, frames, 64, c3, w->conv3_bias);

    k->gemm_f32(frames, 128, 64, c3, 64, w->conv4, NULL, c4, 128);
    finish(k, frames, 128, c4, w->conv4_bias);

    k->gemm_f32(frames, SO_VAD_GATES, 128, c4, 128, w->input, w->input_bias, scratch->gates[0], SO_VAD_GATES);
}
