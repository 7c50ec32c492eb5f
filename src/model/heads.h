/** Heads for word times of OpenAI's own models, for weights that do not bring theirs. */
#ifndef SO_MODEL_HEADS_H
#define SO_MODEL_HEADS_H

#include "model/model.h"

/** Layer and head of each, [*count][2]; *count 0 for sizes that no OpenAI model has. Static. */
const uint8_t (*so_known_heads(const struct so_hparams *hp, size_t *count))[2];

#endif
