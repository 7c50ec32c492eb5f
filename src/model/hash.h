/** XXH3-128 (Collet), in its canonical byte order: against damage, not against forgery. */
#ifndef SO_MODEL_HASH_H
#define SO_MODEL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define SO_HASH_SIZE 16

struct so_hash; /**< a hash in the making */

sotto_status so_hash_create(struct so_hash **out, sotto_error *err);
void so_hash_add(struct so_hash *hash, const void *bytes, size_t size);
void so_hash_result(const struct so_hash *hash, uint8_t out[SO_HASH_SIZE]);
void so_hash_free(struct so_hash *hash);

#endif
