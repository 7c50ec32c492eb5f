#include "vad/segmenter.h"

#include "util/memory.h"

struct so_segmenter {
    struct so_spans *spans;
    struct so_chunks *chunks;
};

sotto_status so_segmenter_create(const struct so_span_options *spans, const struct so_chunk_options *chunks,
                                 struct so_segmenter **out, sotto_error *err) {
    *out = NULL;
    if (spans->max_span > chunks->max_length)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a span of speech may not be longer than a chunk");
    struct so_segmenter *segmenter = so_calloc(1, sizeof *segmenter);
    if (!segmenter) return so_fail_memory(err, sizeof *segmenter, "speech detection");
    sotto_status status = so_spans_create(spans, &segmenter->spans, err);
    if (!status) status = so_chunks_create(chunks, &segmenter->chunks, err);
    if (status)
        so_segmenter_free(segmenter);
    else
        *out = segmenter;
    return status;
}

void so_segmenter_free(struct so_segmenter *segmenter) {
    if (!segmenter) return;
    so_spans_free(segmenter->spans);
    so_chunks_free(segmenter->chunks);
    so_free(segmenter);
}

void so_segmenter_push(struct so_segmenter *segmenter, struct so_vad_frame frame) {
    struct so_span span;
    if (so_spans_push(segmenter->spans, frame, &span))
        so_chunks_push(segmenter->chunks, &span);
    else
        so_chunks_advance(segmenter->chunks, so_spans_horizon(segmenter->spans));
}

void so_segmenter_finish(struct so_segmenter *segmenter, uint64_t total) {
    struct so_span span;
    if (so_spans_finish(segmenter->spans, total, &span)) so_chunks_push(segmenter->chunks, &span);
    so_chunks_finish(segmenter->chunks);
}

bool so_segmenter_next(struct so_segmenter *segmenter, struct so_chunk *chunk) {
    return so_chunks_next(segmenter->chunks, chunk);
}

uint64_t so_segmenter_needed(const struct so_segmenter *segmenter) {
    return so_chunks_needed(segmenter->chunks, so_spans_horizon(segmenter->spans));
}
