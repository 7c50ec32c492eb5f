/** Whisper's audio encoder: log-mel -> two convolutions -> transformer blocks -> states (Radford et al. 2022, section 2.2). */
#ifndef SO_WHISPER_ENCODER_H
#define SO_WHISPER_ENCODER_H

#include "model/model.h"
#include "nn/nn.h"
#include "util/error.h"
#include "util/pool.h"

struct so_encoder; /**< scratch for one window; for one caller at a time */

sotto_status so_encoder_create(const struct so_model *model, struct so_pool *pool, struct so_encoder **out, sotto_error *err);
void so_encoder_free(struct so_encoder *encoder);

/**
 * mel: float [frames][n_mels] as so_logmel_window gives it, frames even and at most 2*n_audio_ctx.
 * *states: float [frames/2][n_audio_state], after the last layer norm; owned by the encoder until the next call.
 */
sotto_status so_encoder_run(struct so_encoder *encoder, const float *mel, size_t frames, const float **states, sotto_error *err);

/** The same in steps, for weights that are not all in memory: the convolutions, each layer, the last norm. frames / 2 positions. */
sotto_status so_encoder_begin(struct so_encoder *encoder, const float *mel, size_t frames, sotto_error *err);
void so_encoder_layer(struct so_encoder *encoder, const struct so_encoder_layer *layer, size_t positions);
const float *so_encoder_end(struct so_encoder *encoder, size_t positions);

/** Matrix products computed so far. */
struct so_products so_encoder_products(const struct so_encoder *encoder);

/** Let a device compute INT8 products; borrowed, NULL: none. */
void so_encoder_use(struct so_encoder *encoder, struct so_backend *backend);

/** Be told of each linear layer, as so_nn.observe. */
void so_encoder_observe(struct so_encoder *encoder, void (*observe)(void *, const struct so_matrix *, size_t, const struct so_rows *), void *observer);

#endif
