#include "live/agree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"
#include "util/text.h"

enum { REMEMBERED = 6 }; /* confirmed words that may be heard once more */

/** A word that ends this long (seconds) after what is confirmed is a new one. */
#define TOLERANCE 0.1

/** Words that begin so long before the end of what is confirmed may be its own words again. */
#define OVERLAP 1.5

sotto_status so_heard_add(struct so_heard *heard, const char *text, double start, double end,
                          sotto_error *err) {
    if (heard->n == heard->capacity) {
        size_t capacity = so_max(16, 2 * heard->capacity);
        struct so_heard_word *words = so_calloc(capacity, sizeof *words);
        if (!words) return so_fail_memory(err, capacity * sizeof *words, "words");
        if (heard->n) memcpy(words, heard->words, heard->n * sizeof *words);
        so_free(heard->words);
        heard->words = words;
        heard->capacity = capacity;
    }
    char *copy = strdup(text);
    if (!copy) return so_fail_memory(err, strlen(text), "a word");
    heard->words[heard->n++] = (struct so_heard_word){copy, start, end};
    return SOTTO_OK;
}

/** Take the first `count` words out. */
static void drop(struct so_heard *heard, size_t count) {
    for (size_t i = 0; i < count; i++) free(heard->words[i].text);
    heard->n -= count;
    if (count) memmove(heard->words, heard->words + count, heard->n * sizeof *heard->words);
}

void so_heard_clear(struct so_heard *heard) {
    drop(heard, heard->n);
}

void so_heard_free(struct so_heard *heard) {
    so_heard_clear(heard);
    so_free(heard->words);
    *heard = (struct so_heard){0};
}

char *so_heard_text(const struct so_heard *heard, size_t first, size_t end) {
    size_t length = 0, at = 0;
    for (size_t i = first; i < end; i++) length += strlen(heard->words[i].text);
    char *text = malloc(length + 1);
    for (size_t i = first; text && i < end; i++) {
        size_t n = strlen(heard->words[i].text);
        memcpy(text + at, heard->words[i].text, n);
        at += n;
    }
    if (text) text[length] = '\0';
    return text;
}

static bool is_mark(char c) {
    return c != '\0' && strchr(" .,?!;:\"'()-", c) != NULL;
}

static struct so_text bare(const char *word) {
    size_t first = 0, end = strlen(word);
    while (end > 0 && is_mark(word[end - 1])) end--;
    while (first < end && is_mark(word[first])) first++;
    return (struct so_text){word + first, end - first};
}

static char small(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool so_same_word(const char *a, const char *b) {
    struct so_text left = bare(a), right = bare(b);
    if (left.length == 0 || right.length == 0) return strcmp(a, b) == 0;
    if (left.length != right.length) return false;
    for (size_t i = 0; i < left.length; i++)
        if (small(left.bytes[i]) != small(right.bytes[i])) return false;
    return true;
}

void so_agreement_free(struct so_agreement *agreement) {
    so_heard_free(&agreement->confirmed);
    so_heard_free(&agreement->pending);
}

/** Words at the beginning of a pass that are the last `n` confirmed ones. */
static bool repeats(const struct so_agreement *a, const struct so_heard *pass, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!so_same_word(a->confirmed.words[a->confirmed.n - n + i].text, pass->words[i].text)) return false;
    return true;
}

/** Take out what is confirmed already: by time, then, since times of one word differ from pass to pass, by
 * text. */
static void take_out_confirmed(const struct so_agreement *a, struct so_heard *pass) {
    size_t old = 0;
    while (old < pass->n && pass->words[old].end <= a->until + TOLERANCE && pass->words[old].start < a->until)
        old++;
    drop(pass, old);
    if (pass->n == 0 || pass->words[0].start > a->until + OVERLAP) return;
    for (size_t n = so_min(a->confirmed.n, pass->n); n > 0; n--) {
        /* One short word alone may well be said twice, so it must begin where the confirmed one did. */
        if (!repeats(a, pass, n) || (n == 1 && pass->words[0].start > a->until - TOLERANCE)) continue;
        drop(pass, n);
        return;
    }
}

static sotto_status remember(struct so_agreement *a, const struct so_heard_word *word, sotto_error *err) {
    if (a->confirmed.n == REMEMBERED) drop(&a->confirmed, 1);
    a->until = fmax(a->until, word->end);
    return so_heard_add(&a->confirmed, word->text, word->start, word->end, err);
}

sotto_status so_agree(struct so_agreement *a, struct so_heard *pass, bool all, size_t *fresh,
                      sotto_error *err) {
    take_out_confirmed(a, pass);
    size_t common = 0;
    while (common < pass->n &&
           (all ||
            (common < a->pending.n && so_same_word(pass->words[common].text, a->pending.words[common].text))))
        common++;
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; i < common && !status; i++) status = remember(a, &pass->words[i], err);
    so_heard_clear(&a->pending);
    for (size_t i = common; i < pass->n && !status; i++)
        status =
            so_heard_add(&a->pending, pass->words[i].text, pass->words[i].start, pass->words[i].end, err);
    *fresh = common;
    return status;
}
