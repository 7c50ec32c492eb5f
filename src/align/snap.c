#include "align/snap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "backend/cpu/kernels.h"
#include "util/memory.h"

enum { HOP = 160, REACH = 20 /* frames */, RUN = 3 /* frames of sound or silence that count */, PAUSE = 10 };

/** Sound is above the quiet moments (the tenth percentile) by 10 dB, and above the loud ones (the 95th) less
 * 35 dB. */
#define ABOVE_QUIET 10.0f
#define BELOW_LOUD (1 / 3162.27766f)

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/** Mean power of each frame, then the threshold above which a frame is sound. */
static float measure(const float *samples, size_t n_samples, uint32_t frames, float *power, float *sorted) {
    const struct so_kernels *kernels = so_kernels();
    for (uint32_t f = 0; f < frames; f++) {
        size_t from = so_min((size_t)f * HOP, n_samples), n = so_min(HOP, n_samples - from);
        power[f] = sorted[f] = n ? kernels->dot_f32(n, samples + from, samples + from) / HOP : 0;
    }
    qsort(sorted, frames, sizeof *sorted, by_value);
    float quiet = sorted[frames / 10] * ABOVE_QUIET, loud = sorted[frames - 1 - frames / 20];
    /* In a window full of speech even the tenth percentile is speech. */
    return quiet < loud * 0.03f && quiet > loud * BELOW_LOUD ? quiet : loud * BELOW_LOUD;
}

struct sound {
    const float *power; /* [frames] */
    uint32_t frames;
    float threshold;
};

/** Whether RUN frames from `at` on, in steps of `step`, are all sound or all silence; outside there is
 * silence. */
static bool is_run(const struct sound *s, int64_t at, int step, bool sound) {
    for (int i = 0; i < RUN; i++, at += step) {
        bool here = at >= 0 && at < s->frames && s->power[at] > s->threshold;
        if (here != sound) return false;
    }
    return true;
}

/**
 * A word's edge: `at` is the frame just inside the word, `inward` the step into it, which may go to `inner`,
 * and outwards to `outer` (frames inside the word). Returns where the frame just inside should be.
 */
static int64_t move_edge(const struct sound *s, int64_t at, int inward, int64_t inner, int64_t outer) {
    if (!is_run(s, at, inward, true)) {
        for (int64_t i = at, n = 0; n <= REACH && (inner - i) * inward >= 0; i += inward, n++)
            if (is_run(s, i, inward, true)) return i;
        return at;
    }
    for (int64_t i = at, n = 0; n <= REACH; i -= inward, n++) {
        if (is_run(s, i - inward, -inward, false)) return i;
        if (i == outer) return i;
    }
    return at;
}

/** Silent frames from `at` on in steps of `step`, at most REACH, not beyond `last`. */
static uint32_t silence(const struct sound *s, int64_t at, int step, int64_t last) {
    uint32_t n = 0;
    for (; n < REACH && (last - at) * step >= 0 && s->power[at] <= s->threshold; at += step) n++;
    return n;
}

/** Two words that meet: they part if they do so in a silence that is longer than one inside a word. */
static void part(const struct sound *s, struct so_edges *word, struct so_edges *next) {
    if (word->end - word->start < 2 || next->end - next->start < 2) return;
    uint32_t left = silence(s, (int64_t)word->end - 1, -1, (int64_t)word->start + 1);
    uint32_t right = silence(s, next->start, 1, (int64_t)next->end - 2);
    if (left + right < PAUSE) return;
    word->end -= left;
    next->start += right;
}

static void snap_all(const struct sound *s, struct so_edges *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (words[i].end <= words[i].start) continue;
        bool met = i > 0 && words[i - 1].end == words[i].start,
             meets = i + 1 < n && words[i].end == words[i + 1].start;
        int64_t start = words[i].start, last = (int64_t)words[i].end - 1, before = i ? words[i - 1].end : 0;
        int64_t after = i + 1 < n ? (int64_t)words[i + 1].start - 1 : (int64_t)s->frames - 1;
        if (!met) start = move_edge(s, start, 1, last, before);
        if (!meets) last = move_edge(s, last, -1, start, after > last ? after : last);
        words[i] = (struct so_edges){(uint32_t)start, (uint32_t)last + 1};
        if (met) part(s, &words[i - 1], &words[i]);
    }
}

sotto_status so_snap(const float *samples, size_t n_samples, uint32_t frames, struct so_edges *words,
                     size_t n, sotto_error *err) {
    float *power = so_alloc(2 * (size_t)frames, sizeof *power); /* [frames], and a copy to sort */
    if (!power) return so_fail_memory(err, 2 * (size_t)frames * sizeof *power, "word times");
    struct sound s = {power, frames, 0};
    s.threshold = measure(samples, n_samples, frames, power, power + frames);
    snap_all(&s, words, n);
    so_free(power);
    return SOTTO_OK;
}
