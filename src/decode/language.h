/** Which language is spoken: from the logits that follow <|startoftranscript|>. */
#ifndef SO_DECODE_LANGUAGE_H
#define SO_DECODE_LANGUAGE_H

#include "model/vocab.h"

struct so_language_guess {
    int index;         /**< as in so_language_code */
    float probability; /**< among all languages of the model */
};

/**
 * The language with the highest mean probability over n windows of a recording.
 * logits: [n] of [n_vocab], after <|startoftranscript|> alone. The vocabulary is multilingual.
 */
struct so_language_guess so_language_guess(const struct so_vocab *vocab, const float *const *logits, size_t n);

#endif
