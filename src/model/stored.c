#include "model/stored.h"

#include "model/limits.h"
#include "util/memory.h"

#define CHUNK_BYTES 65536

sotto_status so_stored_create(const struct so_foreign_format *format, size_t capacity, struct so_stored **out,
                              sotto_error *err) {
    struct so_stored *stored = so_calloc(1, sizeof *stored);
    *out = NULL;
    if (!stored) return so_fail_memory(err, sizeof *stored, "a source of weights");
    stored->source.format = format;
    stored->source.pieces = so_calloc(capacity, sizeof *stored->source.pieces);
    stored->tensors = so_calloc(capacity, sizeof *stored->tensors);
    if (!stored->source.pieces || !stored->tensors) {
        so_stored_close(&stored->source);
        return so_fail_memory(err, capacity * sizeof *stored->source.pieces, "a list of tensors");
    }
    *out = stored;
    return SOTTO_OK;
}

bool so_shape_count(const uint64_t *shape, uint32_t rank, uint64_t *count) {
    *count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] == 0 || shape[i] > UINT32_MAX) return false;
        *count *= shape[i]; /* below 2^30 * 2^32 */
        if (*count > SO_MAX_TENSOR_BYTES / sizeof(float)) return false;
    }
    return true;
}

/** In pieces of CHUNK_BYTES, so that a row of any length takes no memory of its own. */
static sotto_status read_numbers(struct so_infile *input, enum so_number number, uint64_t offset, uint64_t n,
                                 float *out, sotto_error *err) {
    uint8_t bytes[CHUNK_BYTES];
    const size_t size = so_number_size(number), most = sizeof bytes / size;
    while (n) {
        size_t now = n < most ? (size_t)n : most;
        sotto_status status = so_infile_read(input, offset, bytes, now * size, err);
        if (status) return status;
        so_number_to_float(number, bytes, now, out);
        out += now;
        offset += now * size;
        n -= now;
    }
    return SOTTO_OK;
}

sotto_status so_stored_rows(struct so_foreign *source, const struct so_piece *piece, uint64_t first,
                            uint64_t count, float *out, sotto_error *err) {
    struct so_stored *stored = (struct so_stored *)source;
    const struct so_stored_tensor *t = &stored->tensors[piece->index];
    const uint64_t columns = so_piece_columns(piece);
    sotto_status status =
        read_numbers(stored->input, t->number, t->offset + first * columns * so_number_size(t->number),
                     count * columns, out, err);
    for (uint64_t row = 0; !status && t->scaled && row < count; row++) {
        float scale;
        status = read_numbers(stored->input, SO_NUMBER_F32, t->scale_offset + (first + row) * sizeof scale, 1,
                              &scale, err);
        for (uint64_t i = 0; !status && i < columns; i++) out[row * columns + i] /= scale;
    }
    return status;
}

void so_stored_close(struct so_foreign *source) {
    struct so_stored *stored = (struct so_stored *)source;
    so_infile_close(stored->input);
    so_free(stored->source.pieces);
    so_free(stored->tensors);
    so_free(stored);
}
