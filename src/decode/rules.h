/**
 * What may be sampled next: Whisper's logit filters (Radford et al. 2022, section 4.5, and OpenAI's decoding rules), and
 * log-probabilities of what is left. A forbidden token's logit becomes -infinity.
 */
#ifndef SO_DECODE_RULES_H
#define SO_DECODE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/vocab.h"

/** A first timestamp later than this (seconds) is not sampled: speech that starts later gets its own window. */
#define SO_MAX_INITIAL_TIMESTAMP 1.0

struct so_rules {
    const struct so_vocab *vocab;
    bool timestamps;     /**< the transcript is sampled with timestamp tokens */
    int32_t max_initial; /**< the first timestamp is at most this many steps of 0.02 s; negative: no limit */
};

/**
 * Apply all rules in place.
 * sampled: [n_sampled] tokens after the prompt; logits: [n_vocab], each finite or -infinity.
 */
void so_rules_apply(const struct so_rules *rules, const int32_t *sampled, size_t n_sampled, float *logits);

/** What turns logits into log-probabilities: log p(i) = logits[i] - max - log_sum. */
struct so_normaliser {
    float max, log_sum;
};

/** Over logits [n]. max is -infinity if nothing is allowed, and not finite if the logits are not numbers. */
struct so_normaliser so_normalise(const float *logits, size_t n);

static inline float so_logprob(const float *logits, int32_t token, struct so_normaliser normaliser) {
    return logits[token] - normaliser.max - normaliser.log_sum;
}

/** The probability of one token among all [n]. */
float so_probability(const float *logits, size_t n, int32_t token);

#endif
