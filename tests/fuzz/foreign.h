/** What the fuzz targets of foreign weights share. */
#ifndef SO_FUZZ_FOREIGN_H
#define SO_FUZZ_FOREIGN_H

#include <stdint.h>
#include <stdlib.h>

#include "model/assemble.h"
#include "model/foreign.h"

#define MOST_FLOATS (1u << 16)

/** Read from every tensor, put them together as a model, and close. */
static inline void so_fuzz_source(struct so_foreign *source) {
    struct so_assembly *assembly;
    for (size_t i = 0; i < source->n_pieces; i++) {
        const struct so_piece *piece = &source->pieces[i];
        const uint64_t columns = so_piece_columns(piece);
        if (piece->rank < 1 || piece->rank > SO_PIECE_MAX_RANK || piece->shape[0] < 1 || columns < 1) abort();
        if (columns > MOST_FLOATS) continue;
        float *row = malloc(columns * sizeof *row);
        if (!row) abort();
        /* Opening has checked where it lies: reading the last row cannot fail. */
        if (source->format->rows(source, piece, piece->shape[0] - 1, 1, row, NULL)) abort();
        free(row);
    }
    if (!so_assembly_create(source, &assembly, NULL)) so_assembly_free(assembly);
    so_foreign_close(source);
}

/** Open bytes in one format; if that succeeds, read from every tensor. */
static inline void so_fuzz_foreign(const struct so_foreign_format *format, const uint8_t *data, size_t size) {
    struct so_infile *input;
    struct so_foreign *source;
    if (so_infile_memory(data, size, "fuzz", &input, NULL)) return;
    if (!format->recognise(input) || format->open(input, &source, NULL)) {
        so_infile_close(input);
        return;
    }
    so_fuzz_source(source);
}

#endif
