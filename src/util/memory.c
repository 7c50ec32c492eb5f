#include "util/memory.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

/** From this size on an allocation asks for pages of its size: key and value caches are read whole for each token,
 * and finding them in pages of 4 KiB costs a third of the memory's rate. */
#define HUGE_PAGE ((size_t)2 << 20)

bool so_mul_size(size_t a, size_t b, size_t *product) {
    if (a && b > SIZE_MAX / a) return false;
    *product = a * b;
    return true;
}

void *so_alloc(size_t count, size_t size) {
    size_t bytes;
    if (!so_mul_size(count, size, &bytes) || bytes > SIZE_MAX - SO_ALIGNMENT) return NULL;
    const size_t rounded = so_round_up(bytes ? bytes : 1, SO_ALIGNMENT);
#if defined(__linux__)
    if (rounded >= HUGE_PAGE) {
        if (rounded > SIZE_MAX - HUGE_PAGE) return NULL;
        void *pointer = aligned_alloc(HUGE_PAGE, so_round_up(rounded, HUGE_PAGE)); /* whole multiples, as C11 demands */
        if (pointer) madvise(pointer, rounded, MADV_HUGEPAGE); /* a wish: small pages serve as well */
        return pointer;
    }
#endif
    return aligned_alloc(SO_ALIGNMENT, rounded);
}

void *so_calloc(size_t count, size_t size) {
    void *pointer = so_alloc(count, size);
    if (pointer) memset(pointer, 0, count * size);
    return pointer;
}

void so_free(void *pointer) { free(pointer); }
