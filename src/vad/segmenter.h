/** Frames to chunks in one step: spans.h and chunks.h joined, which is what a reader of recordings wants. */
#ifndef SO_VAD_SEGMENTER_H
#define SO_VAD_SEGMENTER_H

#include "vad/chunks.h"

struct so_segmenter;

sotto_status so_segmenter_create(const struct so_span_options *spans, const struct so_chunk_options *chunks,
                                 struct so_segmenter **out, sotto_error *err);
void so_segmenter_free(struct so_segmenter *segmenter); /**< NULL is allowed */

/** Take the next frame. All chunks that are ready must have been taken out before. */
void so_segmenter_push(struct so_segmenter *segmenter, struct so_vad_frame frame);

/** After the last frame; total as for so_spans_finish. */
void so_segmenter_finish(struct so_segmenter *segmenter, uint64_t total);

/** The next chunk that is ready; false if there is none. */
bool so_segmenter_next(struct so_segmenter *segmenter, struct so_chunk *chunk);

/** Samples of the recording before this one are in no chunk to come and may be forgotten. Never falls. */
uint64_t so_segmenter_needed(const struct so_segmenter *segmenter);

#endif
