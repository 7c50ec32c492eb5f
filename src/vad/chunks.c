#include "vad/chunks.h"

#include <string.h>

#include "util/memory.h"

/* Where to end a chunk: a silence's worth is its length, up to LONG_GAP, plus FILL_WEIGHT for a full chunk.
 */
#define LONG_GAP 1.0    /* seconds; at a longer silence no sentence is torn */
#define FILL_WEIGHT 1.0 /* seconds of silence that a full chunk is worth more than an empty one */

struct so_chunks {
    uint64_t max_length, keep_gap, max_gap, max_extent; /* samples */
    uint64_t index;                                     /* of the next chunk */
    size_t n;                                           /* spans in hand */
    size_t closed;                                      /* of these, so many make a chunk whatever follows */
    bool ended;                                         /* there are no more spans */
    struct so_span spans[SO_CHUNK_SPANS + 1];
};

void so_chunk_options_init(struct so_chunk_options *options) {
    options->max_length = 30.0;
    options->keep_gap = 3.0;
    options->max_gap = 10.0;
    options->max_extent = 120.0;
}

static uint64_t to_samples(double seconds) {
    return (uint64_t)(seconds * SOTTO_SAMPLE_RATE + 0.5);
}

sotto_status so_chunks_create(const struct so_chunk_options *options, struct so_chunks **out,
                              sotto_error *err) {
    *out = NULL;
    const struct so_chunk_options *o = options;
    if (!(o->max_length >= 8.0 && o->max_length <= 30.0 && o->keep_gap >= 0.0 &&
          o->keep_gap <= o->max_length && o->max_gap >= o->keep_gap && o->max_extent >= o->max_length &&
          o->max_extent <= 600.0))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "chunks of these lengths and gaps are not possible");
    struct so_chunks *chunks = so_calloc(1, sizeof *chunks);
    if (!chunks) return so_fail_memory(err, sizeof *chunks, "chunks");
    chunks->max_length = to_samples(o->max_length);
    chunks->keep_gap = to_samples(o->keep_gap);
    chunks->max_extent = to_samples(o->max_extent);
    /* A longer gap than the extent ends the chunk anyway. */
    chunks->max_gap = o->max_gap < o->max_extent ? to_samples(o->max_gap) : chunks->max_extent;
    *out = chunks;
    return SOTTO_OK;
}

void so_chunks_free(struct so_chunks *chunks) {
    so_free(chunks);
}

/* What lies between span i and the one behind it. */
static uint64_t gap_behind(const struct so_chunks *c, size_t i) {
    return c->spans[i + 1].start - c->spans[i].end;
}

/* What span i adds to a chunk that holds the one before it: itself and a silence that is kept. */
static uint64_t growth(const struct so_chunks *c, size_t i) {
    const uint64_t length = c->spans[i].end - c->spans[i].start, gap = i ? gap_behind(c, i - 1) : 0;
    return length + (gap <= c->keep_gap ? gap : 0);
}

void so_chunks_push(struct so_chunks *c, const struct so_span *span) {
    const size_t n = c->n;
    c->spans[c->n++] = *span;
    if (n && (n == SO_CHUNK_SPANS || gap_behind(c, n - 1) > c->max_gap ||
              span->end - c->spans[0].start > c->max_extent))
        c->closed = n;
}

void so_chunks_advance(struct so_chunks *c, uint64_t horizon) {
    if (c->n && horizon > c->spans[c->n - 1].end + c->max_gap) c->closed = c->n;
}

void so_chunks_finish(struct so_chunks *c) {
    c->ended = true;
}

/* What an end behind span i is worth to a chunk of `length` samples. The silence is that without padding. */
static double value_of_end(const struct so_chunks *c, size_t i, uint64_t length) {
    const double silence =
        (double)(c->spans[i + 1].speech_start - c->spans[i].speech_end) / SOTTO_SAMPLE_RATE;
    return (silence < LONG_GAP ? silence : LONG_GAP) + FILL_WEIGHT * (double)length / (double)c->max_length;
}

/* How many of the first `n` spans to put into a chunk: all if they fit, else up to the best end; of equals
 * the later. */
static size_t choose(const struct so_chunks *c, size_t n) {
    uint64_t length = 0;
    size_t best = 1;
    double best_value = 0;
    for (size_t i = 0; i < n; i++) {
        length += growth(c, i);
        if (length > c->max_length) return best;
        const double value = i + 1 < n ? value_of_end(c, i, length) : 0;
        if (value < best_value) continue;
        best = i + 1;
        best_value = value;
    }
    return n;
}

static bool is_over_length(const struct so_chunks *c) {
    uint64_t length = 0;
    for (size_t i = 0; i < c->n; i++) length += growth(c, i);
    return length > c->max_length;
}

static void build(const struct so_chunks *c, size_t n, struct so_chunk *chunk) {
    memset(chunk, 0, sizeof *chunk);
    chunk->index = c->index;
    chunk->n_spans = n;
    memcpy(chunk->spans, c->spans, n * sizeof *c->spans);
    struct so_chunk_piece *piece = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct so_span *span = &c->spans[i];
        if (!piece || gap_behind(c, i - 1) > c->keep_gap) {
            piece = &chunk->pieces[chunk->n_pieces++];
            *piece = (struct so_chunk_piece){.start = span->start, .offset = chunk->length};
        }
        piece->length = (uint32_t)(span->end - piece->start);
        chunk->length = piece->offset + piece->length;
    }
}

bool so_chunks_next(struct so_chunks *c, struct so_chunk *chunk) {
    if (!c->n || !(c->closed || c->ended || is_over_length(c))) return false;
    const size_t n = choose(c, c->closed ? c->closed : c->n);
    build(c, n, chunk);
    c->index++;
    c->n -= n;
    c->closed -= so_min(c->closed, n);
    memmove(c->spans, c->spans + n, c->n * sizeof *c->spans);
    return true;
}

uint64_t so_chunks_needed(const struct so_chunks *c, uint64_t horizon) {
    return c->n ? c->spans[0].start : horizon;
}

uint64_t so_chunk_to_recording(const struct so_chunk *chunk, uint64_t sample, enum so_edge edge) {
    size_t i = chunk->n_pieces - 1;
    while (i &&
           (edge == SO_EDGE_START ? sample < chunk->pieces[i].offset : sample <= chunk->pieces[i].offset))
        i--;
    return chunk->pieces[i].start + (sample - chunk->pieces[i].offset);
}

uint32_t so_chunk_from_recording(const struct so_chunk *chunk, uint64_t sample) {
    size_t i = chunk->n_pieces - 1;
    while (i && sample < chunk->pieces[i].start) i--;
    const struct so_chunk_piece *piece = &chunk->pieces[i];
    if (sample <= piece->start) return piece->offset;
    const uint64_t within = sample - piece->start;
    return piece->offset + (within < piece->length ? (uint32_t)within : piece->length);
}
