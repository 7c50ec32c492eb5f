/** Whisper in double precision, written straight from the paper: the specification that the engine is held to. */
#ifndef TEST_NAIVE_H
#define TEST_NAIVE_H

#include "toy.h"

/** states: double [frames/2][n_audio_state]; mel: float [frames][n_mels]. */
void naive_encode(const struct toy *toy, const float *mel, size_t frames, double *states);

/**
 * logits: double [n][n_vocab], after each of the n tokens; states: double [positions][n_audio_state]. looked, if not NULL: double
 * [n_text_layer][n_text_head][n][positions], the probabilities of cross attention.
 */
void naive_decode(const struct toy *toy, const double *states, size_t positions, const int32_t *tokens, size_t n, double *logits,
                  double *looked);

#endif
