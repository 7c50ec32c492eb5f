/** Chunks: which spans they hold, how they map times, and what must hold for any spans. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/compiler.h"
#include "vad/segmenter.h"
#include "vad_support.h"

#define MAX_SPANS 3000
#define MAX_CHUNKS 1500

static struct so_span spans[MAX_SPANS];
static struct so_chunk chunks[MAX_CHUNKS];

static uint64_t samples_of(double seconds) {
    return (uint64_t)(seconds * 16000 + 0.5);
}

static struct so_span span_at(double start, double end) {
    const uint64_t pad = samples_of(end - start > 0.4 ? 0.1 : 0.0);
    return (struct so_span){samples_of(start), samples_of(end), samples_of(start) + pad,
                            samples_of(end) - pad, 0.9f};
}

static struct so_chunk_options plain_options(void) {
    return (struct so_chunk_options){.max_length = 30, .keep_gap = 2, .max_gap = 10, .max_extent = 120};
}

static size_t drain(struct so_chunks *c, size_t count) {
    while (so_chunks_next(c, &chunks[count])) {
        assert_int_equal(chunks[count].index, count);
        count++;
        assert_true(count < MAX_CHUNKS);
    }
    return count;
}

/* Chunks of the first n spans. advance: tell the horizon after every span, as a stream would, or never. */
static size_t collect(const struct so_chunk_options *options, size_t n, bool advance) {
    struct so_chunks *c;
    assert_int_equal(so_chunks_create(options, &c, NULL), SOTTO_OK);
    size_t count = 0;
    uint64_t needed = 0;
    for (size_t i = 0; i < n; i++) {
        so_chunks_push(c, &spans[i]);
        const size_t before = count;
        count = drain(c, count);
        for (size_t j = before; j < count; j++) assert_true(chunks[j].pieces[0].start >= needed);
        const uint64_t horizon = i + 1 < n ? spans[i + 1].start : spans[i].end;
        assert_true(so_chunks_needed(c, horizon) >= needed);
        needed = so_chunks_needed(c, horizon);
        if (advance) so_chunks_advance(c, horizon), count = drain(c, count);
    }
    so_chunks_finish(c);
    count = drain(c, count);
    assert_false(so_chunks_next(c, &chunks[count]));
    so_chunks_free(c);
    return count;
}

static void no_spans_give_no_chunks(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    assert_int_equal(collect(&options, 0, true), 0);
}

static void what_fits_is_one_piece(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    spans[0] = span_at(1, 4), spans[1] = span_at(5.5, 9), spans[2] = span_at(9, 28);
    assert_int_equal(collect(&options, 3, true), 1);
    assert_int_equal(chunks[0].n_pieces, 1);
    assert_int_equal(chunks[0].n_spans, 3);
    assert_int_equal(chunks[0].pieces[0].start, 16000);
    assert_int_equal(chunks[0].pieces[0].offset, 0);
    assert_int_equal(chunks[0].length, 27 * 16000);
}

static void a_long_silence_is_left_out(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    spans[0] = span_at(1, 4), spans[1] = span_at(9, 12);
    assert_int_equal(collect(&options, 2, true), 1);
    assert_int_equal(chunks[0].n_pieces, 2);
    assert_int_equal(chunks[0].length, 6 * 16000);
    assert_int_equal(chunks[0].pieces[1].start, 9 * 16000);
    assert_int_equal(chunks[0].pieces[1].offset, 3 * 16000);
}

static void a_very_long_silence_ends_the_chunk(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    spans[0] = span_at(1, 4), spans[1] = span_at(14.5, 16);
    assert_int_equal(collect(&options, 2, false), 2);
    assert_int_equal(chunks[0].length, 3 * 16000);
    assert_int_equal(chunks[1].length, 24000);
}

static void a_chunk_does_not_wait_for_speech_that_cannot_join_it(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    struct so_chunks *c;
    assert_int_equal(so_chunks_create(&options, &c, NULL), SOTTO_OK);
    const struct so_span span = span_at(1, 4);
    so_chunks_push(c, &span);
    so_chunks_advance(c, 14 * 16000);
    assert_false(so_chunks_next(c, &chunks[0]));
    so_chunks_advance(c, 14 * 16000 + 1);
    assert_true(so_chunks_next(c, &chunks[0]));
    so_chunks_free(c);
}

