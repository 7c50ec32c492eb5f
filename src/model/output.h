/** A file that appears under its name complete or not at all: written beside it under a temporary name, then
 * renamed. */
#ifndef SO_MODEL_OUTPUT_H
#define SO_MODEL_OUTPUT_H

#include <stdint.h>

#include "util/error.h"

struct so_output;

sotto_status so_output_create(const char *path, struct so_output **out, sotto_error *err);

/** Write at an offset; gaps read as zero. */
sotto_status so_output_write(struct so_output *output, uint64_t offset, const void *bytes, size_t size,
                             sotto_error *err);

/** Flush to the disk and give the file its name. On failure too `output` is gone, and the temporary file with
 * it. */
sotto_status so_output_commit(struct so_output *output, sotto_error *err);

/** Remove the temporary file. NULL is allowed. */
void so_output_discard(struct so_output *output);

#endif
