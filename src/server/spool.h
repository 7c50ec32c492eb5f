/** Uploads on disk: nameless temporary files whose bytes are counted one by one and all together. */
#ifndef SO_SERVER_SPOOL_H
#define SO_SERVER_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/problem.h"

/** Where uploads go, and how much of them there is. */
struct so_spool {
    const char *folder;
    uint64_t most_each, most_all; /**< bytes */
    _Atomic uint64_t held;        /**< bytes of all files */
};

struct so_spooled {
    struct so_spool *spool; /**< NULL: no file */
    int fd;
    uint64_t size;
};

/** A new, empty file that no name leads to. */
bool so_spool_open(struct so_spool *spool, struct so_spooled *file, struct so_problem *problem);

/** Append. On failure the file is to be closed. */
bool so_spool_write(struct so_spooled *file, const char *bytes, size_t n, struct so_problem *problem);

/** Give its room back; a file that was never opened is allowed. */
void so_spool_close(struct so_spooled *file);

#endif
