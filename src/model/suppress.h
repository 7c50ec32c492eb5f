/** Tokens that are never sampled. */
#ifndef SO_MODEL_SUPPRESS_H
#define SO_MODEL_SUPPRESS_H

#include "model/vocab.h"

#define SO_MAX_SUPPRESS 512

/**
 * OpenAI's rule (tokenizer.py, non_speech_tokens; decoding.py, suppress tokens): signs that stand for what is
 * not spoken, where one token holds them, and the tokens that only steer the decoder. Writes ids in rising
 * order, returns how many.
 */
size_t so_suppress_list(const struct so_vocab *vocab, int32_t ids[SO_MAX_SUPPRESS]);

#endif
