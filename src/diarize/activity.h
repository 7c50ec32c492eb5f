/**
 * Who is active in each window, and what all windows together say about each frame of the recording. Windows
 * of ten seconds overlap; window w starts at sample w * step, so its frame f is frame so_activity_start(w) +
 * f of the recording. A frame's time is the middle of what the network sees of it.
 */
#ifndef SO_DIARIZE_ACTIVITY_H
#define SO_DIARIZE_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diarize/segmentation.h"

struct so_activity {
    uint8_t *codes; /**< [n_windows][SO_SEGMENT_FRAMES]: bit s is set where local speaker s speaks */
    size_t n_windows, capacity;
    size_t step; /**< samples from one window to the next */
};

/** What the windows over one frame agree on. */
struct so_frame {
    uint8_t speakers; /**< how many speak: the windows' mean, rounded half up */
    bool change; /**< a fifth of the windows that hear one speaker here and one before say that it is another
                  */
};

void so_activity_init(struct so_activity *activity, size_t step);
void so_activity_free(struct so_activity *activity);

/** Append windows. codes: [n][SO_SEGMENT_FRAMES]. */
sotto_status so_activity_add(struct so_activity *activity, const uint8_t *codes, size_t n, sotto_error *err);

/** The recording's frame that is window w's first. */
static inline size_t so_activity_start(const struct so_activity *activity, size_t w) {
    return (2 * w * activity->step + SO_SEGMENT_HOP) / (2 * SO_SEGMENT_HOP);
}

/** Frames that the windows so far reach. */
size_t so_activity_frames(const struct so_activity *activity);

/** The windows over frame t: [*first, *last), empty past the last window. */
void so_activity_over(const struct so_activity *activity, size_t t, size_t *first, size_t *last);

struct so_frame so_activity_frame(const struct so_activity *activity, size_t t);

/** Seconds from the start of the recording. */
double so_frame_seconds(size_t t);

/** Number of local speakers in a code. */
static inline unsigned so_code_count(unsigned code) {
    return (code & 1) + (code >> 1 & 1) + (code >> 2 & 1);
}

#endif
