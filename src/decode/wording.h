/** The words of a window's segments, in the recording's time. */
#ifndef SO_DECODE_WORDING_H
#define SO_DECODE_WORDING_H

#include "align/align.h"
#include "decode/transcript.h"
#include "decode/engine.h"

/** Seconds in the recording of a frame of the window; `end`: of something's end, else of its start. */
typedef double so_frame_time(void *context, uint32_t frame, bool end);

struct so_wording {
    struct so_aligner *aligner;               /**< NULL: no words are wanted */
    const struct so_align_word *next, *end;   /**< words of the window that are still to be taken */
    sotto_word *words;                        /**< [n_text_ctx] */
};

sotto_status so_wording_create(const struct so_model *model, const sotto_options *options, struct so_wording *wording, sotto_error *err);
void so_wording_free(struct so_wording *wording);

/** Find the words of a window, in a turn of the engine's; nothing is done if none are wanted. */
sotto_status so_wording_find(struct so_wording *wording, struct so_engine *engine, const struct so_align_window *window,
                             const struct so_align_segment *segments, size_t n_segments, sotto_error *err);

/**
 * Put the words of segment `index` of the window (they are taken in order) into a segment that is about to be appended to the
 * transcript; its start and end become theirs. They live until the next call.
 */
void so_wording_take(struct so_wording *wording, size_t index, so_frame_time *time, void *context, const struct so_transcript *transcript,
                     sotto_segment *segment);

#endif