static void a_full_chunk_ends_at_the_longer_silence(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    spans[0] = span_at(0, 14), spans[1] = span_at(14.1, 25), spans[2] = span_at(26, 29),
    spans[3] = span_at(29.05, 35);
    assert_int_equal(collect(&options, 4, true), 2);
    assert_int_equal(chunks[0].n_spans, 2); /* a second of silence at 25 s rather than 50 ms at 29 s */
    spans[2] = span_at(25.1, 29);
    assert_int_equal(collect(&options, 4, true), 2);
    assert_int_equal(chunks[0].n_spans, 3); /* of short ones the later */
}

static void times_map_to_the_right_side_of_a_joint(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    spans[0] = span_at(1, 4), spans[1] = span_at(9, 12), spans[2] = span_at(18, 20);
    assert_int_equal(collect(&options, 3, true), 1);
    const struct so_chunk *c = &chunks[0];
    assert_int_equal(so_chunk_to_recording(c, 0, SO_EDGE_START), 16000);
    assert_int_equal(so_chunk_to_recording(c, 0, SO_EDGE_END), 16000);
    assert_int_equal(so_chunk_to_recording(c, 3 * 16000 - 1, SO_EDGE_START), 4 * 16000 - 1);
    assert_int_equal(so_chunk_to_recording(c, 3 * 16000, SO_EDGE_START), 9 * 16000);
    assert_int_equal(so_chunk_to_recording(c, 3 * 16000, SO_EDGE_END), 4 * 16000);
    assert_int_equal(so_chunk_to_recording(c, 8 * 16000, SO_EDGE_END), 20 * 16000);
    assert_int_equal(so_chunk_to_recording(c, 8 * 16000 + 7, SO_EDGE_END), 20 * 16000 + 7);
    assert_int_equal(so_chunk_from_recording(c, 0), 0);
    assert_int_equal(so_chunk_from_recording(c, 10 * 16000), 4 * 16000);
    assert_int_equal(so_chunk_from_recording(c, 6 * 16000), 3 * 16000);
    assert_int_equal(so_chunk_from_recording(c, 100 * 16000), 8 * 16000);
}

static void options_without_sense_are_refused(void **unused) {
    (void)unused;
    static const struct so_chunk_options bad[] = {
        {31, 2, 10, 120}, {5, 2, 10, 120},  {NAN, 2, 10, 120}, {30, -1, 10, 120}, {30, NAN, 10, 120},
        {30, 3, 2, 120},  {30, 2, NAN, 60}, {30, 2, 10, 29},   {30, 2, 10, 601},  {30, 2, 10, NAN},
    };
    for (size_t i = 0; i < SO_COUNT(bad); i++) {
        struct so_chunks *c;
        sotto_error err;
        assert_int_equal(so_chunks_create(&bad[i], &c, &err), SOTTO_ERR_ARGUMENT);
        assert_null(c);
    }
    struct so_span_options span_options;
    struct so_chunk_options options;
    struct so_segmenter *segmenter;
    so_span_options_init(&span_options);
    so_chunk_options_init(&options);
    options.max_length = 20;
    assert_int_equal(so_segmenter_create(&span_options, &options, &segmenter, NULL), SOTTO_ERR_ARGUMENT);
    assert_null(segmenter);
}

/* ---- any spans ---- */

static size_t make_spans(uint32_t *state, double max_length) {
    const size_t n = next_bits(state) % 400;
    const double lengths[] = {0.05, 0.4, 3, max_length}, gaps[] = {0, 0.1, 1, 4, 30};
    const double length = lengths[next_bits(state) % 4], gap = gaps[next_bits(state) % 5];
    uint64_t at = next_bits(state) % 100000;
    for (size_t i = 0; i < n; i++) {
        const uint64_t size =
            1 + (uint64_t)((samples_of(length) - 1) * (double)(0.5f + 0.5f * next_float(state)));
        const uint64_t pad = size / 8;
        spans[i] = (struct so_span){at, at + size, at + pad, at + size - pad, 0.5f};
        const double rare = next_bits(state) % 50 ? 1 : 40;
        at += size + (uint64_t)(rare * (double)samples_of(gap) * (double)(0.5f + 0.5f * next_float(state)));
    }
    return n;
}

