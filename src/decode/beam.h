/**
 * Beam search over token sequences, as Whisper's reference does it: each live sequence proposes its beam_size + 1 best
 * tokens, the best beam_size unfinished ones live on, and the search is over when patience * beam_size are finished
 * (Kasai et al. 2022, "A call for clarity in beam search"). It knows tokens and logits, not the model.
 */
#ifndef SO_DECODE_BEAM_H
#define SO_DECODE_BEAM_H

#include "decode/hypothesis.h"

struct so_beam;

/** size >= 1 sequences of at most `capacity` tokens; patience > 0 and size * patience at least 0.5. */
sotto_status so_beam_create(size_t size, float patience, size_t capacity, struct so_beam **out, sotto_error *err);
void so_beam_free(struct so_beam *beam);

/** Back to one empty live sequence and none finished. */
void so_beam_reset(struct so_beam *beam);

/** Live sequences, best first: 1 after a reset, at most `size`. */
size_t so_beam_live(const struct so_beam *beam);
const struct so_hypothesis *so_beam_get(const struct so_beam *beam, size_t index);

/**
 * Extend by one token. logits[i]: filtered logits [n_vocab] of live sequence i. sources: [size], for each live sequence
 * afterwards the index of the one that it continues.
 */
void so_beam_step(struct so_beam *beam, const float *const *logits, size_t n_vocab, int32_t eot, size_t *sources);

/** Whether enough sequences are finished or none lives. */
bool so_beam_done(const struct so_beam *beam);

/** The finished sequences, filled up by live ones if they are fewer than `size`, best first in each part; *n >= 1. */
const struct so_hypothesis *so_beam_finish(struct so_beam *beam, size_t *n);

#endif
