/** Spans of speech: what each rule says, and what must hold for any probabilities and options. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/compiler.h"
#include "vad/spans.h"
#include "vad_support.h"

#define MAX_FRAMES 6000
#define MAX_SPANS 2000

static struct so_vad_frame frames[MAX_FRAMES];
static struct so_span spans[MAX_SPANS];
static size_t seen_at[MAX_SPANS]; /* frames that had been pushed when a span came out */

static uint64_t samples_of(double seconds) {
    return (uint64_t)(seconds * 16000 + 0.5);
}

static struct so_spans *create(const struct so_span_options *options) {
    struct so_spans *s;
    assert_int_equal(so_spans_create(options, &s, NULL), SOTTO_OK);
    return s;
}

/* Everything that comes out of `n` frames, the horizon watched on the way. */
static size_t collect(const struct so_span_options *options, size_t n, uint64_t total) {
    struct so_spans *s = create(options);
    size_t count = 0;
    uint64_t horizon = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(so_spans_horizon(s) >= horizon);
        horizon = so_spans_horizon(s);
        if (!so_spans_push(s, frames[i], &spans[count])) continue;
        assert_true(spans[count].start >= horizon);
        seen_at[count++] = i + 1;
        assert_true(count < MAX_SPANS);
    }
    horizon = so_spans_horizon(s);
    while (so_spans_finish(s, total, &spans[count])) {
        assert_true(spans[count].start >= horizon);
        seen_at[count++] = n;
    }
    so_spans_free(s);
    return count;
}

static struct so_span_options plain_options(void) {
    return (struct so_span_options){
        .threshold = 0.5f, .min_speech = 0.09, .min_silence = 0.16, .pad = 0.2, .max_span = 30};
}

static void silence(size_t n) {
    for (size_t i = 0; i < n; i++) frames[i] = (struct so_vad_frame){.probability = 0.01f, .power = 1e-6f};
}

static void speak(size_t first, size_t end, float probability) {
    for (size_t i = first; i < end; i++)
        frames[i] = (struct so_vad_frame){.probability = probability, .power = 1e-3f};
}

static void expect_span(size_t i, uint64_t start, uint64_t end, uint64_t speech_start, uint64_t speech_end) {
    assert_int_equal(spans[i].start, start);
    assert_int_equal(spans[i].end, end);
    assert_int_equal(spans[i].speech_start, speech_start);
    assert_int_equal(spans[i].speech_end, speech_end);
}

static void silence_has_no_spans(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(1000);
    assert_int_equal(collect(&options, 1000, 1000 * 512), 0);
    assert_int_equal(collect(&options, 0, 0), 0);
}

static void speech_gets_its_padding(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(200);
    speak(100, 110, 0.9f);
    assert_int_equal(collect(&options, 200, 200 * 512), 1);
    expect_span(0, 100 * 512 - 3200, 110 * 512 + 3200, 100 * 512, 110 * 512);
    assert_true(fabsf(spans[0].probability - 0.9f) < 1e-6f);
}

static void padding_ends_where_the_recording_does(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(20);
    speak(2, 18, 0.9f);
    assert_int_equal(collect(&options, 20, 19 * 512 + 5), 1);
    expect_span(0, 0, 19 * 512 + 5, 2 * 512, 18 * 512);
    speak(0, 20, 0.9f);
    assert_int_equal(collect(&options, 20, 19 * 512 + 5), 1);
    expect_span(0, 0, 19 * 512 + 5, 0, 19 * 512 + 5);
}

static void what_is_shorter_than_speech_is_dropped(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(100);
    speak(50, 52, 0.99f); /* 64 ms */
    assert_int_equal(collect(&options, 100, 100 * 512), 0);
    speak(50, 53, 0.99f); /* 96 ms */
    assert_int_equal(collect(&options, 100, 100 * 512), 1);
}

static void a_start_moves_back_to_the_rise(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(200);
    speak(95, 100, 0.4f); /* between the thresholds */
    speak(100, 110, 0.9f);
    assert_int_equal(collect(&options, 200, 200 * 512), 1);
    assert_int_equal(spans[0].speech_start, 95 * 512);
    speak(95, 110, 0.4f); /* never at the threshold */
    assert_int_equal(collect(&options, 200, 200 * 512), 0);
}

static void short_or_shallow_dips_do_not_end_speech(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(300);
    speak(100, 200, 0.9f);
    speak(120, 140, 0.36f); /* shallow: above 0.35 */
    speak(160, 164, 0.1f);  /* short: 128 ms */
    assert_int_equal(collect(&options, 300, 300 * 512), 1);
    expect_span(0, 100 * 512 - 3200, 200 * 512 + 3200, 100 * 512, 200 * 512);
    speak(160, 165, 0.1f); /* 160 ms */
    assert_int_equal(collect(&options, 300, 300 * 512), 2);
}