static void check_pieces(const struct so_chunk *c) {
    uint32_t length = 0;
    for (size_t i = 0; i < c->n_pieces; i++) {
        assert_int_equal(c->pieces[i].offset, length);
        assert_true(c->pieces[i].length > 0);
        if (i) assert_true(c->pieces[i].start > c->pieces[i - 1].start + c->pieces[i - 1].length);
        length += c->pieces[i].length;
    }
    assert_int_equal(c->length, length);
}

/* Every span lies in one piece, and the pieces hold nothing but spans and short silences between them. */
static void check_spans_in_pieces(const struct so_chunk *c, uint64_t keep_gap) {
    size_t piece = 0;
    for (size_t i = 0; i < c->n_spans; i++) {
        const struct so_span *s = &c->spans[i];
        const bool first = !i || s->start - c->spans[i - 1].end > keep_gap;
        if (i && first) piece++;
        assert_true(piece < c->n_pieces);
        const struct so_chunk_piece *p = &c->pieces[piece];
        if (first) assert_int_equal(p->start, s->start);
        const bool last = i + 1 == c->n_spans || c->spans[i + 1].start - s->end > keep_gap;
        if (last) assert_int_equal(p->start + p->length, s->end);
    }
    assert_int_equal(piece + 1, c->n_pieces);
}

static void check_times(const struct so_chunk *c) {
    uint64_t start = 0, end = 0;
    for (uint32_t at = 0; at <= c->length; at += 1 + c->length / 500) {
        const uint64_t s = so_chunk_to_recording(c, at, SO_EDGE_START),
                       e = so_chunk_to_recording(c, at, SO_EDGE_END);
        assert_true(e <= s && (at == 0 || (s > start && e > end)));
        assert_int_equal(so_chunk_from_recording(c, s), at);
        assert_int_equal(so_chunk_from_recording(c, e), at);
        start = s, end = e;
    }
}

static void check_chunks(const struct so_chunk_options *o, size_t n, size_t count) {
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const struct so_chunk *c = &chunks[i];
        assert_true(c->n_spans >= 1 && c->n_spans <= SO_CHUNK_SPANS &&
                    c->length <= samples_of(o->max_length));
        for (size_t j = 0; j < c->n_spans; j++)
            assert_memory_equal(&c->spans[j], &spans[next + j], sizeof *spans);
        for (size_t j = 1; j < c->n_spans; j++)
            assert_true(c->spans[j].start - c->spans[j - 1].end <= samples_of(o->max_gap));
        assert_true(c->spans[c->n_spans - 1].end - c->spans[0].start <= samples_of(o->max_extent));
        next += c->n_spans;
        check_pieces(c);
        check_spans_in_pieces(c, samples_of(o->keep_gap));
        check_times(c);
    }
    assert_int_equal(next, n); /* each span in one chunk, in order */
}

static void rules_hold_for_any_spans(void **unused) {
    (void)unused;
    static struct so_chunk same[MAX_CHUNKS];
    uint32_t state = 5;
    for (int round = 0; round < 300; round++) {
        struct so_chunk_options o = plain_options();
        o.max_length = 8 + next_bits(&state) % 23;
        o.keep_gap = 0.5 * (next_bits(&state) % 10);
        o.max_gap = o.keep_gap + next_bits(&state) % 12;
        o.max_extent = o.max_length + next_bits(&state) % 100;
        const size_t n = make_spans(&state, o.max_length), count = collect(&o, n, true);
        check_chunks(&o, n, count);
        memcpy(same, chunks, count * sizeof *chunks);
        assert_int_equal(collect(&o, n, false), count); /* when the horizon is told changes nothing */
        assert_memory_equal(same, chunks, count * sizeof *chunks);
    }
}

static void long_talk_makes_full_chunks(void **unused) {
    (void)unused;
    const struct so_chunk_options options = plain_options();
    uint32_t state = 3;
    double at = 0;
    const size_t n = 400;
    for (size_t i = 0; i < n; i++) { /* phrases of 1 to 6 s, pauses of 0.2 to 1.2 s */
        const double length = 3.5 + 2.5 * (double)next_float(&state);
        spans[i] = span_at(at, at + length);
        at += length + 0.7 + 0.5 * (double)next_float(&state);
    }
    const size_t count = collect(&options, n, true);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) total += chunks[i].length;
    assert_true((double)total / (double)count > 25.0 * 16000);
}

