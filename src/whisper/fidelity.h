/** How near a quantised model comes to the weights that it was made from. */
#ifndef SO_WHISPER_FIDELITY_H
#define SO_WHISPER_FIDELITY_H

#include "model/writer.h"
#include "util/pool.h"

/**
 * Encode a window of made-up speech with the model and with its weights in float32, read from `weights` a
 * layer at a time (memory: one layer). *correlation: Pearson's, over all states with each channel's mean
 * removed; 0 if either does not vary.
 */
sotto_status so_fidelity(const struct so_model *model, const struct so_weights *weights, struct so_pool *pool,
                         double *correlation, sotto_error *err);

/** Made-up speech at 16 kHz: voiced sounds of changing pitch and vowel, hisses, pauses. The same at each
 * call. */
void so_made_up_speech(float *samples, size_t n);

#endif
