#include "model/suppress.h"

#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

/** Suppressed where they are one token, alone or behind a space. */
static const char *const symbols[] = {
    "\"",  "#",  "(",  ")",  "*",   "+",  "/",  ":",   ";",   "<",  "=",  ">",  "@",  "[",   "\\",  "]",
    "^",   "_",  "`",  "{",  "|",   "}",  "~",  "「",  "」",  "『", "』", "<<", ">>", "<<<", ">>>", "--",
    "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[", "]]", "{{", "}}", "♪♪",  "♪♪♪",
};

/** Suppressed by their first token, whatever follows it: musical signs, whose first bytes nothing spoken
 * shares. */
static const char *const musical[] = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};

/** A hyphen and an apostrophe may stand inside words but not begin one. */
static const char *const beginnings[] = {" -", " '"};

struct list {
    const struct so_vocab *vocab;
    int32_t *ids;
    size_t n;
};

static void add(struct list *list, int32_t id) {
    for (size_t i = 0; i < list->n; i++)
        if (list->ids[i] == id) return;
    if (list->n < SO_MAX_SUPPRESS) list->ids[list->n++] = id;
}

static void add_text(struct list *list, const char *text, bool first_of_many) {
    int32_t ids[1];
    size_t n = so_vocab_encode(list->vocab, text, strlen(text), ids, 1);
    if (n == 1 || (n > 1 && first_of_many)) add(list, ids[0]);
}

static void add_spaced(struct list *list, const char *symbol, bool first_of_many) {
    char text[16] = " ";
    strncat(text, symbol, sizeof text - 2);
    add_text(list, symbol, first_of_many);
    add_text(list, text, first_of_many);
}

static int ascending(const void *a, const void *b) {
    return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

size_t so_suppress_list(const struct so_vocab *vocab, int32_t ids[SO_MAX_SUPPRESS]) {
    struct list list = {vocab, ids, 0};
    const int32_t steering[] = {vocab->sot,         vocab->translate,     vocab->transcribe,
                                vocab->start_of_lm, vocab->start_of_prev, vocab->no_speech};
    for (size_t i = 0; i < SO_COUNT(symbols); i++) add_spaced(&list, symbols[i], false);
    for (size_t i = 0; i < SO_COUNT(musical); i++) add_spaced(&list, musical[i], true);
    for (size_t i = 0; i < SO_COUNT(beginnings); i++) add_text(&list, beginnings[i], true);
    for (size_t i = 0; i < SO_COUNT(steering); i++) add(&list, steering[i]);
    qsort(ids, list.n, sizeof *ids, ascending);
    return list.n;
}
