/**
 * Band-limited resampling by any ratio: windowed-sinc polyphase filter (Kaiser), streaming, one fixed order
 * of sums.
 */
#ifndef SO_AUDIO_RESAMPLE_H
#define SO_AUDIO_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct so_resampler;

/**
 * Rates in Hz, 1,000 to 768,000. Stop band at least 90 dB down, pass band flat to 0.45 of the lower rate
 * within 0.1 dB.
 */
sotto_status so_resampler_create(uint32_t rate_in, uint32_t rate_out, struct so_resampler **out,
                                 sotto_error *err);
void so_resampler_free(struct so_resampler *resampler);

/**
 * Feed `n_in` samples (NULL and 0: the end of the stream) and take up to `capacity` output samples; call
 * again with n_in 0 and a non-NULL `in` until it returns 0 in *n_out. Delay is compensated: output t is input
 * time t. The output does not depend on how the input is cut.
 */
sotto_status so_resampler_process(struct so_resampler *resampler, const float *in, size_t n_in, float *out,
                                  size_t capacity, size_t *n_out, sotto_error *err);

#endif
