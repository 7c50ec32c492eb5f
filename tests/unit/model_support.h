/** What the tests of model files share: a scratch folder, files in memory, hashes made right again after a
 * change. */
#ifndef SO_TESTS_MODEL_SUPPORT_H
#define SO_TESTS_MODEL_SUPPORT_H

#include <stdint.h>

#include "model/file.h"

/** Make a scratch folder; its path, without '/' at the end, until so_scratch_remove. */
const char *so_scratch_make(void);
void so_scratch_remove(void);

/** The path of a file in the scratch folder; overwritten by the fourth call after it. */
const char *so_scratch(const char *name);

/** Write a whole file; the test fails if that fails. */
void so_store(const char *path, const void *bytes, size_t size);

/** Read a whole file into 64-byte aligned memory of just its size; `free` when done. */
uint8_t *so_load(const char *path, size_t *size);

/** A 64-byte aligned copy of just `size` bytes, so that a sanitizer sees what is read behind it; `free` when
 * done. */
uint8_t *so_copy(const void *bytes, size_t size);

/** Make the hash of the front right again. The header's front_size must be right. */
void so_fix_hash(uint8_t *bytes);

/** The status of opening bytes as a model, which is closed again. A refusal must have said why. */
sotto_status so_try(const uint8_t *bytes, size_t size);

#endif
