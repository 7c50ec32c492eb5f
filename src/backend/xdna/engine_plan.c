/* What the device is given, and what it had to show first. */
#include "backend/xdna/engine.h"

#include "backend/xdna/plan.h"
#include "util/memory.h"

/* A dispatch costs 0.1 ms or more and rows are padded to 256, so a product of few rows (a decoder step) is
 * the CPU's. */
#define ENOUGH_ROWS SO_PLAN_ROWS

void so_xdna_describe(const struct so_backend *b, struct so_capabilities *out) {
    struct so_xdna_backend *x =
        (struct so_xdna_backend *)(uintptr_t)b; /* the lock is not part of what const promises */
    pthread_mutex_lock(&x->lock);
    bool usable = !x->retired;
    pthread_mutex_unlock(&x->lock);
    *out = (struct so_capabilities){
        .device = true,
        .usable = usable,
        .resident = true,
        .tile_m = SO_BLOCK_M,
        .tile_k = SO_TILE_K,
        .tile_n = SO_BLOCK_N,
        .max_k = SO_GEMM_K_MAX,
        .in_flight = SO_XDNA_IN_FLIGHT,
        .chain = SO_CHAIN_MAX,
    };
}

bool so_xdna_trusted(struct so_xdna_backend *x, size_t m, size_t k, size_t n) {
    struct so_gemm_shape shape;
    const struct so_xdna_overlay *overlay = so_xdna_overlay_for(x, m, k, n, &shape);
    if (!overlay) return false;
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    struct so_xdna_stream *stream = x->retired ? NULL : so_xdna_stream_find(x, overlay, shape, &err);
    bool known = stream && stream->trusted;
    if (!stream && !x->retired) so_xdna_retire(x, err.message, true);
    pthread_mutex_unlock(&x->lock);
    if (known || !stream) return known;
    bool good = so_xdna_try_shape(x, shape);
    pthread_mutex_lock(&x->lock);
    stream->trusted = good;
    if (!good && !x->retired) so_xdna_retire(x, "a known answer came out wrong", false);
    pthread_mutex_unlock(&x->lock);
    return good;
}

bool so_xdna_wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention) {
    struct so_xdna_backend *x = so_xdna_self(b);
    struct so_gemm_shape shape;
    if ((x->all || m >= ENOUGH_ROWS) && (!attention || x->attention) &&
        so_xdna_overlay_for(x, m, k, n, &shape))
        return true;
    pthread_mutex_lock(&x->lock);
    x->stats.declined++;
    pthread_mutex_unlock(&x->lock);
    return false;
}

bool so_xdna_claims(struct so_backend *b, const struct so_product *p) {
    struct so_xdna_backend *x = so_xdna_self(b);
    struct so_gemm_shape shape;
    for (size_t i = 0; i < p->n_beside; i++)
        if (p->beside[i].k != p->b.k) return false;
    return !p->changing && (x->all || p->m >= ENOUGH_ROWS) &&
           so_xdna_overlay_for(x, p->m, p->b.k, so_product_columns(p), &shape);
}

bool so_xdna_prove(struct so_backend *b, size_t m, size_t k, size_t n) {
    struct so_xdna_backend *x = so_xdna_self(b);
    return so_xdna_usable(x) && so_xdna_trusted(x, m, k, n);
}
