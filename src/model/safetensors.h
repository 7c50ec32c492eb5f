/** Safetensors files: Whisper's, alone or in several, and those of other networks by name rules of their own.
 */
#ifndef SO_MODEL_SAFETENSORS_H
#define SO_MODEL_SAFETENSORS_H

#include "model/names.h"
#include "model/stored.h"

/**
 * Open such a file; a tensor that no rule names is an error. rules: NULL for canonical names that are the file's own, of at most
 * 31 bytes, each tensor a weight. so_foreign_close when done.
 */
sotto_status so_safetensors_open(const char *path, const struct so_name_rule *rules, struct so_foreign **out,
                                 sotto_error *err);

/** OpenAI's names and Hugging Face's, without "model." before them. ggml files have the former. */
extern const struct so_name_rule so_safetensors_rules[];

/** Add the tensors of one file, which stays the caller's on failure and is not adopted on success. */
sotto_status so_safetensors_add(struct so_stored *stored, struct so_infile *input,
                                const struct so_name_rule *rules, sotto_error *err);

#endif
