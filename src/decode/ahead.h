/**
 * A recording in blocks with what the speech detector says of them. With several threads a thread of its own
 * reads, decodes and detects up to SO_AHEAD_BLOCKS ahead, while the recogniser computes; with one, each block
 * is made when it is asked for.
 */
#ifndef SO_DECODE_AHEAD_H
#define SO_DECODE_AHEAD_H

#include "decode/feed.h"
#include "vad/vad.h"

#define SO_AHEAD_SAMPLES (64 * SO_VAD_HOP) /**< of a block: about 2 s */
#define SO_AHEAD_BLOCKS 32                 /**< about a minute, 4 MB */

struct so_ahead_block {
    float samples[SO_AHEAD_SAMPLES]; /**< the first n, tamed; fewer than SO_AHEAD_SAMPLES only at the end */
    size_t n;
    struct so_vad_frame frames[SO_AHEAD_SAMPLES / SO_VAD_HOP + 1]; /**< the first n_frames */
    size_t n_frames;
    double audio_time, vad_time; /**< seconds that reading and detection took */
};

struct so_ahead;

/**
 * The source is read by one thread at a time, from now on until so_ahead_free. weights: NULL for no detector.
 * max_duration: seconds, 0 for no limit; more is SOTTO_ERR_MEDIA, as is a recording of no samples.
 */
sotto_status so_ahead_create(const struct so_source *source, const struct so_vad_weights *weights,
                             double max_duration, bool threaded, struct so_ahead **out, sotto_error *err);

/** Waits for the reading thread: a source that blocks, blocks this. NULL is allowed. */
void so_ahead_free(struct so_ahead *ahead);

/** The next block, NULL after the last one; valid until the next call. An error comes after the blocks before
 * it. */
sotto_status so_ahead_next(struct so_ahead *ahead, const struct so_ahead_block **block, sotto_error *err);

#endif
