#include "vad/spans.h"

#include "util/memory.h"
#include "vad/quiet.h"

#define NEVER UINT64_MAX
#define LONGEST_SPAN 30.0
#define RISE_FRAMES 16 /* a start moves back by at most half a second */

/* A run of frames taken for speech; positions in samples. */
struct run {
    bool open;        /* it has not ended */
    bool accepted;    /* it is long enough to become a span */
    uint64_t silence; /* frame since which the probability has not been back at the threshold after falling;
                         or NEVER */
    struct so_span span;
};

struct so_spans {
    float threshold, low;
    uint64_t min_speech, min_silence, pad, max_span; /* samples */
    struct so_quiet quiet;
    uint64_t rise; /* frame since which the probability is at least `low`; NEVER */
    struct run run;
    bool waiting; /* `last` has ended, but its padding may still meet the next run */
    struct so_span last;
    uint64_t finished; /* end of the span that came out last */
};

void so_span_options_init(struct so_span_options *options) {
    options->threshold = 0.25f;
    options->min_speech = 0.09;
    options->min_silence = 0.16;
    options->pad = 1.0;
    options->max_span = LONGEST_SPAN;
}

static bool within(double x, double low, double high) {
    return x >= low && x <= high;
}

static uint64_t to_samples(double seconds) {
    return (uint64_t)(seconds * SOTTO_SAMPLE_RATE + 0.5);
}

void so_span_options_of(const sotto_options *from, struct so_span_options *options) {
    so_span_options_init(options);
    options->threshold = from->vad_threshold;
    options->min_speech = from->vad_min_speech;
    options->min_silence = from->vad_min_silence;
    options->pad = from->vad_pad;
}

sotto_status so_span_options_check(const struct so_span_options *options, sotto_error *err) {
    if (!(options->threshold > 0.0f && options->threshold < 1.0f))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the threshold of speech detection must lie between 0 and 1");
    if (!within(options->min_speech, 0.0, 2.0) || !within(options->min_silence, 0.0, 2.0) ||
        !within(options->pad, 0.0, 2.0) || !within(options->max_span, 8.0, LONGEST_SPAN))
        return so_fail(err, SOTTO_ERR_ARGUMENT,
                       "speech detection: shortest speech must be 0 to 2 s, shortest silence 0 to 2 s, "
                       "padding 0 to 2 s, "
                       "longest span 8 to 30 s");
    return SOTTO_OK;
}

sotto_status so_spans_create(const struct so_span_options *options, struct so_spans **out, sotto_error *err) {
    *out = NULL;
    sotto_status status = so_span_options_check(options, err);
    if (status) return status;
    struct so_spans *spans = so_calloc(1, sizeof *spans);
    if (!spans) return so_fail_memory(err, sizeof *spans, "speech detection");
    spans->threshold = options->threshold;
    spans->low =
        options->threshold > SO_SPAN_HYSTERESIS + 0.01f ? options->threshold - SO_SPAN_HYSTERESIS : 0.01f;
    spans->min_speech = to_samples(options->min_speech);
    spans->min_silence = to_samples(options->min_silence);
    spans->pad = to_samples(options->pad);
    spans->max_span = to_samples(options->max_span);
    spans->rise = NEVER;
    *out = spans;
    return SOTTO_OK;
}

