/** The model's arithmetic, alone in its file: compiled with optimisation whatever the rest of the build is for. */
#ifndef SO_EMULATOR_MULTIPLY_H
#define SO_EMULATOR_MULTIPLY_H

#include <stddef.h>
#include <stdint.h>

/** c [64][64] = a [64][k] times b [64][k] transposed; k is a multiple of 64. */
void emu_multiply(const int16_t *a, const int16_t *b, size_t k, int32_t *c);

#endif
