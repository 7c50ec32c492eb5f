/**
 * What two passes over the same sound agree on: the words that both begin with are confirmed (local agreement
 * of two: Liu, Spanakis, Niehues 2020, "Low-latency sequence-to-sequence speech recognition and translation
 * by partial hypothesis selection"). What was confirmed once stays: a later pass can only add to it.
 */
#ifndef SO_LIVE_AGREE_H
#define SO_LIVE_AGREE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/** A word of a pass; times in seconds of the stream. */
struct so_heard_word {
    char *text; /**< with its leading space; owned by the list it is in */
    double start, end;
};

struct so_heard {
    struct so_heard_word *words; /**< [n] */
    size_t n, capacity;
};

sotto_status so_heard_add(struct so_heard *heard, const char *text, double start, double end,
                          sotto_error *err);
void so_heard_clear(struct so_heard *heard);
void so_heard_free(struct so_heard *heard);

/** The words so far, one after another as text; to be freed with free(). NULL for want of memory. */
char *so_heard_text(const struct so_heard *heard, size_t first, size_t end);

/** Whether two words are the same but for white space, capitals (of ASCII) and punctuation at their ends. */
bool so_same_word(const char *a, const char *b);

struct so_agreement {
    double until;              /**< end of the last confirmed word, seconds */
    struct so_heard confirmed; /**< the last few confirmed words, which a pass may hear once more */
    struct so_heard pending;   /**< of the last pass, what is not confirmed */
};

void so_agreement_free(struct so_agreement *agreement);

/**
 * A new pass. Words that are confirmed already are taken out of it; *fresh: how many of its first words are
 * newly confirmed: those that the pass before agrees on, and with `all` all of them. The rest is pending. The
 * pass's list is changed.
 */
sotto_status so_agree(struct so_agreement *agreement, struct so_heard *pass, bool all, size_t *fresh,
                      sotto_error *err);

#endif
