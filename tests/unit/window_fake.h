/**
 * A stand-in for the decoder: sequences that remember their tokens, and logits that a function makes of them. A test
 * that includes window_fake.c has no real model in it.
 */
#ifndef SOTTO_TESTS_WINDOW_FAKE_H
#define SOTTO_TESTS_WINDOW_FAKE_H

#include "decode/window.h"

enum { FAKE_CONTEXT = 32, FAKE_MOST = 64 }; /* what most tests give the model, and the most that any may */

struct so_seq {
    int32_t tokens[FAKE_MOST];
    size_t n;
    const struct so_cross *cross;
};

struct so_cross {
    uint64_t seed; /**< what was heard: part of what the logits depend on */
};

/** Logits [n_vocab] of the token after the sequence. */
typedef void fake_logits(const struct so_seq *seq, float *logits);

extern fake_logits *fake_model;
extern size_t fake_context; /**< of the model: FAKE_CONTEXT unless a test says otherwise, at most FAKE_MOST */
extern size_t fake_rows; /**< rows run so far */

/** Pseudo-random logits, a function of everything heard and said so far. */
fake_logits fake_random;

/** One decoder step; checks that no sequence outgrows its context. */
void fake_step(const struct so_step_row *rows, size_t n);

/** Run an attempt to its end with at most `capacity` rows in a step. */
sotto_status fake_run(struct so_window *window, size_t capacity);

#endif
