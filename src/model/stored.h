/** A source whose tensors lie in files (or in memory) as plain rows: what most formats have in common. */
#ifndef SO_MODEL_STORED_H
#define SO_MODEL_STORED_H

#include "model/foreign.h"

/** Where a tensor lies; so_piece.index is an index of these. */
struct so_stored_tensor {
    enum so_number number;
    struct so_infile *input; /**< borrowed from so_stored.inputs; NULL: `bytes` */
    const uint8_t *bytes;    /**< the whole tensor, so long as the source is open */
    uint64_t offset;         /**< in the input */
    bool transposed;         /**< rank 2, stored as shape[1] rows of shape[0] plain numbers */
    bool scaled;             /**< each row is to be divided by its scale */
    uint64_t scale_offset;   /**< float32, one for each row */
};

struct so_stored {
    struct so_foreign source;
    struct so_infile **inputs; /**< [n_inputs], all closed with the source */
    size_t n_inputs;
    struct so_stored_tensor *tensors; /**< [capacity] */
    size_t capacity;
    void *owner; /**< of what `bytes` point to; given to `release` when the source is closed */
    void (*release)(void *owner);
    float *turned; /**< the transposed tensor that was read last, as rows */
    uint32_t turned_index;
};

/** Room for up to `capacity` tensors. */
sotto_status so_stored_create(const struct so_foreign_format *format, size_t capacity, struct so_stored **out,
                              sotto_error *err);

/** Room for `capacity` tensors in all, those that are there kept. */
sotto_status so_stored_reserve(struct so_stored *stored, size_t capacity, sotto_error *err);

/** One more input, the source's from then on (not on failure). */
sotto_status so_stored_adopt(struct so_stored *stored, struct so_infile *input, sotto_error *err);

/**
 * The product of a shape with its dimensions checked (none 0, none above 2^32 - 1, product * 4 within
 * SO_MAX_TENSOR_BYTES); false if it fails.
 */
bool so_shape_count(const uint64_t *shape, uint32_t rank, uint64_t *count);

/** n values of a tensor from its `first` on; whole blocks, within the tensor. */
sotto_status so_stored_numbers(const struct so_stored_tensor *tensor, uint64_t first, uint64_t n, float *out,
                               sotto_error *err);

sotto_status so_stored_rows(struct so_foreign *source, const struct so_piece *piece, uint64_t first,
                            uint64_t count, float *out, sotto_error *err);
void so_stored_close(struct so_foreign *source); /**< closes the inputs too */

#endif
