/** For the tests of src/vad: made-up weights of the right shapes, and the network written down plainly. */
#ifndef SO_TESTS_VAD_SUPPORT_H
#define SO_TESTS_VAD_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "vad/vad.h"

/** A generator of its own, the same on every machine. */
uint32_t next_bits(uint32_t *state);
/** Uniform in [-1, 1). */
float next_float(uint32_t *state);

/** All tensors of the network, in the order of the fields of struct so_vad_tensors. */
struct made_weights {
    float stft[258 * 256];
    float conv1_weight[128 * 129 * 3], conv1_bias[128];
    float conv2_weight[64 * 128 * 3], conv2_bias[64];
    float conv3_weight[64 * 64 * 3], conv3_bias[64];
    float conv4_weight[128 * 64 * 3], conv4_bias[128];
    float weight_ih[512 * 128], weight_hh[512 * 128], bias_ih[512], bias_hh[512];
    float final_weight[128], final_bias[1];
};

/** The Fourier transform with a Hann window, and random values of a size that keeps every layer's output
 * lively. */
void make_weights(struct made_weights *made, uint32_t seed);

struct so_vad_tensors made_tensors(const struct made_weights *made);

/** Samples with loud and quiet stretches. */
void make_sound(float *samples, size_t n, uint32_t seed);

/** The definition of the network in double precision, frame after frame. probability: double [ceil(n/512)] */
void plain_vad(const struct made_weights *w, const float *samples, size_t n, double *probability);

#endif
