/** Checks of a .sotto file in memory: everything that the rest of the program relies on, before any pointer
 * is made. */
#ifndef SO_MODEL_CHECK_H
#define SO_MODEL_CHECK_H

#include "model/layout.h"

struct so_check_options {
    bool ignore_hash; /**< for fuzzing, which could not get past it */
};

/**
 * Check `size` bytes (64-byte aligned, at least as long as the file claims to be, or refused) and return the
 * layout that they have; the caller frees it with so_layout_free. `path` is for messages.
 */
sotto_status so_file_check(const char *path, const void *bytes, uint64_t size,
                           struct so_check_options options, struct so_layout *layout, sotto_error *err);

/** The hash of the front as it should be. */
sotto_status so_file_front_hash(const void *bytes, uint64_t front_size, uint8_t hash[16], sotto_error *err);

#endif
