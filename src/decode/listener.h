/** From a stream of samples to chunks of speech with their samples: detector, spans and chunks in one. */
#ifndef SO_DECODE_LISTENER_H
#define SO_DECODE_LISTENER_H

#include "decode/feed.h"
#include "vad/segmenter.h"
#include "vad/weights.h"

struct so_listener;

/**
 * weights: NULL for no detector: all is speech, however short, cut where it is quietest. Of the options those of speech detection and
 * the longest duration count. threaded: a thread of its own reads ahead (ahead.h).
 */
sotto_status so_listener_create(const struct so_source *source, const struct so_vad_weights *weights, const sotto_options *options,
                                bool threaded, struct so_listener **out, sotto_error *err);
void so_listener_free(struct so_listener *listener);

/**
 * The next chunk and its samples, [SO_FEED_SAMPLES], of which chunk->length are written; *more is false at the end, where there is none.
 * Memory does not grow with the recording.
 */
sotto_status so_listener_next(struct so_listener *listener, struct so_chunk *chunk, float *samples, bool *more, sotto_error *err);

uint64_t so_listener_total(const struct so_listener *listener); /**< samples read so far */
bool so_listener_ended(const struct so_listener *listener);     /**< all of them */

/** Seconds spent on reading, and on detection. */
void so_listener_timing(const struct so_listener *listener, double *audio, double *vad);

#endif
