/** Weights from float rows to the kernels' panels (backend/cpu/kernels.h), one panel of 16 output channels at
 * a time. */
#ifndef SO_MODEL_PACK_H
#define SO_MODEL_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SO_PANEL 16

/** Whether all of n values are finite. */
bool so_all_finite(const float *values, size_t n);

/**
 * Quantise `rows` <= 16 output channels of finite weights, symmetric per channel: scale = max|w| / 127,
 * q = rint(w * (127 / max|w|)), ties to even. A channel that is zero (or below 1e-30) gets zeros and scale 0.
 * weights: float [rows][k]; panel: int8 [ceil(k/4)][16][4]; scale, bsum: [16].
 */
void so_pack_s8(const float *weights, size_t rows, size_t k, int8_t *panel, float *scale, int32_t *bsum);

/**
 * `rows` <= 16 output channels of quantised values to s4 panels. q: int8 [rows][k] in [-8, 7]; steps: [rows][k/32]; panel:
 * [k/32] groups; bsum: [16]. k is a multiple of 32.
 */
void so_pack_s4(const int8_t *q, const uint8_t *steps, size_t rows, size_t k, uint8_t *panel, int32_t *bsum);

/** weights: float [rows][k]; panel: float [k][16]. */
void so_pack_f32(const float *weights, size_t rows, size_t k, float *panel);

/** A convolution's filter from [inputs][3] to [3][inputs]. */
void so_pack_taps(const float *filter, size_t inputs, float *out);

#endif
