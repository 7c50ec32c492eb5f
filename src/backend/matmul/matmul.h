/** The handle of the public products. Private to src/backend/matmul. */
#ifndef SO_MATMUL_MATMUL_H
#define SO_MATMUL_MATMUL_H

#include <pthread.h>

#include "backend/backend.h"
#include "backend/xdna/tile.h"
#include "sotto_matmul.h"

/** Memory of a product on the CPU, used again by the next. */
struct so_workspace {
    struct so_workspace *next;
    int8_t *panels;
    int32_t *sums, *acc;
    uint8_t *a;
    size_t panels_room, sums_room, acc_room, a_room;
};

struct sotto_matmul {
    sotto_matmul_options options;
    const struct so_kernels *kernels;
    struct so_backend *backend; /**< NULL: the CPU */
    struct so_tiles *tiles;     /**< instead of the backend, for tile kernels */
    pthread_mutex_t lock;       /**< of what follows, and of the tile kernel */
    struct so_workspace *free;
    struct so_times times;
    sotto_matmul_stats counts;
    bool tiles_failed;
};

/** The product by the CPU's kernels. */
sotto_status so_matmul_cpu(struct sotto_matmul *matmul, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c,
                           sotto_error *err);
void so_workspaces_free(struct so_workspace *first);

#endif
