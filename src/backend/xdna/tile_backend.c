/*
 * Tile kernels behind the backend's interface: for owners of such files who want to see what they give, never by default. What
 * the array gives is (A B) >> 7 for each tile of K, clipped; times 128 it stands for the sums, without what the shifts lost.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backend/xdna/plan.h"
#include "backend/xdna/tile.h"
#include "util/clock.h"
#include "util/memory.h"

#define ENOUGH_ROWS SO_PLAN_ROWS

/* A weight matrix, as the tiles are cut from it. */
struct matrix {
    struct matrix *next;
    const int8_t *known; /* by the address of its panels */
    int8_t *rows;        /* [k][n] */
};

struct so_ticket {
    int32_t *c;
    size_t ldc;
};

struct tile_backend {
    struct so_backend base;
    struct so_tiles *tiles;
    bool all;
    unsigned tile;
    void *log_user;
    void (*log)(void *user, const char *line);
    pthread_mutex_t lock; /* of everything below, and of the device */
    bool retired;
    struct matrix *matrices;
    struct so_backend_stats stats;
};

static struct tile_backend *self(struct so_backend *b) { return (struct tile_backend *)b; }

static void tile_close(struct so_backend *b) {
    struct tile_backend *x = self(b);
    so_tiles_close(x->tiles);
    for (struct matrix *m = x->matrices, *next; m; m = next) {
        next = m->next;
        so_free(m->rows);
        so_free(m);
    }
    pthread_mutex_destroy(&x->lock);
    so_free(x);
}

static void tile_describe(const struct so_backend *b, struct so_capabilities *out) {
    struct tile_backend *x = (struct tile_backend *)(uintptr_t)b; /* the lock is not part of what const promises */
    pthread_mutex_lock(&x->lock);
    *out = (struct so_capabilities){
        .device = true,
        .usable = !x->retired,
        .tile_m = x->tile,
        .tile_k = x->tile,
        .tile_n = x->tile,
        .max_k = SO_GEMM_MAX_K,
        .in_flight = 1,
        .chain = 1,
        .lossy = true,
    };
    pthread_mutex_unlock(&x->lock);
}

static bool tile_wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention) {
    struct tile_backend *x = self(b);
    (void)n;
    bool wanted = !attention && k <= SO_GEMM_MAX_K && (x->all || m >= ENOUGH_ROWS);
    pthread_mutex_lock(&x->lock);
    x->stats.declined += !wanted;
    pthread_mutex_unlock(&x->lock);
    return wanted;
}

/* int8 [k][n] of panels; NULL for want of memory. */
static int8_t *unpack(const struct so_panels *p) {
    size_t groups = (p->k + 3) / 4;
    int8_t *rows = so_alloc(p->k, p->n);
    for (size_t i = 0; rows && i < p->k; i++)
        for (size_t j = 0; j < p->n; j++)
            rows[i * p->n + j] = p->q[((j / SO_LANES * groups + i / 4) * SO_LANES + j % SO_LANES) * 4 + i % 4];
    return rows;
}

static const int8_t *find_rows(struct tile_backend *x, const struct so_panels *p) {
    for (const struct matrix *m = x->matrices; m; m = m->next)
        if (m->known == p->q) return m->rows;
    struct matrix *m = so_alloc(1, sizeof *m);
    int8_t *rows = m ? unpack(p) : NULL;
    if (!rows) {
        so_free(m);
        return NULL;
    }
    *m = (struct matrix){x->matrices, p->q, rows};
    x->matrices = m;
    return rows;
}

static bool tile_register(struct so_backend *b, const struct so_panels *panels) {
    struct tile_backend *x = self(b);
    pthread_mutex_lock(&x->lock);
    bool there = find_rows(x, panels) != NULL;
    pthread_mutex_unlock(&x->lock);
    return there;
}

static void retire(struct tile_backend *x, const char *why) {
    x->stats.failures++;
    if (x->retired) return;
    x->retired = true;
    char line[700];
    snprintf(line, sizeof line, "the %s is not used any more, the CPU does its work: %s", x->base.ops->name, why);
    if (x->log) x->log(x->log_user, line);
}

/* A's rows, signed and without gaps. */
static int8_t *signed_rows(const struct so_product *p) {
    int8_t *a = so_alloc(p->m, p->b.k);
    for (size_t i = 0; a && i < p->m; i++)
        for (size_t j = 0; j < p->b.k; j++)
            a[i * p->b.k + j] = p->a_s8 ? p->a_s8[i * p->lda + j] : (int8_t)(p->a[i * p->lda + j] ^ 0x80);
    return a;
}

