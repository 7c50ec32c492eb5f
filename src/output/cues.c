#include "output/cues.h"

#include <math.h>
#include <string.h>

#include "output/units.h"
#include "util/memory.h"

/** Seconds of silence that no cue reaches over, and from which a cue ends well. */
#define LONG_PAUSE 1.0
#define PAUSE 0.3

/* What a division costs: each cue, room that it does not use, and an end in the middle of something. */
#define COST_CUE 100.0
#define COST_ROOM 40.0
#define COST_PLAIN 30.0
#define COST_CLAUSE 12.0

void so_cues_free(struct so_cues *cues) {
    so_arena_free(&cues->arena);
    *cues = (struct so_cues){0};
}

/** Room for one cue more; NULL for want of memory. The outgrown array stays in the arena. */
static struct so_cue *append(struct so_cues *cues, size_t *capacity) {
    if (cues->n == *capacity) {
        size_t grown = so_max(16, 2 * *capacity);
        struct so_cue *all = so_arena_alloc(&cues->arena, grown, sizeof *all);
        if (!all) return NULL;
        if (cues->n) memcpy(all, cues->cues, cues->n * sizeof *all);
        cues->cues = all;
        *capacity = grown;
    }
    return &cues->cues[cues->n++];
}

bool so_cues_of_segments(const sotto_result *result, struct so_cues *cues) {
    size_t capacity = 0;
    *cues = (struct so_cues){0};
    for (size_t i = 0; i < result->n_segments; i++) {
        const sotto_segment *segment = &result->segments[i];
        struct so_cue *cue = append(cues, &capacity);
        const char **line = so_arena_alloc(&cues->arena, 1, sizeof *line);
        if (!cue || !line) return false;
        *line = segment->text;
        *cue = (struct so_cue){segment->start, segment->end, segment->speaker, 1, line};
    }
    return true;
}

struct shaping {
    const sotto_format_options *options;
    struct so_cues *cues;
    size_t capacity;
    const struct so_unit *units; /* [n] of one segment */
    size_t n;
    int speaker;
};

/** Put one unit more into lines of at most `width`; `used`: of the last line. A unit that is wider has a line of its own. */
static void add_to_lines(const struct so_unit *unit, size_t width, size_t *lines, size_t *used) {
    size_t more = unit->space + unit->width;
    if (*lines > 0 && *used + more <= width) {
        *used += more;
    } else {
        ++*lines;
        *used = unit->width;
    }
}

/** Lines of at most `width` that units [first, end) take. */
static size_t count_lines(const struct shaping *s, size_t first, size_t end, size_t width) {
    size_t lines = 0, used = 0;
    for (size_t i = first; i < end; i++) add_to_lines(&s->units[i], width, &lines, &used);
    return lines;
}

/** Whether unit `last` may be in the same cue as those from `first` on to the one before it; `lines`: of them all. */
static bool may_join(const struct shaping *s, size_t first, size_t last, size_t lines) {
    const struct so_unit *unit = &s->units[last];
    if (last == first) return true;
    return unit->start - unit[-1].end < LONG_PAUSE && unit->end - s->units[first].start <= s->options->cue_max_seconds &&
           lines <= s->options->cue_lines;
}

/** Of a cue of `width` columns in all that ends before unit `end`. */
static double cost(const struct shaping *s, size_t end, size_t width) {
    const struct so_unit *last = &s->units[end - 1];
    double room = (double)s->options->line_characters * (double)s->options->cue_lines;
    double unused = fmax(0, 1 - (double)width / room);
    double sum = COST_CUE + COST_ROOM * unused * unused;
    bool natural = end == s->n || last->ends == SO_UNIT_SENTENCE || last[1].start - last->end >= PAUSE;
    return natural ? sum : sum + (last->ends == SO_UNIT_CLAUSE ? COST_CLAUSE : COST_PLAIN);
}

