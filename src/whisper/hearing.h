/** A whole pass of a model, for those who look at its layers. */
#ifndef SO_WHISPER_HEARING_H
#define SO_WHISPER_HEARING_H

#include "model/model.h"
#include "nn/nn.h"
#include "util/error.h"
#include "util/pool.h"

/**
 * Encode up to `most` windows of 30 s and write down what is heard, the likeliest token each time, in the
 * likeliest language; `observe` is told of every linear layer. samples: [n] at 16 kHz; the end of the last
 * window is silence.
 */
sotto_status so_hear_and_write(const struct so_model *model, struct so_pool *pool, const float *samples,
                               size_t n, size_t most,
                               void (*observe)(void *, const struct so_matrix *, size_t,
                                               const struct so_rows *),
                               void *observer, sotto_error *err);

#endif
