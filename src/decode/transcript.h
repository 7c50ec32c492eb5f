/** A result under construction: what sotto_result points to lives in one arena and grows segment by segment. */
#ifndef SO_DECODE_TRANSCRIPT_H
#define SO_DECODE_TRANSCRIPT_H

#include "sotto.h"
#include "util/arena.h"

struct so_transcript {
    sotto_result result; /**< first, so that the public pointer is this one's address */
    struct so_arena arena;
    sotto_segment *segments; /**< [capacity], result.n_segments in use */
    size_t capacity;
};

sotto_status so_transcript_create(const char *model, struct so_transcript **out, sotto_error *err);
void so_transcript_free(struct so_transcript *transcript);

/** Append a copy of a segment; its id becomes its index. *added (NULL is allowed): where it is until the next append. */
sotto_status so_transcript_add(struct so_transcript *transcript, const sotto_segment *segment, const sotto_segment **added,
                               sotto_error *err);

/** result.text: the segments' texts one after another, without white space at both ends. */
sotto_status so_transcript_finish(struct so_transcript *transcript, sotto_error *err);

#endif
