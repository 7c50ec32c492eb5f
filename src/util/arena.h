/** Memory that is given back all at once: allocations that share one life time. */
#ifndef SO_UTIL_ARENA_H
#define SO_UTIL_ARENA_H

#include <stddef.h>

struct so_arena_block;

/** Zero-initialised is empty. */
struct so_arena {
    struct so_arena_block *blocks; /**< newest first */
};

/** count * size bytes, aligned for any type, not zeroed; NULL on overflow or want of memory. Never moves. */
void *so_arena_alloc(struct so_arena *arena, size_t count, size_t size);

/** A NUL-terminated copy of `length` bytes. */
char *so_arena_text(struct so_arena *arena, const char *text, size_t length);

void so_arena_free(struct so_arena *arena);

#endif
