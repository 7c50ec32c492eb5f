/**
 * From spans of speech to chunks: what the recogniser hears at once, at most 30 s, as full as it can be
 * without an end in the wrong place. A chunk is a list of pieces of the recording, in order; silences up to
 * keep_gap are kept, so that most chunks are one piece, longer ones are left out. Spans are never divided:
 * each is in exactly one chunk.
 *
 * A chunk ends when the next span does not fit, and then at the silence that is the best compromise between a
 * long silence and a full chunk; before a silence longer than max_gap; when its pieces are too far apart; or
 * when it has SO_CHUNK_SPANS spans.
 */
#ifndef SO_VAD_CHUNKS_H
#define SO_VAD_CHUNKS_H

#include <stddef.h>

#include "vad/spans.h"

#define SO_CHUNK_SPANS 64

/** Seconds. */
struct so_chunk_options {
    double max_length; /**< of a chunk: at least the longest span, at most 30 */
    double keep_gap;   /**< silences up to this long stay in, 0 to max_length */
    double max_gap;    /**< a longer silence ends the chunk, at least keep_gap */
    double max_extent; /**< from a chunk's first to its last sample in the recording, at least max_length, at
                          most 600 */
};

void so_chunk_options_init(struct so_chunk_options *options);

/** `length` samples of the recording from `start` on, which are samples `offset` and on of the chunk. */
struct so_chunk_piece {
    uint64_t start;
    uint32_t offset, length;
};

struct so_chunk {
    uint64_t index;  /**< from 0 */
    uint32_t length; /**< samples; the sum of the pieces' */
    size_t n_pieces, n_spans;
    struct so_chunk_piece pieces[SO_CHUNK_SPANS]; /**< [n_pieces] */
    struct so_span spans[SO_CHUNK_SPANS];         /**< [n_spans], in the recording's time */
};

/** What a moment is: at a joint of two pieces a start belongs to the later one, an end to the earlier. */
enum so_edge { SO_EDGE_START, SO_EDGE_END };

/** The sample of the recording that a sample of the chunk is; past the end: as if the last piece went on.
 * Monotonic. */
uint64_t so_chunk_to_recording(const struct so_chunk *chunk, uint64_t sample, enum so_edge edge);

/** The reverse: the chunk's sample for one of the recording; what is not in the chunk gives the nearest edge
 * of a piece. */
uint32_t so_chunk_from_recording(const struct so_chunk *chunk, uint64_t sample);

struct so_chunks;

sotto_status so_chunks_create(const struct so_chunk_options *options, struct so_chunks **out,
                              sotto_error *err);
void so_chunks_free(struct so_chunks *chunks); /**< NULL is allowed */

/** Take the next span, not longer than max_length. All chunks that are ready must have been taken out before.
 */
void so_chunks_push(struct so_chunks *chunks, const struct so_span *span);

/** No later span begins before this sample of the recording. */
void so_chunks_advance(struct so_chunks *chunks, uint64_t horizon);

/** There are no more spans. */
void so_chunks_finish(struct so_chunks *chunks);

/** The next chunk that is ready; false if there is none. */
bool so_chunks_next(struct so_chunks *chunks, struct so_chunk *chunk);

/** The first sample that a chunk still to come contains, if spans to come begin at `horizon` or later. */
uint64_t so_chunks_needed(const struct so_chunks *chunks, uint64_t horizon);

#endif
