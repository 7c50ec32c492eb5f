#include "decode/rules.h"

#include <math.h>

#include "backend/cpu/kernels.h"
#include "util/dmath.h"

static void forbid_range(float *logits, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; i++) logits[i] = -INFINITY;
}

/** Timestamps come in pairs (end of one segment, start of the next), except the first and before the end. */
static void keep_pairs(const struct so_vocab *vocab, const int32_t *sampled, size_t n, float *logits) {
    bool last = n >= 1 && so_vocab_is_timestamp(vocab, sampled[n - 1]);
    bool one_before = n < 2 || so_vocab_is_timestamp(vocab, sampled[n - 2]);
    if (last && one_before) forbid_range(logits, vocab->first_timestamp, (int32_t)vocab->n_vocab);
    if (last && !one_before) forbid_range(logits, 0, vocab->eot);

    size_t i = n;
    while (i > 0 && !so_vocab_is_timestamp(vocab, sampled[i - 1])) i--;
    if (i == 0) return;
    // A pair may repeat one time; otherwise time must move on, or decoding could stand still for ever.
    int32_t lowest = sampled[i - 1] + (last && !one_before ? 0 : 1);
    forbid_range(logits, vocab->first_timestamp, lowest);
}

/** If all timestamps together are more probable than any one text token, a timestamp it is. */
static void prefer_timestamps(const struct so_vocab *vocab, float *logits) {
    size_t n_before = (size_t)vocab->first_timestamp, n_times = vocab->n_vocab - n_before;
    struct so_normaliser times = so_normalise(logits + n_before, n_times);
    float best = so_kernels()->max_f32(n_before, logits);
    if (times.max + times.log_sum > best) forbid_range(logits, 0, vocab->first_timestamp);
}

void so_rules_apply(const struct so_rules *rules, const int32_t *sampled, size_t n_sampled, float *logits) {
    const struct so_vocab *vocab = rules->vocab;
    if (n_sampled == 0) {
        logits[vocab->blank] = -INFINITY;
        logits[vocab->eot] = -INFINITY;
    }
    for (size_t i = 0; i < vocab->n_suppress; i++) logits[vocab->suppress[i]] = -INFINITY;
    if (!rules->timestamps) return;

    logits[vocab->no_timestamps] = -INFINITY;
    keep_pairs(vocab, sampled, n_sampled, logits);
    if (n_sampled == 0) {
        forbid_range(logits, 0, vocab->first_timestamp);
        int64_t limit = (int64_t)vocab->first_timestamp + rules->max_initial + 1;
        if (rules->max_initial >= 0 && limit < vocab->n_vocab)
            forbid_range(logits, (int32_t)limit, (int32_t)vocab->n_vocab);
    }
    prefer_timestamps(vocab, logits);
}

struct so_normaliser so_normalise(const float *logits, size_t n) {
    const struct so_kernels *kernels = so_kernels();
    struct so_normaliser normaliser = {kernels->max_f32(n, logits), 0};
    // -infinity minus -infinity is not a number: nothing is allowed, and nothing is what log_sum 0 says.
    if (normaliser.max > -INFINITY)
        normaliser.log_sum = (float)so_log(kernels->sum_exp_f32(n, logits, normaliser.max));
    return normaliser;
}

float so_probability(const float *logits, size_t n, int32_t token) {
    struct so_normaliser normaliser = so_normalise(logits, n);
    return (float)so_exp(so_logprob(logits, token, normaliser));
}