static void pads_that_meet_end_at_the_quietest_point(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(300);
    speak(100, 150, 0.9f);
    speak(160, 200, 0.9f);
    for (size_t i = 150; i < 160; i++) frames[i].power = 1e-4f;
    for (size_t i = 156; i < 159; i++) frames[i].power = 1e-7f; /* nearer to the second */
    assert_int_equal(collect(&options, 300, 300 * 512), 2);
    assert_int_equal(spans[0].end, 157 * 512 + 256);
    assert_int_equal(spans[1].start, spans[0].end);
    assert_int_equal(spans[0].speech_end, 150 * 512);
    assert_int_equal(spans[1].speech_start, 160 * 512);
}

static void endless_speech_is_cut_at_its_quietest_point(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    const size_t n = 2500; /* 80 s */
    speak(0, n, 0.97f);
    static const size_t dips[] = {300, 700, 1500, 2200};
    for (size_t i = 0; i < SO_COUNT(dips); i++)
        for (size_t j = 0; j < 3; j++) frames[dips[i] + j].power = 1e-6f;
    const size_t count = collect(&options, n, n * 512);
    assert_int_equal(count, 4);
    assert_int_equal(spans[0].end, 701 * 512 + 256); /* the dip at 300 would make a short span */
    assert_int_equal(spans[1].end, 1501 * 512 + 256);
    assert_int_equal(spans[2].end, 2201 * 512 + 256);
    for (size_t i = 0; i < count; i++) assert_int_equal(spans[i].start, i ? spans[i - 1].end : 0);
    assert_int_equal(spans[3].end, n * 512);
}

static void within_speech_a_pause_counts_more_than_power(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    speak(0, 1200, 1.0f);
    for (size_t i = 750; i < 753; i++) frames[i].power = 1e-4f;      /* 10 dB less */
    for (size_t i = 800; i < 804; i++) frames[i].probability = 0.3f; /* a breath, too short to be a silence */
    assert_int_equal(collect(&options, 1200, 1200 * 512), 2);
    assert_true(spans[0].end >= 800 * 512 && spans[0].end < 804 * 512);
}

static void no_number_is_no_speech(void **unused) {
    (void)unused;
    const struct so_span_options options = plain_options();
    silence(200);
    speak(100, 110, 0.9f);
    for (size_t i = 150; i < 170; i++) frames[i].probability = NAN;
    assert_int_equal(collect(&options, 200, 200 * 512), 1);
    assert_true(spans[0].end < 150 * 512);
}

static void options_without_sense_are_refused(void **unused) {
    (void)unused;
    static const struct so_span_options bad[] = {
        {0.0f, 0.1, 0.2, 0.3, 30},      {1.0f, 0.1, 0.2, 0.3, 30},  {NAN, 0.1, 0.2, 0.3, 30},
        {0.5f, -0.1, 0.2, 0.3, 30},     {0.5f, NAN, 0.2, 0.3, 30},  {0.5f, 0.1, -1, 0.3, 30},
        {0.5f, 0.1, 0.2, -0.3, 30},     {0.5f, 0.1, 0.2, 3, 30},    {0.5f, 0.1, 0.2, 0.3, 7},
        {0.5f, 0.1, 0.2, 0.3, 31},      {0.5f, 0.1, 0.2, 0.3, NAN}, {0.5f, 2.5, 0.2, 0.3, 30},
        {0.5f, 0.1, INFINITY, 0.3, 30},
    };
    for (size_t i = 0; i < SO_COUNT(bad); i++) {
        struct so_spans *s;
        sotto_error err;
        assert_int_equal(so_spans_create(&bad[i], &s, &err), SOTTO_ERR_ARGUMENT);
        assert_null(s);
    }
    struct so_span_options options;
    so_span_options_init(&options);
    so_spans_free(create(&options));
}

/* ---- any probabilities, any options ---- */

/* Probabilities that wander, with stretches of certainty and of noise. */
static void make_frames(size_t n, uint32_t *state) {
    float level = 0;
    size_t left = 0, kind = 0;
    for (size_t i = 0; i<n; i++, left -= left> 0) {
        if (!left) {
            left = 1 + next_bits(state) % (next_bits(state) % 8 ? 40 : 1500);
            kind = next_bits(state) % 4;
        }
        const float noise = 0.5f + 0.5f * next_float(state);
        level = kind == 0 ? 0.0f : kind == 1 ? 1.0f : kind == 2 ? noise : level + 0.2f * (noise - 0.5f);
        level = level < 0 ? 0 : level > 1 ? 1 : level;
        frames[i] = (struct so_vad_frame){level, noise * noise * 0.01f};
    }
}

static struct so_span_options any_options(uint32_t *state) {
    struct so_span_options o;
    so_span_options_init(&o);
    o.threshold = 0.02f + 0.009f * (float)(next_bits(state) % 100);
    o.min_speech = 0.01 * (next_bits(state) % 60);
    o.min_silence = 0.01 * (next_bits(state) % 100);
    o.pad = 0.01 * (next_bits(state) % 150);
    o.max_span = 8 + next_bits(state) % 23;
    return o;
}

