#include "decode/language.h"

#include "decode/rules.h"
#include "util/dmath.h"

static float mean_probability(const struct so_vocab *vocab, const float *const *logits, size_t n, size_t language) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)so_probability(logits[i] + vocab->first_language, vocab->n_languages, (int32_t)language);
    return (float)(sum / (double)n);
}

struct so_language_guess so_language_guess(const struct so_vocab *vocab, const float *const *logits, size_t n) {
    struct so_language_guess best = {0, 0};
    for (size_t language = 0; language < vocab->n_languages; language++) {
        float probability = mean_probability(vocab, logits, n, language);
        if (probability > best.probability) best = (struct so_language_guess){(int)language, probability};
    }
    return best;
}
