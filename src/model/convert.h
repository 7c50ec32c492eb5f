/** Number formats of foreign weights to float32. */
#ifndef SO_MODEL_CONVERT_H
#define SO_MODEL_CONVERT_H

#include <stddef.h>

/** Plain numbers, then ggml's quantised blocks (blocks.c). */
enum so_number {
    SO_NUMBER_F32,
    SO_NUMBER_F16,
    SO_NUMBER_BF16,
    SO_NUMBER_S8,
    SO_NUMBER_Q4_0,
    SO_NUMBER_Q4_1,
    SO_NUMBER_Q5_0,
    SO_NUMBER_Q5_1,
    SO_NUMBER_Q8_0,
    SO_NUMBER_Q4_K,
    SO_NUMBER_Q5_K,
    SO_NUMBER_Q6_K,
};

/** Values that are stored together: 1, 32 or 256. A row is a whole number of such blocks. */
size_t so_number_values(enum so_number number);

/** Bytes of one block. */
size_t so_number_size(enum so_number number);

/** n little-endian values (whole blocks) to float32, exactly. `bytes` needs no alignment. */
void so_number_to_float(enum so_number number, const void *bytes, size_t n, float *out);

#endif
