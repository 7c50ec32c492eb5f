/**
 * What a model of given hyper-parameters consists of, in one place: the reader and the writer of .sotto files
 * and the importers all take names, shapes, order and offsets from here.
 *
 * An item is one thing that the network applies (a linear layer, a norm, a table). In the file an item is one
 * to four tensors, named ITEM.PART: matrix  weight (panels), bias; in INT8 also bsum and scale norm    gamma,
 * beta table   weight
 */
#ifndef SO_MODEL_LAYOUT_H
#define SO_MODEL_LAYOUT_H

#include <stdbool.h>

#include "model/format.h"
#include "model/model.h"

enum so_item_kind { SO_ITEM_MATRIX, SO_ITEM_CONV, SO_ITEM_NORM, SO_ITEM_TABLE };

struct so_item {
    char name[32]; /**< "encoder.0.qkv" */
    enum so_item_kind kind;
    enum so_precision precision; /**< of a matrix or convolution */
    uint32_t n,
        k; /**< matrix, convolution (k = 3 * inputs): outputs, inputs; norm: n; table: rows, columns */
    bool has_bias; /**< a matrix that has none gets zeros */
    int layer;     /**< -1, or the layer of the encoder or decoder that `slot` is in */
    bool decoder;  /**< whose layer */
    size_t slot;   /**< offset of the so_matrix, so_norm or pointer in so_model or the layer */
};

size_t so_item_count(const struct so_hparams *hp);

/** The item of an index below so_item_count; hp has passed so_hparams_check. */
void so_item_get(const struct so_hparams *hp, enum so_precision precision, size_t index,
                 struct so_item *item);

enum so_part { SO_PART_WEIGHT, SO_PART_BSUM, SO_PART_SCALE, SO_PART_BIAS, SO_PART_GAMMA, SO_PART_BETA };
#define SO_MAX_PARTS 4

/** One tensor of an item as the file holds it. */
struct so_tensor_spec {
    enum so_part part;
    bool in_front; /**< small: in the front of the file, not in the data */
    enum so_dtype dtype;
    uint32_t rank;
    uint64_t shape[2];
    uint64_t size; /**< bytes */
};

/** The tensors of an item in their order; returns how many. */
size_t so_item_tensors(const struct so_item *item, struct so_tensor_spec specs[SO_MAX_PARTS]);

const char *so_part_name(enum so_part part);

/** Sizes that the hyper-parameters leave open. */
struct so_layout_sizes {
    uint64_t vocab_bytes;       /**< up to SO_MAX_VOCAB_BYTES */
    uint64_t n_suppress;        /**< up to n_vocab */
    uint64_t n_alignment_heads; /**< up to n_text_layer * n_text_head */
};

/** A file's tables, complete but for the name and the hashes. */
struct so_layout {
    struct so_file_header header;
    struct so_file_section sections[SO_FILE_SECTIONS];
    struct so_file_tensor *tensors; /**< [header.n_tensors], items in order, their tensors in order */
};

sotto_status so_layout_create(const struct so_hparams *hp, enum so_precision precision,
                              const struct so_layout_sizes *sizes, struct so_layout *out, sotto_error *err);
void so_layout_free(struct so_layout *layout);

/** Between the header's array and the structure. */
void so_hparams_store(const struct so_hparams *hp, uint32_t values[SO_FILE_HPARAMS]);
void so_hparams_load(struct so_hparams *hp, const uint32_t values[SO_FILE_HPARAMS]);

#endif
