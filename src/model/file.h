/** Mapping of model files, with what only tests and tools need. */
#ifndef SO_MODEL_FILE_H
#define SO_MODEL_FILE_H

#include "model/check.h"
#include "model/model.h"

/** A whole regular file, mapped read-only. */
struct so_mapping {
    const void *bytes;
    uint64_t size;
};

/** Map a regular file of at least one byte. */
sotto_status so_mapping_open(const char *path, struct so_mapping *out, sotto_error *err);
void so_mapping_close(struct so_mapping *mapping);

/** so_model_map with options. */
sotto_status so_model_map_with(const char *path, struct so_check_options options, struct so_model **out,
                               sotto_error *err);

/**
 * A model over bytes in memory, which must stay as they are until so_model_unmap. bytes: 64-byte aligned.
 * `path` is for messages.
 */
sotto_status so_model_from_bytes(const char *path, const void *bytes, uint64_t size,
                                 struct so_check_options options, struct so_model **out, sotto_error *err);

/** The header of the file that a model is a view of. */
const struct so_file_header *so_model_header(const struct so_model *model);

#endif
