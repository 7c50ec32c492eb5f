#include "diarize/linkage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "util/memory.h"

/** Points of a block that is thinned by itself. */
#define BLOCK 2048

struct chain {
    size_t n, dim;
    float *means;    /* [n][dim]: of the clusters that are left; a merge writes into the lower slot */
    float *weights;  /* [n] */
    uint32_t *alive; /* [n_alive], rising: slots in use */
    uint32_t *path;  /* [n]: each the nearest of the one before */
    size_t n_alive, length;
};

static const float *mean_of(const struct chain *c, uint32_t slot) {
    return c->means + slot * c->dim;
}

/** The slot nearest to `tip`; `before` wins a tie, then the lowest. */
static uint32_t nearest(const struct chain *c, uint32_t tip, int64_t before, float *nearness) {
    const struct so_kernels *k = so_kernels();
    const float *a[4] = {mean_of(c, tip), mean_of(c, tip), mean_of(c, tip), mean_of(c, tip)};
    float best = -INFINITY;
    uint32_t found = tip;
    if (before >= 0) {
        found = (uint32_t)before;
        best = k->dot_f32(c->dim, a[0], mean_of(c, found));
    }
    for (size_t i = 0; i < c->n_alive; i += 4) {
        const float *b[4];
        float y[4];
        for (size_t j = 0; j < 4; j++) b[j] = mean_of(c, c->alive[so_min(i + j, c->n_alive - 1)]);
        k->dot4_f32(c->dim, a, b, y);
        for (size_t j = 0; j < 4 && i + j < c->n_alive; j++) {
            uint32_t slot = c->alive[i + j];
            if (slot == tip || !(y[j] > best)) continue;
            best = y[j];
            found = slot;
        }
    }
    *nearness = best;
    return found;
}

static void merge(struct chain *c, uint32_t into, uint32_t from) {
    float *x = c->means + into * c->dim;
    const float *y = c->means + from * c->dim;
    double wx = (double)c->weights[into], wy = (double)c->weights[from];
    for (size_t i = 0; i < c->dim; i++) x[i] = (float)(((double)x[i] * wx + (double)y[i] * wy) / (wx + wy));
    c->weights[into] = (float)(wx + wy);
    size_t at = 0;
    while (c->alive[at] != from) at++;
    memmove(c->alive + at, c->alive + at + 1, (c->n_alive - at - 1) * sizeof *c->alive);
    c->n_alive--;
}

/** Slots for now: so_merge.a and b are any points of the two clusters. */
static void link_all(struct chain *c, struct so_merge *merges) {
    for (size_t done = 0; done + 1 < c->n;) {
        if (c->length == 0) c->path[c->length++] = c->alive[0];
        uint32_t tip = c->path[c->length - 1];
        int64_t before = c->length > 1 ? (int64_t)c->path[c->length - 2] : -1;
        float near;
        uint32_t next = nearest(c, tip, before, &near);
        if ((int64_t)next != before &&
            c->length < c->n) { // nearness rises strictly along a path, so that it ends
            c->path[c->length++] = next;
            continue;
        }
        uint32_t low = tip < next ? tip : next, high = tip < next ? next : tip;
        merge(c, low, high);
        merges[done++] = (struct so_merge){low, high, 1 - near, c->weights[low]};
        c->length =
            (int64_t)next == before ? c->length - 2 : 0; // a path of all slots: rounding closed a circle
    }
}

static int by_distance(const void *a, const void *b) {
    const struct so_merge *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->a != y->a ? (x->a < y->a ? -1 : 1) : (x->b > y->b) - (x->b < y->b);
}

