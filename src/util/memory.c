#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

bool so_mul_size(size_t a, size_t b, size_t *product) {
    if (a && b > SIZE_MAX / a) return false;
    *product = a * b;
    return true;
}

void *so_alloc(size_t count, size_t size) {
    size_t bytes;
    if (!so_mul_size(count, size, &bytes) || bytes > SIZE_MAX - SO_ALIGNMENT) return NULL;
    return aligned_alloc(SO_ALIGNMENT, so_round_up(bytes ? bytes : 1, SO_ALIGNMENT));
}

void *so_calloc(size_t count, size_t size) {
    void *pointer = so_alloc(count, size);
    if (pointer) memset(pointer, 0, count * size);
    return pointer;
}

void so_free(void *pointer) { free(pointer); }
