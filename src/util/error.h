/** Errors: one status and one sentence, filled in where the failure is understood and passed up unchanged. */
#ifndef SO_UTIL_ERROR_H
#define SO_UTIL_ERROR_H

#include "sotto.h"
#include "util/compiler.h"

/** Format a message into `err` (NULL is allowed) and return `code`, so that callers write `return so_fail(..)`. */
sotto_status so_fail(sotto_error *err, sotto_status code, const char *format, ...) SO_PRINTF(3, 4);

/** The common case of a failed allocation. */
sotto_status so_fail_memory(sotto_error *err, size_t bytes, const char *what);

/** Set `err` to "no error". */
void so_error_clear(sotto_error *err);

#endif
