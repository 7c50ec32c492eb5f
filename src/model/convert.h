/** Number formats of foreign weights to float32. */
#ifndef SO_MODEL_CONVERT_H
#define SO_MODEL_CONVERT_H

#include <stddef.h>

enum so_number { SO_NUMBER_F32, SO_NUMBER_F16, SO_NUMBER_BF16, SO_NUMBER_S8 };

/** Bytes of one value. */
size_t so_number_size(enum so_number number);

/** n little-endian values to float32, exactly. `bytes` needs no alignment. */
void so_number_to_float(enum so_number number, const void *bytes, size_t n, float *out);

#endif
