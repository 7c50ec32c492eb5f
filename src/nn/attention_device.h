/** Attention whose two products a device computes. Private to src/nn. */
#ifndef SO_NN_ATTENTION_DEVICE_H
#define SO_NN_ATTENTION_DEVICE_H

#include "nn/attention.h"

/** Whether the planner gives both products of attention of this size to the device. */
bool so_attend_wanted(struct so_nn *nn, const struct so_memory *memory, size_t rows);

/**
 * so_attend for INT8 and `rows` queries that all look at one memory; the same bytes as the kernels alone.
 * False: the device failed, and y is unspecified.
 */
bool so_attend_on_device(struct so_nn *nn, const struct so_memory *memory, size_t rows, const float *queries, size_t ldq, float *y,
                         size_t ldy);

#endif
