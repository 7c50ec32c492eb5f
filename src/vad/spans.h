/**
 * From probabilities to spans of speech, as a stream: a span comes out as soon as nothing that follows can
 * change it.
 *
 * A run of speech begins where the probability reaches the threshold, moved back by at most half a second to
 * where it rose above the lower threshold (threshold - 0.15), and ends where it falls below the lower one for
 * at least min_silence. Runs shorter than min_speech are dropped. Each run is padded on both sides; where the
 * pads of two runs would meet, both spans end at the quietest point between them. A span that would become
 * longer than max_span is cut at the quietest point of its last third. Spans do not overlap and come in
 * order.
 */
#ifndef SO_VAD_SPANS_H
#define SO_VAD_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "vad/vad.h"

#define SO_SPAN_HYSTERESIS 0.15f

/** Times in seconds. */
struct so_span_options {
    float threshold;    /**< above 0, below 1 */
    double min_speech;  /**< 0 to 2 */
    double min_silence; /**< 0 to 2; at least one frame of 32 ms counts */
    double pad;         /**< 0 to 2 */
    double max_span;    /**< 8 to 30 */
};

/** For transcription: keeping some silence costs little, losing a word does not come back. */
void so_span_options_init(struct so_span_options *options);

/** What a caller of the library asks for. */
void so_span_options_of(const sotto_options *from, struct so_span_options *options);

/** SOTTO_ERR_ARGUMENT for values outside the ranges above. */
sotto_status so_span_options_check(const struct so_span_options *options, sotto_error *err);

/** Positions are samples from the start of the recording. */
struct so_span {
    uint64_t start, end;               /**< with the padding; end is the first sample behind */
    uint64_t speech_start, speech_end; /**< without, within the above, on borders of frames unless cut */
    float probability;                 /**< mean over the speech */
};

struct so_spans;

sotto_status so_spans_create(const struct so_span_options *options, struct so_spans **out, sotto_error *err);
void so_spans_free(struct so_spans *spans); /**< NULL is allowed */

/** Take the next frame; true if it completed *span. A probability that is not a number counts as 0. */
bool so_spans_push(struct so_spans *spans, struct so_vad_frame frame, struct so_span *span);

/**
 * After the last frame: the spans that are left, one for each call, then false. total: samples of the
 * recording, of which the last frame holds at least one.
 */
bool so_spans_finish(struct so_spans *spans, uint64_t total, struct so_span *span);

/** The first sample that a span still to come can contain. Never falls. */
uint64_t so_spans_horizon(const struct so_spans *spans);

#endif
