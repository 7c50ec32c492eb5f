/**
 * Speaker embeddings: what a voice sounds like, as 192 numbers whose cosine says whether two stretches of
 * speech are one speaker's (CAM++: Wang et al. 2023, "CAM++: A fast and efficient network for speaker
 * verification using context-aware masking"; 3D-Speaker's "zh_en common advanced" weights). Not normalised in
 * length.
 */
#ifndef SO_DIARIZE_EMBEDDING_H
#define SO_DIARIZE_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

#include "diarize/speakers.h"
#include "features/fbank.h"
#include "util/pool.h"

#define SO_EMBEDDING_SIZE 192
#define SO_EMBEDDING_MIN_FRAMES 10   /**< 0.115 s; below a second the voice is hardly known */
#define SO_EMBEDDING_MAX_FRAMES 6000 /**< a minute */

struct so_backend;
struct so_embedding; /**< scratch for the pool's threads; one caller at a time */

/** speakers, pool, backend (NULL: CPU only) are borrowed until so_embedding_free. */
sotto_status so_embedding_create(const struct so_speakers *speakers, struct so_pool *pool,
                                 struct so_backend *backend, struct so_embedding **out, sotto_error *err);
void so_embedding_free(struct so_embedding *embedding); /**< NULL is allowed */

/** One stretch of speech. */
struct so_embedding_item {
    const float *fbank; /**< float [..][80]: filter banks (features/fbank.h), as they come: their mean is
                           taken off here */
    const uint32_t
        *frames; /**< [n_frames]: the rows of fbank that are looked at, in order; NULL: the first n_frames */
    size_t n_frames; /**< SO_EMBEDDING_MIN_FRAMES to SO_EMBEDDING_MAX_FRAMES */
    float *out;      /**< float [192] */
};

/**
 * Embeddings of n items: each worker takes one item at a time, so give many in one call. An item's values
 * depend neither on the other items nor on threads. SOTTO_ERR_ARGUMENT for a number of frames out of range,
 * SOTTO_ERR_MEMORY.
 */
sotto_status so_embed(struct so_embedding *embedding, const struct so_embedding_item *items, size_t n,
                      sotto_error *err);

#endif
