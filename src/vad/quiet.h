/** The last half minute of frames, and where it is quietest: the best place to cut when there is no silence
 * to cut in. */
#ifndef SO_VAD_QUIET_H
#define SO_VAD_QUIET_H

#include <stdint.h>

#include "vad/vad.h"

/** Frames that are remembered: 32.8 s, more than the longest span. A power of two. */
#define SO_QUIET_FRAMES 1024

/** Zero-initialised is the start of a stream. */
struct so_quiet {
    uint64_t n;                    /**< frames seen */
    double score[SO_QUIET_FRAMES]; /**< of frame i at i % SO_QUIET_FRAMES, not smoothed */
    float probability[SO_QUIET_FRAMES];
};

void so_quiet_push(struct so_quiet *quiet, struct so_vad_frame frame);

/**
 * The frame in [first, last] whose score, smoothed over five frames (160 ms), is lowest; of equals the last.
 * The score of a frame is its probability of speech plus 0.1 for each 10 dB of power: between words the
 * probability tells, within breathless speech, where it stays near 1, the power. first <= last < n, last -
 * first below SO_QUIET_FRAMES - 4; frames that are not seen yet or no longer remembered do not enter the
 * mean.
 */
uint64_t so_quiet_find(const struct so_quiet *quiet, uint64_t first, uint64_t last);

/** Mean probability of the frames in [first, end), all of them seen and remembered; 0 if there are none. */
float so_quiet_mean(const struct so_quiet *quiet, uint64_t first, uint64_t end);

#endif