/** The narrowest width in which a cue has no more lines than it must have: they are then about equally long. */
static size_t even_width(const struct shaping *s, size_t first, size_t end) {
    size_t most = s->options->line_characters, lines = count_lines(s, first, end, most), low = 1;
    while (low < most) {
        size_t middle = low + (most - low) / 2;
        if (count_lines(s, first, end, middle) <= lines)
            most = middle;
        else
            low = middle + 1;
    }
    return most;
}

static char *copy_line(struct so_arena *arena, const struct so_unit *units, size_t first, size_t end) {
    size_t length = 0;
    for (size_t i = first; i < end; i++) length += units[i].length + 1;
    char *line = so_arena_alloc(arena, length + 1, 1), *at = line;
    for (size_t i = first; line && i < end; i++) {
        if (i > first && units[i].space) *at++ = ' ';
        memcpy(at, units[i].text, units[i].length);
        at += units[i].length;
    }
    if (line) *at = '\0';
    return line;
}

static bool add_cue(struct shaping *s, size_t first, size_t end) {
    size_t width = even_width(s, first, end), n = count_lines(s, first, end, width), line = 0;
    struct so_cue *cue = append(s->cues, &s->capacity);
    const char **lines = so_arena_alloc(&s->cues->arena, n, sizeof *lines);
    if (!cue || !lines) return false;
    *cue = (struct so_cue){s->units[first].start, s->units[end - 1].end, s->speaker, n, lines};
    for (size_t from = first, to; from < end; from = to) {
        for (to = from + 1; to < end && count_lines(s, from, to + 1, width) == 1; to++) continue;
        lines[line] = copy_line(&s->cues->arena, s->units, from, to);
        if (!lines[line++]) return false;
    }
    return true;
}

/** Divide the units of one segment at the lowest cost, from the end on: best[i] is that of units [i, n). */
static bool divide(struct shaping *s) {
    double *best = so_alloc(s->n + 1, sizeof *best);
    size_t *next = so_alloc(s->n + 1, sizeof *next);
    bool ok = best && next;
    if (ok) best[s->n] = 0;
    for (size_t first = s->n; ok && first-- > 0;) {
        size_t width = 0, lines = 0, used = 0;
        best[first] = INFINITY;
        for (size_t last = first; last < s->n; last++) {
            add_to_lines(&s->units[last], s->options->line_characters, &lines, &used);
            if (!may_join(s, first, last, lines)) break;
            width += s->units[last].space + s->units[last].width;
            double sum = cost(s, last + 1, width) + best[last + 1];
            if (sum > best[first]) continue; /* of equal ways the one with the fuller cue */
            best[first] = sum;
            next[first] = last + 1;
        }
    }
    for (size_t first = 0; ok && first < s->n; first = next[first]) ok = add_cue(s, first, next[first]);
    so_free(best);
    so_free(next);
    return ok;
}

/** Cues do not overlap, and short ones stay a while. */
static void settle_times(const sotto_result *result, const sotto_format_options *options, struct so_cues *cues) {
    for (size_t i = 0; i < cues->n; i++) {
        struct so_cue *cue = &cues->cues[i];
        double limit = i + 1 < cues->n ? cue[1].start : fmax(result->duration, cue->end);
        if (cue->end - cue->start < options->cue_min_seconds) cue->end = fmax(cue->end, fmin(cue->start + options->cue_min_seconds, limit));
        if (limit >= cue->start) cue->end = fmin(cue->end, limit);
    }
}

bool so_cues_shape(const sotto_result *result, const sotto_format_options *options, struct so_cues *cues) {
    *cues = (struct so_cues){0};
    struct shaping s = {.options = options, .cues = cues};
    struct so_arena scratch = {0};
    bool ok = true;
    for (size_t i = 0; i < result->n_segments && ok; i++) {
        struct so_unit *units = NULL;
        ok = so_units_make(&result->segments[i], &scratch, &units, &s.n);
        s.units = units;
        s.speaker = result->segments[i].speaker;
        if (ok && s.n) ok = divide(&s);
        so_arena_free(&scratch);
        scratch = (struct so_arena){0};
    }
    if (ok) settle_times(result, options, cues);
    return ok;
}
