/**
 * Foreign weights, whatever their format: a list of tensors by canonical name, read as float rows on demand.
 *
 * A canonical name is an item and a part of model/layout.h ("encoder.0.qkv" and weight). Where a format keeps
 * apart what an item holds together (queries, keys and values), each of its tensors is one block of the
 * item's rows. A new format is a new struct so_foreign_format with a table of names; nothing else of the
 * importer changes.
 */
#ifndef SO_MODEL_FOREIGN_H
#define SO_MODEL_FOREIGN_H

#include "model/convert.h"
#include "model/infile.h"
#include "model/layout.h"
#include "model/vocab_build.h"

#define SO_PIECE_MAX_RANK 4

/** One tensor of a source. */
struct so_piece {
    char item[32];
    enum so_part part; /**< WEIGHT, BIAS, GAMMA or BETA */
    uint32_t block;    /**< its first row in the item is block * shape[0] */
    uint32_t rank;     /**< 1 to SO_PIECE_MAX_RANK */
    uint64_t
        shape[SO_PIECE_MAX_RANK]; /**< rows first; no 0 among them, product * 4 below SO_MAX_TENSOR_BYTES */
    uint32_t index;               /**< the source's own */
};

struct so_foreign;

/** A format of foreign weights. */
struct so_foreign_format {
    const char *name;
    /** Whether a file looks like this format by its first bytes and size. */
    bool (*recognise)(struct so_infile *input);
    /** Open; takes the input over only on success. */
    sotto_status (*open)(struct so_infile *input, struct so_foreign **out, sotto_error *err);
    /** Rows [first, first + count) of a piece, in range; count * product of the other dimensions floats. */
    sotto_status (*rows)(struct so_foreign *source, const struct so_piece *piece, uint64_t first,
                         uint64_t count, float *out, sotto_error *err);
    void (*close)(struct so_foreign *source);
    /** Fill in a vocabulary from the weights' own file; NULL: the format has none. */
    sotto_status (*vocabulary)(struct so_foreign *source, struct so_vocab_builder *builder, sotto_error *err);
};

/** What every format's own structure begins with. */
struct so_foreign {
    const struct so_foreign_format *format;
    struct so_piece *pieces; /**< in no order; names may be twice in a hostile file */
    size_t n_pieces;
    struct so_hparams
        declared; /**< what the file says of its sizes, to be compared with them; 0: it does not say */
};

/** Recognise and open a file. */
sotto_status so_foreign_open(const char *path, struct so_foreign **out, sotto_error *err);

/** The same for a file that is open; it is the source's on success only. */
sotto_status so_foreign_from(struct so_infile *input, struct so_foreign **out, sotto_error *err);

void so_foreign_close(struct so_foreign *source); /**< NULL is allowed */

/** All formats, NULL-terminated. */
extern const struct so_foreign_format *const so_foreign_formats[];
extern const struct so_foreign_format so_format_ctranslate2, so_format_safetensors,
    so_format_safetensors_index, so_format_ggml, so_format_onnx;

/** Floats of one row. */
static inline uint64_t so_piece_columns(const struct so_piece *piece) {
    uint64_t columns = 1;
    for (uint32_t i = 1; i < piece->rank; i++) columns *= piece->shape[i];
    return columns;
}

#endif
