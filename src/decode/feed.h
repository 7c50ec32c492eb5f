/** A stream of samples seen through a window of 30 s that moves forward: memory does not grow with the recording. */
#ifndef SO_DECODE_FEED_H
#define SO_DECODE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "features/logmel.h"
#include "util/error.h"

/** Where samples come from: mono, 16 kHz. */
struct so_source {
    void *context;
    /** Up to `capacity` samples; *n is 0 only at the end. */
    sotto_status (*read)(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err);
    double duration_hint; /**< seconds, 0 if unknown; for progress only */
    const char *fingerprint; /**< of the recording, model and options; NULL or "": none, a journal cannot be gone on with */
};

#define SO_FEED_SAMPLES (SO_MEL_FRAMES * SO_MEL_HOP)

/** Samples that are not finite become 0, others are limited to a range in which their power is finite. */
void so_samples_tame(float *samples, size_t n);

/** SOTTO_ERR_MEDIA for a recording of no samples, or of more than max_duration seconds (0: no limit). */
sotto_status so_samples_check(uint64_t total, double max_duration, sotto_error *err);

struct so_feed {
    struct so_source source;
    double max_duration; /**< seconds, 0: no limit */
    float *samples;      /**< [SO_FEED_SAMPLES], the first `n` are there */
    size_t n;
    uint64_t total;       /**< samples read so far */
    uint64_t start_frame; /**< position of samples[0] in the recording, in frames of 10 ms */
    bool ended;           /**< the source has no more */
};

sotto_status so_feed_create(const struct so_source *source, double max_duration, struct so_feed *feed, sotto_error *err);
void so_feed_free(struct so_feed *feed);

/**
 * Read until the window is full or the source ends; samples are tamed. An error (SOTTO_ERR_MEDIA) if the source has no sample at all or more than
 * max_duration.
 */
sotto_status so_feed_fill(struct so_feed *feed, sotto_error *err);

/** Whole frames in the window, at most SO_MEL_FRAMES; after so_feed_fill 0 means the end. */
uint32_t so_feed_frames(const struct so_feed *feed);

/** Move on by `frames`, at most to the end of what was read. */
void so_feed_advance(struct so_feed *feed, uint32_t frames);

#endif
