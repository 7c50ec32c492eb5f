#include "align/times.h"

#include <string.h>

#include "model/utf8.h"
#include "util/memory.h"

/** Positions of 20 ms. */
enum {
    SHORTEST_PAUSE = 5,
    APART = 10,
    FADE = 20,
    LONGEST_MEDIAN = 35,
    LONGEST_BASE = 20,
    LONGEST_CHARACTER = 6,
    LONGEST_IDEOGRAPH = 26
};

/** A word begins where the attention to its first token reaches this part of its maximum. */
#define RISE 0.4f

/** A word has ended when this part of the attention to what follows it, in the FADE positions after the path
 * left it, was paid. */
#define FALL 0.3f

/** Characters that are said as a word: digits, and what is written without spaces (Thai to Khmer, kana,
 * ideographs, Hangul). */
static bool is_said_as_word(uint32_t code) {
    if (code < 0x80) return code >= '0' && code <= '9';
    return (code >= 0x2e80 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7af) ||
           (code >= 0xf900 && code <= 0xfaff) || code >= 0x20000;
}

size_t so_longest_word(const char *text) {
    size_t longest = LONGEST_BASE;
    while (*text == ' ') text++;
    for (size_t left = strlen(text), size; left > 0; text += size, left -= size)
        longest += is_said_as_word(so_utf8_get(text, left, &size)) ? LONGEST_IDEOGRAPH : LONGEST_CHARACTER;
    return longest;
}

/**
 * Where in [from, to) the row rises to the maximum it has there: back from the maximum to the first position
 * that reaches RISE of it. What stands APART positions before all the rest is a stray look into the silence.
 */
static size_t find_rise(const float *row, size_t from, size_t to) {
    size_t peak = from;
    for (size_t i = from; i < to; i++)
        if (row[i] > row[peak]) peak = i;
    size_t rise = peak;
    for (size_t i = peak; i > from && rise - (i - 1) <= APART; i--)
        if (row[i - 1] >= RISE * row[peak]) rise = i - 1;
    return rise;
}

/** The first position in [from, to) by which `part` of the row's sum there is reached. */
static size_t find_share(const float *row, size_t from, size_t to, float part) {
    float total = 0, sum = 0;
    for (size_t i = from; i < to; i++) total += row[i];
    for (size_t i = from; i < to; i++) {
        sum += row[i];
        if (sum >= part * total) return i;
    }
    return from;
}

static size_t median_length(const struct so_word_time *times, size_t n) {
    size_t counts[LONGEST_MEDIAN + 1] = {0}, total = 0, below = 0, length = 0;
    for (size_t i = 0; i < n; i++) {
        size_t own = times[i].end - times[i].start;
        if (own == 0) continue;
        counts[so_min(own, LONGEST_MEDIAN)]++;
        total++;
    }
    while (length < LONGEST_MEDIAN && 2 * (below + counts[length]) < total) below += counts[length++];
    return length;
}

/** Cut [start, end) to the `longest` positions that hold most of the attention to the word's tokens. */
static void cut(struct so_word_time *time, const float *attention, size_t n_tokens, size_t ld,
                size_t longest) {
    float sum = 0, best = 0;
    size_t best_start = time->start;
    for (size_t i = time->start; i < time->end; i++) {
        for (size_t t = 0; t < n_tokens; t++) {
            sum += attention[t * ld + i];
            if (i >= time->start + longest) sum -= attention[t * ld + i - longest];
        }
        if (i + 1 >= time->start + longest && sum > best) {
            best = sum;
            best_start = i + 1 - longest;
        }
    }
    time->start = best_start;
    time->end = best_start + longest;
}

void so_word_times(const struct so_token_word *words, size_t n_words, const size_t *first,
                   const float *attention, size_t ld, size_t positions, struct so_word_time *times) {
    for (size_t i = 0; i < n_words; i++) {
        const struct so_token_word *w = &words[i];
        size_t from = first[w->spoken], to = first[w->spoken + w->n_spoken];
        size_t start = from < to ? find_rise(attention + w->spoken * ld, from, to) : from;
        times[i].start = start - from >= SHORTEST_PAUSE ? start : from;
        times[i].end = to;
    }
    for (size_t i = 0; i < n_words; i++) {
        size_t next = i + 1 < n_words ? times[i + 1].start : positions,
               after = words[i].spoken + words[i].n_spoken;
        if (next < times[i].end + SHORTEST_PAUSE) continue;
        times[i].end =
            find_share(attention + after * ld, times[i].end, so_min(next, times[i].end + FADE), FALL);
    }
    size_t usual = 2 * median_length(times, n_words);
    for (size_t i = 0; i < n_words; i++) {
        size_t longest = so_max(usual, times[i].longest);
        if (times[i].end - times[i].start > longest)
            cut(&times[i], attention + words[i].spoken * ld, words[i].n_spoken, ld, longest);
    }
}