static uint32_t root(uint32_t *parent, uint32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

/** From slots in any order to cluster numbers in the order of distance. parent, name, weights: [n]. */
static void put_in_order(struct so_merge *merges, size_t n, uint32_t *parent, uint32_t *name,
                         const float *first, float *weights) {
    qsort(merges, n - 1, sizeof *merges, by_distance);
    for (uint32_t i = 0; i < n; i++) parent[i] = name[i] = i;
    memcpy(weights, first, n * sizeof *weights);
    for (size_t i = 0; i + 1 < n; i++) {
        uint32_t a = root(parent, merges[i].a), b = root(parent, merges[i].b);
        uint32_t x = name[a], y = name[b];
        merges[i].a = x < y ? x : y;
        merges[i].b = x < y ? y : x;
        parent[b] = a;
        name[a] = (uint32_t)(n + i);
        merges[i].weight = weights[a] += weights[b];
    }
}

sotto_status so_linkage(const float *points, const float *weights, size_t n, size_t dim,
                        struct so_merge *merges, sotto_error *err) {
    if (n < 2) return SOTTO_OK;
    struct chain c = {.n = n, .dim = dim, .n_alive = n};
    c.means = so_alloc(n * dim, sizeof *c.means);
    c.weights = so_alloc(n, sizeof *c.weights);
    c.alive = so_alloc(n, sizeof *c.alive);
    c.path = so_alloc(n, sizeof *c.path);
    bool enough = c.means && c.weights && c.alive && c.path;
    if (enough) {
        memcpy(c.means, points, n * dim * sizeof *points);
        memcpy(c.weights, weights, n * sizeof *weights);
        for (size_t i = 0; i < n; i++) c.alive[i] = (uint32_t)i;
        link_all(&c, merges);
        put_in_order(merges, n, c.alive, c.path, weights, c.weights);
    }
    so_free(c.means);
    so_free(c.weights);
    so_free(c.alive);
    so_free(c.path);
    return enough ? SOTTO_OK : so_fail_memory(err, n * dim * sizeof(float), "clustering");
}

size_t so_linkage_labels(const struct so_merge *merges, size_t n, size_t n_merges, uint32_t *labels,
                         uint32_t *scratch) {
    /* The name of a cluster is that of the last one it went into, so names are handed down from the last
     * merge. */
    for (size_t i = 0; i < n + n_merges; i++) scratch[i] = UINT32_MAX;
    for (size_t i = n_merges; i-- > 0;) {
        uint32_t self = (uint32_t)(n + i), name = scratch[self] == UINT32_MAX ? self : scratch[self];
        scratch[merges[i].a] = scratch[merges[i].b] = name;
    }
    for (size_t i = 0; i < n; i++) labels[i] = scratch[i] == UINT32_MAX ? (uint32_t)i : scratch[i];
    for (size_t i = 0; i < n + n_merges; i++) scratch[i] = UINT32_MAX;
    uint32_t n_labels = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t *number = &scratch[labels[i]];
        if (*number == UINT32_MAX) *number = n_labels++;
        labels[i] = *number;
    }
    return n_labels;
}

struct thinning {
    struct so_merge *merges; /* [BLOCK - 1] */
    uint32_t *labels;        /* [BLOCK] */
    uint32_t *scratch;       /* [2 * BLOCK] */
    double *sums;            /* [BLOCK][dim] */
};

/** Points [from, from + n) become `left` at `to` <= from. */
static sotto_status thin_block(struct thinning *t, float *points, float *weights, size_t dim, size_t from,
                               size_t n, size_t to, size_t left, uint32_t *owner, sotto_error *err) {
    sotto_status status = so_linkage(points + from * dim, weights + from, n, dim, t->merges, err);
    if (status) return status;
    so_linkage_labels(t->merges, n, n - left, t->labels, t->scratch);
    memset(t->sums, 0, left * dim * sizeof *t->sums);
    double total[BLOCK] = {0};
    for (size_t i = 0; i < n; i++) {
        double w = (double)weights[from + i], *sum = t->sums + t->labels[i] * dim;
        for (size_t j = 0; j < dim; j++) sum[j] += w * (double)points[(from + i) * dim + j];
        total[t->labels[i]] += w;
        owner[from + i] = (uint32_t)(to + t->labels[i]);
    }
    for (size_t c = 0; c < left; c++) {
        for (size_t j = 0; j < dim; j++)
            points[(to + c) * dim + j] = (float)(t->sums[c * dim + j] / total[c]);
        weights[to + c] = (float)total[c];
    }
    return SOTTO_OK;
}

sotto_status so_linkage_thin(float *points, float *weights, size_t n, size_t dim, size_t most,
                             uint32_t *owner, size_t *n_out, sotto_error *err) {
    *n_out = n;
    for (size_t i = 0; i < n; i++) owner[i] = (uint32_t)i;
    if (n <= most) return SOTTO_OK;
    struct thinning t = {so_alloc(BLOCK, sizeof *t.merges), so_alloc(BLOCK, sizeof *t.labels),
                         so_alloc(2 * BLOCK, sizeof *t.scratch), so_alloc(BLOCK * dim, sizeof *t.sums)};
    sotto_status status = t.merges && t.labels && t.scratch && t.sums
                              ? SOTTO_OK
                              : so_fail_memory(err, BLOCK * dim * sizeof(double), "clustering");
    size_t to = 0;
    for (size_t from = 0; !status && from < n; from += BLOCK) {
        size_t size = so_min(BLOCK, n - from);
        /* Rounded so that the shares of all blocks together are `most`, and none is empty. */
        size_t left = so_max(1, (from + size) * most / n - from * most / n);
        status = thin_block(&t, points, weights, dim, from, size, to, left, owner, err);
        to += left;
    }
    so_free(t.merges);
    so_free(t.labels);
    so_free(t.scratch);
    so_free(t.sums);
    *n_out = to;
    return status;
}
