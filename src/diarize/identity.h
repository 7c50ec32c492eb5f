/**
 * Which voice is whose: pieces are clustered into speakers, and the local speakers of every window are
 * matched to them.
 */
#ifndef SO_DIARIZE_IDENTITY_H
#define SO_DIARIZE_IDENTITY_H

#include "diarize/activity.h"
#include "diarize/cut.h"
#include "diarize/embedding.h"
#include "diarize/pieces.h"

/** More speakers than this are not told apart; the least distinct of them share one name. */
#define SO_MAX_SPEAKERS 256

/** Pieces and their voices, in order of time. */
struct so_voices {
    const struct so_piece *pieces; /**< [n] */
    const float *embeddings;       /**< [n][SO_EMBEDDING_SIZE], unit length */
    size_t n;
};

struct so_identity {
    size_t n_speakers;
    float *centroids; /**< [n_speakers][SO_EMBEDDING_SIZE], unit length; zero for a speaker who has no clean
                         piece */
    float *nearness;  /**< [n pieces][n_speakers]: cosine of piece and speaker */
    int16_t *who;     /**< [n_windows][SO_SEGMENT_SPEAKERS]: the speaker that a local one is, -1: none */
};

/** least, most: bounds of the number of speakers, 0: none. Free with so_identity_free, also after an error.
 */
sotto_status so_identify(const struct so_activity *activity, const struct so_voices *voices, uint32_t least,
                         uint32_t most, struct so_identity *out, sotto_error *err);
void so_identity_free(struct so_identity *identity);

#endif
