#include "diarize/cut.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "util/memory.h"

/** How much of the whole is enough to be somebody, however short the recording. */
#define SHARE 0.1

struct cutting {
    const struct so_merge *merges;
    const float *points, *weights;
    size_t n, dim;
};

static double weight_of(const struct cutting *c, uint32_t cluster) {
    return (double)(cluster < c->n ? c->weights[cluster] : c->merges[cluster - c->n].weight);
}

/** Number of merges to make so that `want` clusters weigh at least `small`; the one nearest to `natural`, -1:
 * none. */
static int64_t find_cut(const struct cutting *c, double small, size_t want, size_t natural) {
    int64_t found = -1, large = 0;
    for (size_t i = 0; i < c->n; i++) large += (double)c->weights[i] >= small;
    for (size_t done = 0;; done++) {
        size_t far = done > natural ? done - natural : natural - done;
        size_t best = found < 0                 ? SIZE_MAX
                      : (size_t)found > natural ? (size_t)found - natural
                                                : natural - (size_t)found;
        if (large == (int64_t)want && far < best) found = (int64_t)done;
        if (done + 1 >= c->n) return found;
        double a = weight_of(c, c->merges[done].a), b = weight_of(c, c->merges[done].b);
        large += (a + b >= small) - (a >= small) - (b >= small);
    }
}

static size_t count_large(const struct cutting *c, double small, size_t n_merges) {
    size_t large = 0;
    for (size_t i = 0; i < c->n; i++) large += (double)c->weights[i] >= small;
    for (size_t i = 0; i < n_merges; i++) {
        double a = weight_of(c, c->merges[i].a), b = weight_of(c, c->merges[i].b);
        large += (size_t)(a + b >= small);
        large -= (size_t)(a >= small) + (size_t)(b >= small);
    }
    return large;
}

/** How many merges to make, and (in *small) what weighs enough then. */
static size_t choose(const struct cutting *c, const struct so_cut_rule *rule, double *small) {
    size_t natural = 0;
    while (natural + 1 < c->n && c->merges[natural].distance <= rule->threshold) natural++;
    size_t large = so_max(1, count_large(c, *small, natural)), want = large;
    if (rule->most && want > rule->most) want = rule->most;
    if (rule->least && want < rule->least) want = so_min(rule->least, c->n);
    if (want == large) return natural;
    for (;; *small /= 2) {
        int64_t cut = find_cut(c, *small, want, natural);
        if (cut >= 0) return (size_t)cut;
        if (*small > 1e-6) continue;
        *small = 0;
        return c->n - want;
    }
}

struct absorption {
    double *weights;  /* [k] */
    float *centroids; /* [k][dim] */
    uint32_t *joins;  /* [k]: the cluster it becomes part of */
    uint32_t *names;  /* [k]: new labels of those that stay */
};

static void find_joins(const struct cutting *c, double limit, size_t k, struct absorption *a) {
    bool any = false;
    for (size_t i = 0; i < k; i++) any = any || a->weights[i] >= limit;
    for (size_t i = 0; i < k; i++) {
        float best = -INFINITY;
        a->joins[i] = any ? (uint32_t)i : 0;
        if (!any || a->weights[i] >= limit) continue;
        for (size_t j = 0; j < k; j++) {
            if (a->weights[j] < limit) continue;
            float near = so_kernels()->dot_f32(c->dim, a->centroids + i * c->dim, a->centroids + j * c->dim);
            if (!(near > best)) continue;
            best = near;
            a->joins[i] = (uint32_t)j;
        }
    }
}

/** The labels of clusters that are too small become that of the nearest large one. */
static sotto_status absorb(const struct cutting *c, double small, uint32_t *labels, size_t *n_labels,
                           sotto_error *err) {
    size_t k = *n_labels;
    struct absorption a = {so_calloc(k, sizeof *a.weights), so_alloc(k * c->dim, sizeof *a.centroids),
                           so_alloc(k, sizeof *a.joins), so_alloc(k, sizeof *a.names)};
    sotto_status status = a.weights && a.centroids && a.joins && a.names
                              ? so_centroids(c->points, c->weights, labels, c->n, c->dim, k, a.centroids, err)
                              : so_fail_memory(err, k * c->dim * sizeof(float), "clustering");
    if (!status) {
        for (size_t i = 0; i < c->n; i++) a.weights[labels[i]] += (double)c->weights[i];
        find_joins(c, small * (1 - 1e-5), k,
                   &a); // sums in another order than the tree's may round below the limit
        for (size_t i = 0; i < k; i++) a.names[i] = UINT32_MAX;
        *n_labels = 0;
        for (size_t i = 0; i < c->n; i++) {
            uint32_t *name = &a.names[a.joins[labels[i]]];
            if (*name == UINT32_MAX) *name = (uint32_t)(*n_labels)++;
            labels[i] = *name;
        }
    }
    so_free(a.weights);
    so_free(a.centroids);
    so_free(a.joins);
    so_free(a.names);
    return status;
}

sotto_status so_cut(const struct so_merge *merges, const float *points, const float *weights, size_t n,
                    size_t dim, const struct so_cut_rule *rule, uint32_t *labels, size_t *n_labels,
                    sotto_error *err) {
    *n_labels = 0;
    if (n == 0) return SOTTO_OK;
    struct cutting c = {merges, points, weights, n, dim};
    double total = 0;
    for (size_t i = 0; i < n; i++) total += (double)weights[i];
    double small = fmin((double)rule->small, SHARE * total);
    uint32_t *scratch = so_alloc(2 * n, sizeof *scratch);
    if (!scratch) return so_fail_memory(err, 2 * n * sizeof *scratch, "clustering");
    *n_labels = so_linkage_labels(merges, n, choose(&c, rule, &small), labels, scratch);
    so_free(scratch);
    return absorb(&c, small, labels, n_labels, err);
}

sotto_status so_centroids(const float *points, const float *weights, const uint32_t *labels, size_t n,
                          size_t dim, size_t n_labels, float *centroids, sotto_error *err) {
    double *sums = so_calloc(n_labels * dim, sizeof *sums);
    if (!sums) return so_fail_memory(err, n_labels * dim * sizeof *sums, "clustering");
    for (size_t i = 0; i < n; i++) {
        double w = (double)weights[i], *sum = sums + labels[i] * dim;
        for (size_t j = 0; j < dim; j++) sum[j] += w * (double)points[i * dim + j];
    }
    for (size_t c = 0; c < n_labels; c++) {
        double length = 0;
        for (size_t j = 0; j < dim; j++) length += sums[c * dim + j] * sums[c * dim + j];
        double scale = length > 0 ? 1 / sqrt(length) : 0;
        for (size_t j = 0; j < dim; j++) centroids[c * dim + j] = (float)(sums[c * dim + j] * scale);
    }
    so_free(sums);
    return SOTTO_OK;
}
