/** ggml's quantised blocks: 32 or 256 values with scales of their own. */
#ifndef SO_MODEL_BLOCKS_H
#define SO_MODEL_BLOCKS_H

#include <stdint.h>

#include "model/convert.h"

/** IEEE 754 binary16 to float32, exactly: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
float so_half_to_float(uint32_t half);

/** One block of a quantised kind to its so_number_values floats. */
void so_block_to_float(enum so_number number, const uint8_t *block, float *out);

#endif
