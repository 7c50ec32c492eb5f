/** Token sequences that compete to be a window's transcript. */
#ifndef SO_DECODE_HYPOTHESIS_H
#define SO_DECODE_HYPOTHESIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct so_hypothesis {
    int32_t *tokens; /**< [capacity]; the end-of-text token is not among them */
    float *logprobs; /**< [capacity], natural logarithm of each token's probability under the rules */
    size_t n, capacity;
    double sum; /**< of the log-probabilities, that of the end-of-text token included once it was sampled */
    bool ended; /**< the end-of-text token was sampled, or the text was stopped for repeating itself */
    bool looped; /**< it was stopped */
};

sotto_status so_hypothesis_create(struct so_hypothesis *hypothesis, size_t capacity, sotto_error *err);
void so_hypothesis_free(struct so_hypothesis *hypothesis);
void so_hypothesis_clear(struct so_hypothesis *hypothesis);

/** Become `from` followed by `token` (eot: only marked as ended); both have the same capacity and room for it. */
void so_hypothesis_extend(struct so_hypothesis *hypothesis, const struct so_hypothesis *from, int32_t token, float logprob,
                          int32_t eot);

/**
 * Index of the best of `n`, a looped one only where all are: highest sum / length, or, with a penalty alpha >= 0, sum / ((5 + length) / 6)^alpha
 * (Wu et al. 2016, "Google's neural machine translation system", equation 14). The first one among equals.
 */
size_t so_hypothesis_rank(const struct so_hypothesis *hypotheses, size_t n, float length_penalty);

#endif
