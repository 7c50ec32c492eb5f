/**
 * Whisper's text decoder, one step at a time for many sequences: the weights are read once for all rows of a step.
 * A row's result does not depend on which other rows share its step.
 */
#ifndef SO_WHISPER_DECODER_H
#define SO_WHISPER_DECODER_H

#include <stdbool.h>

#include "model/model.h"
#include "nn/nn.h"
#include "util/error.h"
#include "util/pool.h"

struct so_decoder; /**< scratch for one step; for one caller at a time */
struct so_cross;   /**< keys and values of all layers over one window's encoder states; shared by sequences */
struct so_seq;     /**< keys and values of one sequence's own tokens */

sotto_status so_decoder_create(const struct so_model *model, struct so_pool *pool, size_t max_rows, struct so_decoder **out,
                               sotto_error *err);
void so_decoder_free(struct so_decoder *decoder);

/** Compute a window's cross keys and values. states: float [positions][n_audio_state]. */
sotto_status so_cross_create(const struct so_model *model, struct so_cross **out, sotto_error *err);
sotto_status so_cross_fill(struct so_decoder *decoder, struct so_cross *cross, const float *states, size_t positions, sotto_error *err);
void so_cross_free(struct so_cross *cross);

sotto_status so_seq_create(const struct so_model *model, struct so_seq **out, sotto_error *err);
void so_seq_free(struct so_seq *seq);
/** Forget all tokens and listen to `cross`, which must outlive the sequence's use of it. */
void so_seq_reset(struct so_seq *seq, const struct so_cross *cross);
/** Become a copy of another sequence (beam search). */
void so_seq_copy(struct so_seq *seq, const struct so_seq *from);
size_t so_seq_length(const struct so_seq *seq); /**< tokens so far */
/** Forget the tokens from position `length` on. */
void so_seq_truncate(struct so_seq *seq, size_t length);

/** One token for one sequence. Rows of a sequence stand together, in the order of their positions. */
struct so_step_row {
    struct so_seq *seq;
    int32_t token;
    float *logits; /**< NULL: not wanted; else [16*ceil(n_vocab/16)], entries past n_vocab are unspecified */
};

/**
 * Append each row's token to its sequence and compute the logits of the token after it. rows <= max_rows.
 * A sequence may not grow past n_text_ctx.
 */
sotto_status so_decoder_step(struct so_decoder *decoder, const struct so_step_row *rows, size_t n_rows, sotto_error *err);

/** Which cross attention to look at: heads [n_heads][2] (layer, head) in rising order of layers, and the first `positions` of the audio. */
struct so_trace {
    const uint16_t *heads;
    size_t n_heads, positions;
    size_t ld; /**< 16*ceil(positions/16) */
};

/**
 * Append n tokens to a sequence and give the attention that each of them pays to the audio: weights[h][i] is the softmax of
 * head h over the positions when token i is the newest one. weights: float [n_heads][n][ld], 0 past `positions`. The
 * layers after the last of these heads are not computed: the sequence is good for nothing else afterwards but so_seq_reset.
 */
sotto_status so_decoder_trace(struct so_decoder *decoder, struct so_seq *seq, const int32_t *tokens, size_t n,
                              const struct so_trace *trace, float *weights, sotto_error *err);

/** Matrix products computed so far. */
struct so_products so_decoder_products(const struct so_decoder *decoder);

/** Let a device compute INT8 products; borrowed, NULL: none. */
void so_decoder_use(struct so_decoder *decoder, struct so_backend *backend);

/** Be told of each linear layer, as so_nn.observe. */
void so_decoder_observe(struct so_decoder *decoder, void (*observe)(void *, const struct so_matrix *, size_t, const struct so_rows *), void *observer);

#endif
