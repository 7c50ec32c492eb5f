#include "model/stored.h"

#include <string.h>

#include "model/limits.h"
#include "util/memory.h"

#define CHUNK_BYTES 65536

sotto_status so_stored_reserve(struct so_stored *stored, size_t capacity, sotto_error *err) {
    struct so_piece *pieces = so_calloc(capacity, sizeof *pieces);
    struct so_stored_tensor *tensors = so_calloc(capacity, sizeof *tensors);
    const size_t n = stored->source.n_pieces;
    if (!pieces || !tensors) {
        so_free(pieces);
        so_free(tensors);
        return so_fail_memory(err, capacity * sizeof *pieces, "a list of tensors");
    }
    if (n) {
        memcpy(pieces, stored->source.pieces, n * sizeof *pieces);
        memcpy(tensors, stored->tensors, n * sizeof *tensors);
    }
    so_free(stored->source.pieces);
    so_free(stored->tensors);
    stored->source.pieces = pieces;
    stored->tensors = tensors;
    stored->capacity = capacity;
    return SOTTO_OK;
}

sotto_status so_stored_create(const struct so_foreign_format *format, size_t capacity, struct so_stored **out,
                              sotto_error *err) {
    struct so_stored *stored = so_calloc(1, sizeof *stored);
    *out = NULL;
    if (!stored) return so_fail_memory(err, sizeof *stored, "a source of weights");
    stored->source.format = format;
    sotto_status status = so_stored_reserve(stored, capacity, err);
    if (status)
        so_stored_close(&stored->source);
    else
        *out = stored;
    return status;
}

sotto_status so_stored_adopt(struct so_stored *stored, struct so_infile *input, sotto_error *err) {
    struct so_infile **inputs = so_calloc(stored->n_inputs + 1, sizeof *inputs);
    if (!inputs)
        return so_fail_memory(err, (stored->n_inputs + 1) * sizeof(struct so_infile *), "a list of files");
    for (size_t i = 0; i < stored->n_inputs; i++) inputs[i] = stored->inputs[i];
    inputs[stored->n_inputs++] = input;
    so_free(stored->inputs);
    stored->inputs = inputs;
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

/** Bytes of whole blocks of `n` values. */
static uint64_t bytes_of(enum so_number number, uint64_t n) {
    return n / so_number_values(number) * so_number_size(number);
}

/** In pieces of CHUNK_BYTES, so that a row of any length takes no memory of its own. */
sotto_status so_stored_numbers(const struct so_stored_tensor *t, uint64_t first, uint64_t n, float *out,
                               sotto_error *err) {
    uint8_t chunk[CHUNK_BYTES];
    uint64_t at = bytes_of(t->number, first);
    const size_t most = sizeof chunk / so_number_size(t->number) * so_number_values(t->number);
    while (n) {
        const size_t now = n < most ? (size_t)n : most, size = (size_t)bytes_of(t->number, now);
        const uint8_t *bytes = t->input ? chunk : t->bytes + at;
        sotto_status status =
            t->input ? so_infile_read(t->input, t->offset + at, chunk, size, err) : SOTTO_OK;
        if (status) return status;
        so_number_to_float(t->number, bytes, now, out);
        out += now;
        at += size;
        n -= now;
    }
    return SOTTO_OK;
}

/** Rows of a tensor that lies the other way round: it is turned as a whole, once. */
static sotto_status turned_rows(struct so_stored *stored, const struct so_piece *piece, uint64_t first,
                                uint64_t count, float *out, sotto_error *err) {
    const uint64_t rows = piece->shape[0], columns = piece->shape[1];
    if (!stored->turned || stored->turned_index != piece->index) {
        so_free(stored->turned);
        stored->turned = so_alloc((size_t)(rows * columns), sizeof *stored->turned);
        float *line = so_alloc((size_t)rows, sizeof *line);
        sotto_status status = stored->turned && line
                                  ? SOTTO_OK
                                  : so_fail_memory(err, (size_t)(rows * columns * 4), "a transposed tensor");
        for (uint64_t k = 0; !status && k < columns; k++) {
            status = so_stored_numbers(&stored->tensors[piece->index], k * rows, rows, line, err);
            for (uint64_t n = 0; !status && n < rows; n++) stored->turned[n * columns + k] = line[n];
        }
        so_free(line);
        if (status) {
            so_free(stored->turned);
            stored->turned = NULL;
            return status;
        }
        stored->turned_index = piece->index;
    }
    memcpy(out, stored->turned + first * columns, (size_t)(count * columns) * sizeof *out);
    return SOTTO_OK;
}

sotto_status so_stored_rows(struct so_foreign *source, const struct so_piece *piece, uint64_t first,
                            uint64_t count, float *out, sotto_error *err) {
    struct so_stored *stored = (struct so_stored *)source;
    const struct so_stored_tensor *t = &stored->tensors[piece->index];
    const uint64_t columns = so_piece_columns(piece);
    if (t->transposed) return turned_rows(stored, piece, first, count, out, err);
    sotto_status status = so_stored_numbers(t, first * columns, count * columns, out, err);
    struct so_stored_tensor scales = {.number = SO_NUMBER_F32, .input = t->input, .offset = t->scale_offset};
    for (uint64_t row = 0; !status && t->scaled && row < count; row++) {
        float scale;
        status = so_stored_numbers(&scales, first + row, 1, &scale, err);
        for (uint64_t i = 0; !status && i < columns; i++) out[row * columns + i] /= scale;
    }
    return status;
}

void so_stored_close(struct so_foreign *source) {
    struct so_stored *stored = (struct so_stored *)source;
    for (size_t i = 0; i < stored->n_inputs; i++) so_infile_close(stored->inputs[i]);
    if (stored->release) stored->release(stored->owner);
    so_free(stored->inputs);
    so_free(stored->turned);
    so_free(stored->source.pieces);
    so_free(stored->tensors);
    so_free(stored);
}
