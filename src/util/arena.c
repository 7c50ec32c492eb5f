#include "util/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

enum { BLOCK_SIZE = 16384 };

struct so_arena_block {
    struct so_arena_block *older;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

void *so_arena_alloc(struct so_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!so_mul_size(count, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
    bytes = so_round_up(bytes ? bytes : 1, alignof(max_align_t));
    struct so_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        size_t room = so_max(bytes, BLOCK_SIZE);
        block = malloc(sizeof *block + room);
        if (!block) return NULL;
        *block = (struct so_arena_block){.older = arena->blocks, .size = room};
        arena->blocks = block;
    }
    void *pointer = block->data + block->used;
    block->used += bytes;
    return pointer;
}

char *so_arena_text(struct so_arena *arena, const char *text, size_t length) {
    char *copy = so_arena_alloc(arena, length + 1, 1);
    if (!copy) return NULL;
    if (length) memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void so_arena_free(struct so_arena *arena) {
    while (arena->blocks) {
        struct so_arena_block *older = arena->blocks->older;
        free(arena->blocks);
        arena->blocks = older;
    }
}
