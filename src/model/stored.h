/** A source whose tensors lie in one file as plain rows: what CTranslate2 and safetensors have in common. */
#ifndef SO_MODEL_STORED_H
#define SO_MODEL_STORED_H

#include "model/foreign.h"

/** Where a tensor lies; so_piece.index is an index of these. */
struct so_stored_tensor {
    enum so_number number;
    uint64_t offset;
    bool scaled;           /**< each row is to be divided by its scale */
    uint64_t scale_offset; /**< float32, one for each row */
};

struct so_stored {
    struct so_foreign source;
    struct so_infile *input;
    struct so_stored_tensor *tensors;
};

/** Room for up to `capacity` tensors. */
sotto_status so_stored_create(const struct so_foreign_format *format, size_t capacity, struct so_stored **out,
                              sotto_error *err);

/**
 * The product of a shape with its dimensions checked (none 0, none above 2^32 - 1, product * 4 within
 * SO_MAX_TENSOR_BYTES); false if it fails.
 */
bool so_shape_count(const uint64_t *shape, uint32_t rank, uint64_t *count);

sotto_status so_stored_rows(struct so_foreign *source, const struct so_piece *piece, uint64_t first,
                            uint64_t count, float *out, sotto_error *err);
void so_stored_close(struct so_foreign *source); /**< closes the input too, if it was set */

#endif
