#include "decode/hypothesis.h"

#include <string.h>

#include "util/dmath.h"
#include "util/memory.h"

sotto_status so_hypothesis_create(struct so_hypothesis *hypothesis, size_t capacity, sotto_error *err) {
    *hypothesis = (struct so_hypothesis){0};
    hypothesis->tokens = so_alloc(capacity, sizeof *hypothesis->tokens);
    hypothesis->logprobs = so_alloc(capacity, sizeof *hypothesis->logprobs);
    hypothesis->capacity = capacity;
    if (hypothesis->tokens && hypothesis->logprobs) return SOTTO_OK;
    so_hypothesis_free(hypothesis);
    return so_fail_memory(err, capacity * (sizeof(int32_t) + sizeof(float)), "sampled tokens");
}

void so_hypothesis_free(struct so_hypothesis *hypothesis) {
    so_free(hypothesis->tokens);
    so_free(hypothesis->logprobs);
    *hypothesis = (struct so_hypothesis){0};
}

void so_hypothesis_clear(struct so_hypothesis *hypothesis) {
    hypothesis->n = 0;
    hypothesis->sum = 0;
    hypothesis->ended = false;
}

void so_hypothesis_extend(struct so_hypothesis *hypothesis, const struct so_hypothesis *from, int32_t token, float logprob,
                          int32_t eot) {
    if (hypothesis != from) {
        memcpy(hypothesis->tokens, from->tokens, from->n * sizeof *from->tokens);
        memcpy(hypothesis->logprobs, from->logprobs, from->n * sizeof *from->logprobs);
        hypothesis->n = from->n;
    }
    hypothesis->sum = from->sum + (double)logprob;
    hypothesis->ended = token == eot;
    hypothesis->looped = false;
    if (hypothesis->ended) return;
    hypothesis->tokens[hypothesis->n] = token;
    hypothesis->logprobs[hypothesis->n++] = logprob;
}

size_t so_hypothesis_rank(const struct so_hypothesis *hypotheses, size_t n, float length_penalty) {
    size_t best = 0;
    double best_score = 0;
    for (size_t i = 0; i < n; i++) {
        double length = (double)hypotheses[i].n;
        double penalty = length > 1 ? length : 1;
        if (length_penalty >= 0) penalty = so_exp((double)length_penalty * so_log((5 + length) / 6));
        double score = hypotheses[i].sum / penalty;
        bool looped = hypotheses[i].looped, best_looped = hypotheses[best].looped;
        if (i == 0 || (looped == best_looped ? score > best_score : best_looped)) {
            best = i;
            best_score = score;
        }
    }
    return best;
}
