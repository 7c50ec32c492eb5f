/* The four convolutions and the LSTM's input product. Outputs of one position are rows of one product over
 * all frames. */
#include "vad/layers.h"

void so_vad_encode(const struct so_vad_weights *w, const struct so_kernels *k, size_t frames,
                   struct so_vad_scratch *scratch) {
    const float *spectra = scratch->spectra[0][0]; /* [frames][4][129] */
    float *c1 = scratch->conv1[0][0];              /* [frames][4][128] */
    float *c2 = scratch->conv2[0][0];              /* [frames][2][64] */
    float *c3 = scratch->conv3[0];                 /* [frames][64] */
    float *c4 = scratch->conv4[0];                 /* [frames][128] */
    const size_t bins = SO_VAD_BINS, ld0 = 4 * bins, ld1 = 4 * 128, ld2 = 2 * 64;

    k->gemm_f32(frames, 128, 2 * bins, spectra, ld0, w->conv1_first, w->conv1_bias, c1, ld1);
    k->gemm_f32(frames, 128, 3 * bins, spectra, ld0, w->conv1_middle, w->conv1_bias, c1 + 128, ld1);
    k->gemm_f32(frames, 128, 3 * bins, spectra + bins, ld0, w->conv1_middle, w->conv1_bias, c1 + 2 * 128,
                ld1);
    k->gemm_f32(frames, 128, 2 * bins, spectra + 2 * bins, ld0, w->conv1_last, w->conv1_bias, c1 + 3 * 128,
                ld1);
    k->relu_f32(frames * ld1, c1);

    /* Stride 2: around positions 0 and 2. */
    k->gemm_f32(frames, 64, 2 * 128, c1, ld1, w->conv2_first, w->conv2_bias, c2, ld2);
    k->gemm_f32(frames, 64, 3 * 128, c1 + 128, ld1, w->conv2_last, w->conv2_bias, c2 + 64, ld2);
    k->relu_f32(frames * ld2, c2);

    k->gemm_f32(frames, 64, 2 * 64, c2, ld2, w->conv3, w->conv3_bias, c3, 64);
    k->relu_f32(frames * 64, c3);

    k->gemm_f32(frames, 128, 64, c3, 64, w->conv4, w->conv4_bias, c4, 128);
    k->relu_f32(frames * 128, c4);

    k->gemm_f32(frames, SO_VAD_GATES, 128, c4, 128, w->input, w->input_bias, scratch->gates[0], SO_VAD_GATES);
}
