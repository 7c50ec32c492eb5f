/** Foreign weights made by hand: a small model with weights that every number format holds exactly, in each
 * format's files. */
#ifndef SO_TESTS_IMPORT_SUPPORT_H
#define SO_TESTS_IMPORT_SUPPORT_H

#include <stdbool.h>

#include "model/layout.h"
#include "model/vocab.h"

/** The model: one layer each, state 64, English vocabulary. */
struct so_hparams so_coarse_hparams(void);

/**
 * One of its weights: m/128 with a whole m in [-127, 127]; each row of a matrix has one that is +-127/128, so
 * that INT8 with a scale of 1/128 holds the row exactly; the biases of keys are 0, as no format but one
 * stores them.
 */
float so_coarse_weight(const struct so_item *item, enum so_part part, uint32_t row, uint32_t column);

/** What the importer should make of it: a .sotto file written from the same weights. */
void so_coarse_write(const char *path, enum so_precision precision, const char *name);

/** Bytes that grow. */
struct so_bytes {
    uint8_t *data; /**< free when done */
    size_t size, capacity;
};
void so_bytes_add(struct so_bytes *bytes, const void *data, size_t size);
void so_bytes_u32(struct so_bytes *bytes, uint32_t value);

enum so_coarse_type { SO_COARSE_F32, SO_COARSE_F16, SO_COARSE_BF16, SO_COARSE_S8 };

/** Where the parts of a made file begin, for cutting it there. */
struct so_marks {
    size_t at[512], n;
};

void so_bytes_mark(struct so_marks *marks, size_t at); /**< NULL is allowed */

/** Rows [first, first + count) of one part, with `columns` to a row. */
void so_bytes_rows(struct so_bytes *bytes, enum so_coarse_type type, const struct so_item *item,
                   enum so_part part, uint32_t first, uint32_t count, uint32_t columns);

/** The i-th item and its modules' names, OpenAI's or Hugging Face's; queries, keys and values between bars.
 * NULL past the last. */
const char *so_coarse_module(size_t i, bool openai, struct so_item *item);

/** The bytes of a text token of the model's vocabulary: at most 3; returns how many, -1 past the last. */
int so_coarse_token(uint32_t id, char bytes[3]);

/** model.bin of CTranslate2. `marks` may be NULL. */
struct so_bytes so_make_ct2(enum so_coarse_type type, struct so_marks *marks);

/** A safetensors file with OpenAI's names or Hugging Face's, of any type but S8. `marks` may be NULL. */
struct so_bytes so_make_safetensors(enum so_coarse_type type, bool openai, struct so_marks *marks);

/** One of several safetensors files that the model is spread over. */
struct so_bytes so_make_shard(enum so_coarse_type type, bool openai, size_t part, size_t parts,
                              struct so_marks *marks);

/** A ggml file with the vocabulary in it; S8: q8_0. `marks` may be NULL. (import_ggml.c) */
struct so_bytes so_make_ggml(enum so_coarse_type type, struct so_marks *marks);

/** How an ONNX export is laid out. */
struct so_onnx_form {
    enum so_coarse_type type; /**< any but S8 */
    bool decoder;
    bool merged; /**< the graph inside an If, names ended by "_merged_0" */
    enum {
        SO_PROJECTION_TIED,
        SO_PROJECTION_EQUAL,
        SO_PROJECTION_OTHER
    } projection;              /**< the output matrix */
    const char *outside;       /**< NULL, or the name of the file that tensors lie in */
    struct so_bytes *contents; /**< of that file */
};

/** One half of an ONNX export. `marks` may be NULL. (import_onnx.c) */
struct so_bytes so_make_onnx(const struct so_onnx_form *form, struct so_marks *marks);

enum so_vocab_form { SO_FORM_TOKENIZER, SO_FORM_OBJECT, SO_FORM_ARRAY, SO_FORM_LINES, SO_FORM_RANKS };

/** A vocabulary file of the synthetic tokens; so_vocab_form_name is what it is called beside a model. */
struct so_bytes so_make_vocab(enum so_vocab_form form);
const char *so_vocab_form_name(enum so_vocab_form form);

#endif
