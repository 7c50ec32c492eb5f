/** The bytes of a recording: a file opened by its plain path, standard input, or memory (for tests). */
#ifndef SO_AUDIO_INPUT_H
#define SO_AUDIO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define SO_INPUT_NAME_MAX 128 /**< bytes of a path that messages show; of a longer one the end */
#define SO_INPUT_PEEK 12      /**< bytes that so_input_peek looks ahead */
#define SO_INPUT_SPOOL_MAX (UINT64_C(16) << 30) /**< bytes that so_input_spool stores at most */

struct so_input {
    int fd;                /**< -1: memory */
    bool owned;            /**< fd is to be closed; standard input is not */
    bool seekable;         /**< a regular file or memory */
    const uint8_t *memory; /**< [size], borrowed; only if fd is -1 */
    uint64_t start;        /**< file offset of byte 0: standard input may have been read before */
    uint64_t size;         /**< bytes, 0 if not seekable */
    uint64_t position;     /**< of the next byte, from `start` */
    uint64_t furthest;     /**< the highest position that was ever reached */
    uint8_t peeked[SO_INPUT_PEEK];
    size_t n_peeked; /**< bytes of `peeked`, the first of a pipe */
    int error;       /**< errno of the first failed read, else 0 */
    char name[SO_INPUT_NAME_MAX + 4];
};

/**
 * Open `path` with open(2) and nothing else: no name is a URL, a protocol or an option. "-" is standard
 * input. A missing file, a folder and an empty file are refused here, each with its own message.
 */
sotto_status so_input_open(const char *path, struct so_input **out, sotto_error *err);

/** Read from a descriptor, borrowed until so_input_close. `label` is for messages. */
sotto_status so_input_fd(int fd, const char *label, struct so_input **out, sotto_error *err);

/** Read from `data` [size] bytes, borrowed until so_input_close. `name` is for messages. */
sotto_status so_input_memory(const void *data, size_t size, const char *name, struct so_input **out,
                             sotto_error *err);

/** Read up to `size` bytes, fewer only at the end or on an error (input->error). Returns how many. */
size_t so_input_read(struct so_input *input, void *buffer, size_t size);

/**
 * One read(2): at least one byte unless at the end (0) or on an error (-1, input->error). For callers with a
 * buffer.
 */
int64_t so_input_read_some(struct so_input *input, void *buffer, size_t size);

/**
 * The first bytes of a pipe, before anything else is read from it; they will be read again. Returns how
 * many.
 */
size_t so_input_peek(struct so_input *input, uint8_t bytes[SO_INPUT_PEEK]);

/**
 * Store a pipe, from which nothing was read yet, in a nameless temporary file and read that instead: then it
 * is seekable.
 */
sotto_status so_input_spool(struct so_input *input, sotto_error *err);

/** Go to a byte from the start; false if that is not possible. */
bool so_input_seek(struct so_input *input, uint64_t position);

void so_input_close(struct so_input *input);

#endif