void so_spans_free(struct so_spans *spans) {
    so_free(spans);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t after(uint64_t frame) {
    return frame * SO_VAD_HOP;
}

/* Where a run begins whose first frame at the threshold is this one. */
static uint64_t start_of_rise(const struct so_spans *s, uint64_t frame) {
    const uint64_t rise = s->rise < frame ? s->rise : frame;
    return after(frame - rise > RISE_FRAMES ? frame - RISE_FRAMES : rise);
}

/* The first sample of speech in a run that is still to come or not accepted yet. */
static uint64_t next_speech(const struct so_spans *s) {
    return s->run.open ? s->run.span.speech_start : start_of_rise(s, s->quiet.n);
}

static bool release(struct so_spans *s, uint64_t end, struct so_span *span) {
    s->last.end = end;
    s->finished = end;
    s->waiting = false;
    *span = s->last;
    return true;
}

/* Where a padded span begins whose predecessor is out. */
static uint64_t padded_start(const struct so_spans *s, uint64_t speech) {
    const uint64_t start = speech > s->pad ? speech - s->pad : 0;
    return start > s->finished ? start : s->finished;
}

/* The border between two runs whose pads meet: the middle of the quietest frame between them. */
static uint64_t border(const struct so_spans *s, uint64_t from, uint64_t to) {
    return after(so_quiet_find(&s->quiet, from / SO_VAD_HOP, to / SO_VAD_HOP - 1)) + SO_VAD_HOP / 2;
}

/* The open run is long enough: its start is certain, and with it the end of the span before. */
static bool accept(struct so_spans *s, struct so_span *span) {
    const uint64_t speech = s->run.span.speech_start;
    bool released = false;
    s->run.accepted = true;
    if (s->waiting) {
        const uint64_t end = s->last.speech_end;
        released = release(s, speech - end >= 2 * s->pad ? end + s->pad : border(s, end, speech), span);
    }
    s->run.span.start = padded_start(s, speech);
    return released;
}

/* The speech of the open run up to a sample becomes the last span. */
static void take_speech(struct so_spans *s, uint64_t end) {
    const uint64_t start = s->run.span.speech_start;
    s->last = s->run.span;
    s->last.speech_end = end;
    s->last.probability = so_quiet_mean(&s->quiet, start / SO_VAD_HOP, (end + SO_VAD_HOP - 1) / SO_VAD_HOP);
    s->waiting = true;
}

/* The open run ends at a sample. Behind a cut there may be nothing left of it. */
static void end_run(struct so_spans *s, uint64_t end) {
    s->run.open = false;
    if (s->run.accepted && end > s->run.span.speech_start) take_speech(s, end);
}

/* The open run is as long as a span may be: it comes out up to the quietest point of its last third. */
static bool cut(struct so_spans *s, uint64_t now, struct so_span *span) {
    struct run *run = &s->run;
    const uint64_t first = (run->span.start + (now - run->span.start) / 3 * 2) / SO_VAD_HOP;
    const uint64_t last = s->quiet.n - 3; /* the newest frames would be judged without what follows them */
    const uint64_t at = after(so_quiet_find(&s->quiet, first, last)) + SO_VAD_HOP / 2;
    take_speech(s, run->silence == NEVER ? at : earlier(at, after(run->silence)));
    run->span.start = run->span.speech_start = at;
    return release(s, at, span);
}

/* Whether the open run must be cut, so that a frame and the padding, of at most two pads, still fit. */
static bool is_full(const struct so_spans *s, uint64_t now) {
    return now + SO_VAD_HOP + 2 * s->pad - s->run.span.start > s->max_span;
}

static void follow(struct so_spans *s, float p, uint64_t frame) {
    struct run *run = &s->run;
    if (p < s->low)
        s->rise = NEVER;
    else if (s->rise == NEVER)
        s->rise = frame;
    if (!run->open && p >= s->threshold) {
        *run = (struct run){.open = true, .silence = NEVER};
        run->span.speech_start = start_of_rise(s, frame);
    }
    if (!run->open) return;
    if (p >= s->threshold)
        run->silence = NEVER;
    else if (p < s->low && run->silence == NEVER)
        run->silence = frame;
}

bool so_spans_push(struct so_spans *s, struct so_vad_frame frame, struct so_span *span) {
    const struct run *run = &s->run;
    if (!(frame.probability >= 0.0f)) frame.probability = 0.0f;
    const uint64_t index = s->quiet.n;
    so_quiet_push(&s->quiet, frame);
    follow(s, frame.probability, index);
    const uint64_t now = after(index + 1);
    bool out = false;
    if (run->open) {
        const uint64_t end = run->silence == NEVER ? now : after(run->silence);
        if (!run->accepted && end - run->span.speech_start >= s->min_speech) out = accept(s, span);
        if (run->silence != NEVER && now - end >= s->min_silence)
            end_run(s, end);
        else if (run->accepted && !out && is_full(s, now))
            out = cut(s, now, span);
    }
    if (s->waiting && !out && next_speech(s) >= s->last.speech_end + 2 * s->pad)
        out = release(s, s->last.speech_end + s->pad, span);
    return out;
}

bool so_spans_finish(struct so_spans *s, uint64_t total, struct so_span *span) {
    const struct run *run = &s->run;
    if (run->open) {
        const uint64_t now = after(s->quiet.n), end = run->silence == NEVER ? now : after(run->silence);
        end_run(s, earlier(end, total));
    }
    s->rise = NEVER;
    if (!s->waiting) return false;
    const uint64_t end = s->last.speech_end + s->pad;
    return release(s, earlier(end, total), span);
}

uint64_t so_spans_horizon(const struct so_spans *s) {
    if (s->waiting) return s->last.start;
    if (s->run.open && s->run.accepted) return s->run.span.start;
    return padded_start(s, next_speech(s));
}
