/** What a decoded window is worth, and its tokens as segments: the same for windows one after another and in batches. */
#ifndef SO_DECODE_JUDGE_H
#define SO_DECODE_JUDGE_H

#include "decode/fallback.h"
#include "decode/segments.h"
#include "decode/transcript.h"
#include "decode/window.h"
#include "decode/wording.h"

/** Settings and scratch; for one thread at a time. */
struct so_judge {
    const struct so_model *model;
    struct so_thresholds thresholds;
    struct so_cut *cuts; /**< [n_text_ctx / 2 + 1] */
    struct so_align_segment *spoken; /**< [n_text_ctx / 2 + 1] those cuts that become segments */
    struct so_wording wording;
    const char *language; /**< what segments say of theirs; NULL: nothing */
    char *text;          /**< scratch for decoded text */
    size_t text_size;
};

sotto_status so_judge_create(const struct so_model *model, const sotto_options *options, struct so_judge *judge, sotto_error *err);
void so_judge_free(struct so_judge *judge);

/** How an attempt at a window turned out. */
struct so_outcome {
    struct so_window_result decoded;
    struct so_quality quality;
    float temperature;
    bool cut; /**< decoded ends where a loop began */
};

/** What the window heard of speech. */
struct so_speech {
    double seconds;
    double probability; /**< mean, as the detector says; 1 without one */
};

/** Look at the attempt that is done; outcome->temperature is the caller's. */
sotto_status so_judge_attempt(struct so_judge *judge, struct so_window *window, struct so_speech speech, struct so_outcome *outcome, sotto_error *err);

/** The best attempt at a window so far; its tokens are copies. */
struct so_kept {
    bool any;
    struct so_outcome outcome;
    int32_t *tokens; /**< [capacity] */
    float *logprobs; /**< [capacity] */
    size_t capacity;
};

sotto_status so_kept_create(const struct so_model *model, struct so_kept *kept, sotto_error *err);
void so_kept_free(struct so_kept *kept);

/**
 * One more attempt was made. True if another one is needed, and there is a temperature for it (`last` is false). Else kept->outcome
 * is what counts: this attempt if it is good, the best of all if none is; the repetition of a loop is cut off.
 */
bool so_kept_offer(struct so_kept *kept, const struct so_judge *judge, const struct so_outcome *outcome, bool last);

/** A segment was added; the same pointer as in the transcript, until the next one is added. */
typedef void so_segment_added(void *context, const sotto_segment *segment);

/**
 * Append the window's segments, with their words if these are wanted (the engine finds them), to a transcript. *split: how far
 * the window was understood and in how many cuts (judge->cuts); silence has none.
 */
sotto_status so_judge_segments(struct so_judge *judge, const struct so_outcome *outcome, const struct so_align_window *window,
                               struct so_engine *engine, so_frame_time *time, so_segment_added *added, void *context, struct so_transcript *transcript, struct so_split *split,
                               sotto_error *err);

#endif