/* ---- from frames to chunks ---- */

static size_t segment(const struct so_vad_frame *frames, size_t n, uint64_t total) {
    struct so_span_options span_options;
    struct so_chunk_options chunk_options;
    so_span_options_init(&span_options);
    so_chunk_options_init(&chunk_options);
    struct so_segmenter *s;
    assert_int_equal(so_segmenter_create(&span_options, &chunk_options, &s, NULL), SOTTO_OK);
    size_t count = 0;
    uint64_t needed = 0;
    for (size_t i = 0; i < n; i++) {
        so_segmenter_push(s, frames[i]);
        while (so_segmenter_next(s, &chunks[count])) assert_true(chunks[count++].pieces[0].start >= needed);
        assert_true(so_segmenter_needed(s) >= needed);
        needed = so_segmenter_needed(s);
        const uint64_t now = (i + 1) * SO_VAD_HOP; /* memory is bounded */
        assert_true(needed > now || now - needed <= samples_of(120 + 30 + 10));
    }
    so_segmenter_finish(s, total);
    while (so_segmenter_next(s, &chunks[count])) assert_true(chunks[count++].pieces[0].start >= needed);
    so_segmenter_free(s);
    return count;
}

static void without_a_detector_every_sample_is_in_one_chunk(void **unused) {
    (void)unused;
    static struct so_vad_frame frames[20000];
    uint32_t state = 9;
    for (int round = 0; round < 10; round++) {
        const size_t n = 1 + next_bits(&state) % SO_COUNT(frames);
        const uint64_t total = n * SO_VAD_HOP - next_bits(&state) % SO_VAD_HOP;
        for (size_t i = 0; i < n; i++)
            frames[i] = (struct so_vad_frame){1.0f, (float)(next_bits(&state) % 1000) * 1e-5f};
        const size_t count = segment(frames, n, total);
        uint64_t at = 0;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(chunks[i].n_pieces, 1);
            assert_int_equal(chunks[i].pieces[0].start, at);
            assert_true(chunks[i].length <= 30 * 16000);
            at += chunks[i].length;
        }
        assert_int_equal(at, n * SO_VAD_HOP >= samples_of(0.09) ? total : 0);
    }
}

static void speech_found_in_a_stream_is_in_one_chunk(void **unused) {
    (void)unused;
    static struct so_vad_frame frames[20000];
    uint32_t state = 21;
    for (int round = 0; round < 20; round++) {
        const size_t n = SO_COUNT(frames);
        size_t left = 0;
        bool speech = false;
        for (size_t i = 0; i < n; i++, left--) {
            if (!left) speech = !speech, left = 10 + next_bits(&state) % (speech || round % 2 ? 120 : 900);
            frames[i] = (struct so_vad_frame){speech ? 0.95f : 0.02f, speech ? 1e-3f : 1e-6f};
        }
        const size_t count = segment(frames, n, n * SO_VAD_HOP);
        size_t chunk = 0, piece = 0;
        for (size_t i = 0; i < n; i++) { /* each frame of speech, whole, in order */
            if (frames[i].probability < 0.5f) continue;
            while (chunk < count &&
                   chunks[chunk].pieces[piece].start + chunks[chunk].pieces[piece].length <= i * SO_VAD_HOP)
                if (++piece == chunks[chunk].n_pieces) chunk++, piece = 0;
            assert_true(chunk < count && chunks[chunk].pieces[piece].start <= i * SO_VAD_HOP);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spans_give_no_chunks),
        cmocka_unit_test(what_fits_is_one_piece),
        cmocka_unit_test(a_long_silence_is_left_out),
        cmocka_unit_test(a_very_long_silence_ends_the_chunk),
        cmocka_unit_test(a_chunk_does_not_wait_for_speech_that_cannot_join_it),
        cmocka_unit_test(a_full_chunk_ends_at_the_longer_silence),
        cmocka_unit_test(times_map_to_the_right_side_of_a_joint),
        cmocka_unit_test(options_without_sense_are_refused),
        cmocka_unit_test(rules_hold_for_any_spans),
        cmocka_unit_test(long_talk_makes_full_chunks),
        cmocka_unit_test(without_a_detector_every_sample_is_in_one_chunk),
        cmocka_unit_test(speech_found_in_a_stream_is_in_one_chunk),
    };
    return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
