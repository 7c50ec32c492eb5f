#include "model/hash.h"

/* One source file instead of a library to find at run time. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "util/memory.h"

struct so_hash {
    XXH3_state_t state;
};

sotto_status so_hash_create(struct so_hash **out, sotto_error *err) {
    struct so_hash *hash = so_calloc(1, sizeof *hash);
    *out = hash;
    if (!hash) return so_fail_memory(err, sizeof *hash, "a hash");
    XXH3_128bits_reset(&hash->state);
    return SOTTO_OK;
}

void so_hash_add(struct so_hash *hash, const void *bytes, size_t size) {
    XXH3_128bits_update(&hash->state, bytes, size);
}

void so_hash_result(const struct so_hash *hash, uint8_t out[SO_HASH_SIZE]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&hash->state));
    for (size_t i = 0; i < SO_HASH_SIZE; i++) out[i] = canonical.digest[i];
}

void so_hash_free(struct so_hash *hash) {
    so_free(hash);
}
