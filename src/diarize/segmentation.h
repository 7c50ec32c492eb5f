/**
 * Speaker segmentation: for each 16.875 ms of a ten-second window the probabilities that nobody, one, or two
 * of at most three local speakers speak (pyannote segmentation-3.0: Bredin & Plaquet 2023, "Powerset
 * multi-class cross entropy loss for neural speaker diarization"). Local: speaker 0 of one window may be
 * speaker 2 of the next.
 */
#ifndef SO_DIARIZE_SEGMENTATION_H
#define SO_DIARIZE_SEGMENTATION_H

#include <stddef.h>
#include <stdint.h>

#include "diarize/speakers.h"
#include "util/pool.h"

#define SO_SEGMENT_SAMPLES 160000 /**< of a window */
#define SO_SEGMENT_FRAMES 589     /**< of a window */
#define SO_SEGMENT_HOP 270        /**< samples from one frame to the next */
#define SO_SEGMENT_FIELD 991      /**< samples that a frame sees: frame i is about [270 i, 270 i + 991) */
#define SO_SEGMENT_CLASSES 7      /**< nobody; 0; 1; 2; 0 and 1; 0 and 2; 1 and 2 */
#define SO_SEGMENT_SPEAKERS 3
#define SO_SEGMENT_STEP 10 /**< a step between windows is a multiple of this */

struct so_backend;
struct so_segmentation; /**< scratch for the pool's threads; one caller at a time */

/** speakers, pool, backend (NULL: CPU only) are borrowed until so_segmentation_free. */
sotto_status so_segmentation_create(const struct so_speakers *speakers, struct so_pool *pool,
                                    struct so_backend *backend, struct so_segmentation **out,
                                    sotto_error *err);
void so_segmentation_free(struct so_segmentation *segmentation); /**< NULL is allowed */

/** Windows worth giving in one call: more are split into batches of so many, fewer leave threads or vectors
 * idle. */
size_t so_segmentation_batch(const struct so_segmentation *segmentation);

/**
 * Log-probabilities of `n_windows` windows, window w being samples [w*step, w*step + 160000). samples: float
 * [n_samples], 16 kHz, nominal [-1, 1]; what lies at or past n_samples is zero. step: a multiple of
 * SO_SEGMENT_STEP (any number for one window). out: float [n_windows][589][7]. Overlapping windows share
 * their first layer, so give neighbours in one call. A window's values depend neither on the windows beside
 * it nor on threads. SOTTO_ERR_ARGUMENT for a wrong step.
 */
sotto_status so_segment_windows(struct so_segmentation *segmentation, const float *samples, size_t n_samples,
                                size_t step, size_t n_windows, float *out, sotto_error *err);

/** The likeliest class of each frame as a set: bit s is set where local speaker s speaks. active: uint8
 * [frames]. */
void so_segment_active(size_t frames, const float *log_probabilities /* [frames][7] */, uint8_t *active);

#endif
