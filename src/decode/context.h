/** How much of the window the encoder is given when the speech in it is shorter. */
#ifndef SO_DECODE_CONTEXT_H
#define SO_DECODE_CONTEXT_H

#include "model/model.h"

/**
 * Encoder positions (20 ms each) for n_samples of audio. Whisper was trained on windows of 30 s; a model whose error rates were
 * measured with less (make accuracy compares both) gets, for up to 12 s, the audio, some silence
 * and not less than a floor; every other model, and longer audio, gets all n_audio_ctx. `full`: all in any case.
 */
size_t so_context_positions(const struct so_model *model, size_t n_samples, bool full);

#endif
