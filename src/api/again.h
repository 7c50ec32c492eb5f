/** Transcriptions one after another that share what is dear to make. */
#ifndef SO_API_AGAIN_H
#define SO_API_AGAIN_H

#include "decode/machine.h"
#include "sotto.h"

/**
 * As sotto_transcribe_pcm. kept: zero at first; holds threads and buffers from one call to the next with the same model and number of
 * threads; freed with so_machine_let_go before the model is closed. NULL: nothing is kept.
 */
sotto_status so_transcribe_again(const sotto_model *model, const float *samples, size_t n_samples, const sotto_options *options,
                                 struct so_machine_hold *kept, sotto_result **out, sotto_error *err);

#endif
