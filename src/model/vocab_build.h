/** A vocabulary put together token by token, with the tables that struct so_vocab points to. */
#ifndef SO_MODEL_VOCAB_BUILD_H
#define SO_MODEL_VOCAB_BUILD_H

#include "model/vocab.h"

struct so_vocab_builder;

sotto_status so_vocab_builder_create(uint32_t n_vocab, struct so_vocab_builder **out, sotto_error *err);
void so_vocab_builder_free(struct so_vocab_builder *builder); /**< NULL is allowed */

/** Set the bytes of a text token; special ids and ids past the vocabulary are let pass. An id set twice is an
 * error. */
sotto_status so_vocab_builder_add(struct so_vocab_builder *builder, uint64_t id, const char *bytes,
                                  size_t length, sotto_error *err);

/** The same for a token in the alphabet of byte-level BPE files, where each byte is a printable character
 * (UTF-8). */
sotto_status so_vocab_builder_add_text(struct so_vocab_builder *builder, uint64_t id, const char *text,
                                       size_t length, sotto_error *err);

/**
 * Make the tables: offsets, bytes in order of ids, the sorted index, the suppress list. Every text token must
 * be set (but the last of multilingual vocabularies, which is empty), no two equal, and each single byte must
 * be one. The vocabulary lives as long as the builder.
 */
sotto_status so_vocab_builder_finish(struct so_vocab_builder *builder, const struct so_vocab **vocab,
                                     sotto_error *err);

#endif