/* With the lock. sums: int32 [m][n]. */
static bool multiply(struct tile_backend *x, const struct so_product *p, int32_t *sums, sotto_error *err) {
    int8_t *a = signed_rows(p), *unpacked = p->changing && !p->b_rows ? unpack(&p->b) : NULL;
    const int8_t *b = p->b_rows ? p->b_rows : p->changing ? unpacked : find_rows(x, &p->b);
    bool good = a && b;
    if (!good) so_fail_memory(err, p->m * p->b.k, "a product");
    uint64_t dispatches = 0;
    if (good) good = so_tiles_product(x->tiles, p->m, p->b.k, p->b.n, a, b, sums, &dispatches, err) == SOTTO_OK;
    x->stats.dispatches += dispatches;
    x->stats.submissions += dispatches;
    x->stats.tiles += dispatches;
    x->stats.bytes_to += dispatches * 2 * x->tile * x->tile;
    x->stats.bytes_from += dispatches * x->tile * x->tile;
    so_free(a);
    so_free(unpacked);
    return good;
}

static void give(struct so_backend *b, struct so_ticket *t) {
    (void)b;
    if (t) so_free(t->c);
    so_free(t);
}

static struct so_ticket *compute(struct tile_backend *x, const struct so_product *p) {
    sotto_error err = {0};
    double from = so_now();
    size_t ldc = so_round_up(p->b.n, SO_LANES);
    struct so_ticket *t = so_calloc(1, sizeof *t);
    int32_t *sums = so_alloc(p->m * p->b.n, sizeof *sums);
    if (t) *t = (struct so_ticket){so_calloc(p->m * ldc, sizeof *t->c), ldc};
    bool good = t && t->c && sums;
    if (!good) so_fail_memory(&err, p->m * ldc * 4, "a product");
    pthread_mutex_lock(&x->lock);
    bool usable = !x->retired;
    good = good && usable && multiply(x, p, sums, &err);
    if (usable && !good) retire(x, err.message);
    x->stats.fallbacks += !good;
    x->stats.products += good;
    if (good) so_times_add(&x->stats.time, so_now() - from);
    if (good) x->stats.busy += so_now() - from;
    pthread_mutex_unlock(&x->lock);
    for (size_t i = 0; good && i < p->m; i++)
        for (size_t j = 0; j < p->b.n; j++) t->c[i * ldc + j] = sums[i * p->b.n + j] * (1 << SO_TILE_SHIFT);
    so_free(sums);
    if (good) return t;
    give(NULL, t);
    return NULL;
}

static bool tile_submit(struct so_backend *b, const struct so_product *products, size_t n, struct so_ticket **tickets) {
    for (size_t i = 0; i < n; i++) {
        bool possible = products[i].a_s8 || products[i].a_zero == 128;
        tickets[i] = possible ? compute(self(b), &products[i]) : NULL;
        if (tickets[i]) continue;
        while (i--) give(b, tickets[i]);
        return false;
    }
    return true;
}

static bool tile_wait(struct so_backend *b, struct so_ticket *t, int32_t **c, size_t *ldc) {
    (void)b;
    *c = t->c;
    *ldc = t->ldc;
    return true;
}

static void tile_statistics(struct so_backend *b, struct so_backend_stats *out) {
    pthread_mutex_lock(&self(b)->lock);
    *out = self(b)->stats;
    pthread_mutex_unlock(&self(b)->lock);
}

static void tile_reset(struct so_backend *b) {
    pthread_mutex_lock(&self(b)->lock);
    self(b)->stats = (struct so_backend_stats){0};
    pthread_mutex_unlock(&self(b)->lock);
}

static bool tile_completions(struct so_backend *b, uint64_t *completions) {
    return so_tiles_completions(self(b)->tiles, completions);
}

#define TILE_OPS(name)                                                                                                 \
    {name, tile_close, tile_describe, tile_wants, tile_register, tile_submit, tile_wait, give, tile_statistics, tile_reset, \
     tile_completions, NULL, NULL}

sotto_status so_backend_tiles(const struct so_backend_options *o, struct so_backend **out, sotto_error *err) {
    static const struct so_backend_ops on_array = TILE_OPS("xdna"), on_model = TILE_OPS("emulator");
    *out = NULL;
    struct tile_backend *x = so_calloc(1, sizeof *x);
    if (!x) return so_fail_memory(err, sizeof *x, "a device");
    if (pthread_mutex_init(&x->lock, NULL) != 0) {
        so_free(x);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for a device");
    }
    x->base = (struct so_backend){o->kind == SO_BACKEND_EMULATOR ? &on_model : &on_array, o->kernels ? o->kernels : so_kernels()};
    x->all = o->all;
    x->tile = o->tile;
    x->log = o->log;
    x->log_user = o->log_user;
    sotto_status status = so_tiles_open(o, o->tile, &x->tiles, err);
    if (status != SOTTO_OK) {
        tile_close(&x->base);
        return status;
    }
    *out = &x->base;
    return SOTTO_OK;
}
