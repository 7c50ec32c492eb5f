/**
 * Mel filter banks as Kaldi computes them, for the speaker models: frames of 25 ms every 10 ms that lie
 * wholly within the recording; their mean taken off, pre-emphasis 0.97 (the first sample with itself), the
 * window (0.5 - 0.5 cos)^0.85, 512-point power spectrum, 80 triangles on the scale 1127 ln(1 + f/700) from 20
 * to 8000 Hz, natural logarithm of at least 2^-23. No dither.
 */
#ifndef SO_FEATURES_FBANK_H
#define SO_FEATURES_FBANK_H

#include <stddef.h>

#include "util/error.h"
#include "util/pool.h"

#define SO_FBANK_BANDS 80
#define SO_FBANK_WINDOW 400
#define SO_FBANK_HOP 160 /**< frame t is samples [160 t, 160 t + 400) */

struct so_fbank; /**< tables and scratch; one caller at a time */

sotto_status so_fbank_create(struct so_fbank **out, sotto_error *err);
void so_fbank_free(struct so_fbank *fbank); /**< NULL is allowed */

/** Frames that lie wholly within n_samples. */
static inline size_t so_fbank_count(size_t n_samples) {
    return n_samples < SO_FBANK_WINDOW ? 0 : (n_samples - SO_FBANK_WINDOW) / SO_FBANK_HOP + 1;
}

/**
 * Frames 0 .. n_frames-1 of samples, float [160*(n_frames - 1) + 400], 16 kHz, nominal [-1, 1] (give samples
 * + 160*t for frames from t on). out: float [n_frames][80]. Work is shared by the pool's threads (NULL: the
 * caller alone); the result does not depend on how many.
 */
sotto_status so_fbank_compute(struct so_fbank *fbank, struct so_pool *pool, const float *samples,
                              size_t n_frames, float *out, sotto_error *err);

#endif
