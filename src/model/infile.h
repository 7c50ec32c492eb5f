/** Bounded reading of foreign files: every read is compared with the file's size first. */
#ifndef SO_MODEL_INFILE_H
#define SO_MODEL_INFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct so_infile;

#define SO_MAX_PATH 4096

/** Open a regular file. */
sotto_status so_infile_open(const char *path, struct so_infile **out, sotto_error *err);

/** Bytes in memory, borrowed until so_infile_close, in place of a file. `name` is for messages. */
sotto_status so_infile_memory(const void *bytes, size_t size, const char *name, struct so_infile **out,
                              sotto_error *err);

void so_infile_close(struct so_infile *input); /**< NULL is allowed */

uint64_t so_infile_size(const struct so_infile *input);
const char *so_infile_path(const struct so_infile *input);

/** Read exactly `size` bytes at `offset`; SOTTO_ERR_MODEL if the file has not that many. */
sotto_status so_infile_read(struct so_infile *input, uint64_t offset, void *bytes, size_t size,
                            sotto_error *err);

/** All bytes at once, mapped read-only until so_infile_unview or so_infile_close. */
sotto_status so_infile_view(struct so_infile *input, const uint8_t **bytes, sotto_error *err);
void so_infile_unview(struct so_infile *input);

/** A whole file of at most `limit` bytes, with a NUL behind it; so_free when done. */
sotto_status so_infile_load(const char *path, size_t limit, char **text, size_t *size, sotto_error *err);

/** Whether a regular file (or, `folder`, a folder) of this path exists. */
bool so_infile_exists(const char *path, bool folder);

/** The path of a file in the same folder as `path`. False if `name` is not a plain file's name or the path is
 * too long. */
bool so_path_beside(const char *path, const char *name, char out[SO_MAX_PATH]);

static inline uint32_t so_u16(const uint8_t *b) {
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}
static inline uint32_t so_u32(const uint8_t *b) {
    return so_u16(b) | so_u16(b + 2) << 16;
}
static inline uint64_t so_u64(const uint8_t *b) {
    return so_u32(b) | (uint64_t)so_u32(b + 4) << 32;
}

#endif
