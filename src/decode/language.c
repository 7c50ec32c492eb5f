#include "decode/language.h"

#include "decode/rules.h"
#include "decode/sample.h"
#include "util/dmath.h"

struct so_language_guess so_language_guess(const struct so_vocab *vocab, const float *logits) {
    const float *languages = logits + vocab->first_language;
    int32_t best = so_sample_best(languages, vocab->n_languages);
    if (best < 0) return (struct so_language_guess){0, 0};
    struct so_normaliser normaliser = so_normalise(languages, vocab->n_languages);
    return (struct so_language_guess){best, (float)so_exp((double)so_logprob(languages, best, normaliser))};
}