/* Runs of speech found with the whole recording in view: frames [first, end). */
struct whole_run {
    size_t first, end;
};
static struct whole_run runs[MAX_FRAMES];

static size_t find_runs(const struct so_span_options *o, size_t n) {
    const float low = fmaxf(o->threshold - SO_SPAN_HYSTERESIS, 0.01f);
    size_t count = 0, i = 0, floor = 0;
    while (i < n) {
        if (frames[i].probability < o->threshold) {
            i++;
            continue;
        }
        size_t first = i;
        while (first > floor && i - first < 16 && frames[first - 1].probability >= low) first--;
        size_t quiet = n, end = n; /* quiet: the first frame below `low` since the last at the threshold */
        for (; i < n && end == n; i++) {
            if (frames[i].probability >= o->threshold)
                quiet = n;
            else if (frames[i].probability < low && quiet == n)
                quiet = i;
            if (quiet != n && (i + 1 - quiet) * 512 >= samples_of(o->min_silence)) end = quiet;
        }
        if (quiet != n) end = quiet;
        floor = end;
        if ((end - first) * 512 >= samples_of(o->min_speech)) runs[count++] = (struct whole_run){first, end};
    }
    return count;
}

/* pause: how long a silence within a run, where it may be cut, can be. */
static void check_coverage(size_t n_runs, size_t n_spans, uint64_t total, uint64_t pad, uint64_t pause) {
    size_t s = 0;
    for (size_t r = 0; r < n_runs; r++) {
        uint64_t at = runs[r].first * 512, end = runs[r].end * 512 < total ? runs[r].end * 512 : total;
        while (at < end) {
            while (s < n_spans && spans[s].end <= at) s++;
            assert_true(s < n_spans && spans[s].start <= at && spans[s].speech_start <= at);
            at = spans[s].end;
        }
    }
    for (size_t i = 0; i < n_spans; i++) { /* and nothing but speech and its surroundings */
        bool near = false;
        for (size_t r = 0; r < n_runs; r++)
            near = near ||
                   (spans[i].speech_start >= runs[r].first * 512 && spans[i].speech_end <= runs[r].end * 512);
        assert_true(near);
        assert_true(spans[i].speech_start - spans[i].start <= 2 * pad);
        assert_true(spans[i].end - spans[i].speech_end <= (2 * pad > pause ? 2 * pad : pause));
    }
}

static void check_order(const struct so_span_options *o, size_t count, uint64_t total) {
    const uint64_t slack =
        2 * samples_of(o->pad) + samples_of(o->min_silence) + samples_of(o->min_speech) + (16 + 3) * 512;
    for (size_t i = 0; i < count; i++) {
        const struct so_span *span = &spans[i];
        assert_true(span->start <= span->speech_start && span->speech_start < span->speech_end);
        assert_true(span->speech_end <= span->end && span->end <= total);
        assert_true(span->end - span->start <= samples_of(o->max_span));
        if (i) assert_true(span->start >= spans[i - 1].end);
        assert_true(span->probability >= 0 && span->probability <= 1);
        /* A span that may have been cut comes out late by as much as it could have grown. */
        const uint64_t shortest_cut =
            (samples_of(o->max_span) - 2 * samples_of(o->pad) - 2 * 512) / 3 * 2 - 512;
        const uint64_t growth = span->end - span->start < shortest_cut ? 0 : samples_of(o->max_span) / 3;
        assert_true(seen_at[i] * 512 <= span->speech_end + slack + growth);
    }
}

static void rules_hold_for_any_probabilities(void **unused) {
    (void)unused;
    uint32_t state = 11;
    size_t most = 0;
    for (int round = 0; round < 400; round++) {
        const size_t n = 1 + next_bits(&state) % (MAX_FRAMES - 1);
        const uint64_t total = n * 512 - next_bits(&state) % 512;
        make_frames(n, &state);
        const struct so_span_options options = any_options(&state);
        const size_t n_runs = find_runs(&options, n), count = collect(&options, n, total);
        check_order(&options, count, total);
        check_coverage(n_runs, count, total, samples_of(options.pad), samples_of(options.min_silence) + 512);
        most = count > most ? count : most;
    }
    assert_true(most > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_has_no_spans),
        cmocka_unit_test(speech_gets_its_padding),
        cmocka_unit_test(padding_ends_where_the_recording_does),
        cmocka_unit_test(what_is_shorter_than_speech_is_dropped),
        cmocka_unit_test(a_start_moves_back_to_the_rise),
        cmocka_unit_test(short_or_shallow_dips_do_not_end_speech),
        cmocka_unit_test(pads_that_meet_end_at_the_quietest_point),
        cmocka_unit_test(endless_speech_is_cut_at_its_quietest_point),
        cmocka_unit_test(within_speech_a_pause_counts_more_than_power),
        cmocka_unit_test(no_number_is_no_speech),
        cmocka_unit_test(options_without_sense_are_refused),
        cmocka_unit_test(rules_hold_for_any_probabilities),
    };
    return cmocka_run_group_tests_name("vad_spans", tests, NULL, NULL);
}
