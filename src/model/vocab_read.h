/** Vocabulary files of other programs. */
#ifndef SO_MODEL_VOCAB_READ_H
#define SO_MODEL_VOCAB_READ_H

#include "model/vocab_build.h"

/**
 * Read a file into a builder. Recognised by its contents:
 *   {"model": {"vocab": {token: id}}}  Hugging Face's tokenizer.json
 *   {token: id}                        vocab.json
 *   [token, ..]                        CTranslate2's vocabulary.json
 *   base64 id                          OpenAI's .tiktoken files, by their first line
 *   token                              one a line: vocabulary.txt
 */
sotto_status so_vocab_read(const char *path, struct so_vocab_builder *builder, sotto_error *err);

/** The same for its text: `size` bytes with a NUL behind them. `path` is for messages. */
sotto_status so_vocab_parse(const char *path, const char *text, size_t size, struct so_vocab_builder *builder,
                            sotto_error *err);

#endif
