/* Products of plain matrices by the CPU's kernels: B packed once, A a few rows at a time. */
#include <string.h>

#include "backend/matmul/matmul.h"
#include "util/memory.h"

#define ROWS 64

static bool ensure(void *pointer, size_t *room, size_t bytes) {
    void *at;
    memcpy(&at, pointer, sizeof at);
    if (*room >= bytes) return true;
    so_free(at);
    at = so_alloc(bytes, 1);
    *room = at ? bytes : 0;
    memcpy(pointer, &at, sizeof at);
    return at != NULL;
}

static void pack(const int8_t *b, size_t k, size_t n, int8_t *panels, int32_t *sums) {
    size_t groups = (k + 3) / 4;
    memset(panels, 0, so_round_up(n, SO_LANES) * groups * 4);
    memset(sums, 0, so_round_up(n, SO_LANES) * sizeof *sums);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) {
            panels[((j / SO_LANES * groups + i / 4) * SO_LANES + j % SO_LANES) * 4 + i % 4] = b[i * n + j];
            sums[j] -= 128 * b[i * n + j];
        }
}

static struct so_workspace *take(struct sotto_matmul *x) {
    pthread_mutex_lock(&x->lock);
    struct so_workspace *w = x->free;
    if (w) x->free = w->next;
    pthread_mutex_unlock(&x->lock);
    return w ? w : so_calloc(1, sizeof *w);
}

static void give(struct sotto_matmul *x, struct so_workspace *w) {
    pthread_mutex_lock(&x->lock);
    w->next = x->free;
    x->free = w;
    pthread_mutex_unlock(&x->lock);
}

void so_workspaces_free(struct so_workspace *w) {
    while (w) {
        struct so_workspace *next = w->next;
        so_free(w->panels);
        so_free(w->sums);
        so_free(w->acc);
        so_free(w->a);
        so_free(w);
        w = next;
    }
}

sotto_status so_matmul_cpu(struct sotto_matmul *x, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c,
                           sotto_error *err) {
    size_t columns = so_round_up(n, SO_LANES), depth = so_round_up(k, 4), bytes;
    struct so_workspace *w = take(x);
    if (!w || !so_mul_size(columns, depth, &bytes) || !ensure(&w->panels, &w->panels_room, bytes) ||
        !ensure(&w->sums, &w->sums_room, columns * sizeof *w->sums) || !ensure(&w->a, &w->a_room, ROWS * depth) ||
        !ensure(&w->acc, &w->acc_room, ROWS * columns * sizeof *w->acc)) {
        if (w) give(x, w);
        return so_fail_memory(err, k * n, "a product");
    }
    pack(b, k, n, w->panels, w->sums);
    for (size_t r = 0; r < m; r += ROWS) {
        size_t rows = so_min(ROWS, m - r);
        memset(w->a, 128, rows * depth);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < k; j++) w->a[i * depth + j] = (uint8_t)(a[(r + i) * k + j] ^ 0x80);
        x->kernels->gemm_q8_s32(rows, n, k, w->a, depth, 128, w->panels, w->sums, w->acc, columns);
        for (size_t i = 0; i < rows; i++) memcpy(c + (r + i) * n, w->acc + i * columns, n * sizeof *c);
    }
    give(x, w);
    return SOTTO_OK;
}
