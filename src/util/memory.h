/** Aligned memory and checked sizes. */
#ifndef SO_UTIL_MEMORY_H
#define SO_UTIL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SO_ALIGNMENT 64 /**< a cache line and a 512-bit vector */

/** count * size bytes, 64-byte aligned, zeroed; NULL on overflow or want of memory. Free with so_free. */
void *so_calloc(size_t count, size_t size);

/** The same, not zeroed: for buffers that are written before they are read. */
void *so_alloc(size_t count, size_t size);

void so_free(void *pointer);

/** *product = a * b; false on overflow. */
bool so_mul_size(size_t a, size_t b, size_t *product);

/** Round up to a multiple of `unit` (a power of two). */
static inline size_t so_round_up(size_t value, size_t unit) { return (value + unit - 1) & ~(unit - 1); }

static inline size_t so_min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t so_max(size_t a, size_t b) { return a > b ? a : b; }

#endif
