/**
 * Whisper's log-mel spectrogram: 25 ms Hann windows every 10 ms, power, mel filters, log10, clamped to 8
 * below the window's maximum, (x + 4) / 4. As OpenAI's whisper/audio.py defines it, applied to one window of
 * at most 30 s: centre padding reflects at both ends of the (zero-padded) window and the maximum is this
 * window's.
 */
#ifndef SO_FEATURES_LOGMEL_H
#define SO_FEATURES_LOGMEL_H

#include <stddef.h>

#include "util/error.h"
#include "util/pool.h"

#define SO_MEL_WINDOW 400
#define SO_MEL_HOP 160
#define SO_MEL_BINS 201
#define SO_MEL_FRAMES 3000 /**< frames of a full 30 s window */

struct so_logmel; /**< tables (twiddles, window, sparse filters) and scratch; for one thread at a time */

/** `filters`: [n_mels][201], borrowed until so_logmel_free. n_mels is 80 or 128. */
sotto_status so_logmel_create(const float *filters, size_t n_mels, struct so_logmel **out, sotto_error *err);
void so_logmel_free(struct so_logmel *logmel);

/**
 * The first `frames` frames (a multiple of 2, at most 3000) of a window of frames*160 samples, of which the
 * first `n_samples` are given and the rest are zero. out: float [frames][n_mels], frame-major. samples:
 * finite floats, nominal [-1, 1]. Work is shared by the pool's threads (NULL: the caller alone); the result
 * does not depend on how many.
 */
sotto_status so_logmel_window(struct so_logmel *logmel, struct so_pool *pool, const float *samples,
                              size_t n_samples, size_t frames, float *out, sotto_error *err);

struct so_mel_tables;

/** What the kernel logmel16 is given: for tests that hold the kernels of all levels against each other. */
const struct so_mel_tables *so_logmel_tables(const struct so_logmel *logmel);

/**
 * Mel filter bank as OpenAI ships it (librosa.filters.mel(sr=16000, n_fft=400, n_mels)): filters
 * [n_mels][201].
 */
void so_mel_filters(size_t n_mels, float *filters);

#endif
