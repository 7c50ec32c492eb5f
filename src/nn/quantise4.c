#include "nn/quantise4.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

#define DAMPING 0.05f
#define SMALLEST_CHANNEL 1e-30f
#define CANDIDATES 20 /* steps that are tried for a group */

void so_moments_free(struct so_moments *m) {
    if (!m) return;
    so_free(m->h);
    so_free(m->weight);
    so_free(m->order);
    so_free(m);
}

sotto_status so_moments_create(size_t k, float *h, struct so_moments **out, sotto_error *err) {
    struct so_moments *m = so_calloc(1, sizeof *m);
    *out = NULL;
    if (!m) {
        so_free(h);
        return so_fail_memory(err, sizeof *m, "moments");
    }
    m->k = k;
    m->h = h;
    m->weight = so_alloc(k, sizeof *m->weight);
    m->order = so_alloc(k, sizeof *m->order);
    if (!m->weight || !m->order) {
        so_moments_free(m);
        return so_fail_memory(err, k * 8, "moments");
    }
    *out = m;
    return SOTTO_OK;
}

struct entry {
    float weight;
    uint32_t index;
};

static int heaviest_first(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/** H in its order, the diagonal damped. */
static sotto_status arrange(struct so_moments *m, sotto_error *err) {
    const size_t k = m->k;
    struct entry *entries = so_alloc(k, sizeof *entries);
    float *line = so_alloc(k, sizeof *line);
    double mean = 0;
    if (!entries || !line) {
        so_free(entries);
        so_free(line);
        return so_fail_memory(err, k * sizeof *entries, "an order of inputs");
    }
    for (size_t i = 0; i < k; i++) mean += m->h[i * k + i];
    mean = mean > 0 ? mean / (double)k : 1;
    const float damping = (float)(DAMPING * mean);
    for (size_t i = 0; i < k; i++) {
        m->h[i * k + i] += damping;
        m->weight[i] = m->h[i * k + i];
        entries[i] = (struct entry){m->weight[i], (uint32_t)i};
    }
    qsort(entries, k, sizeof *entries, heaviest_first);
    for (size_t i = 0; i < k; i++) m->order[i] = entries[i].index;
    /* Columns line by line; then the lines, along the cycles of the order: entries[i].weight < 0 marks those
     * that are done. */
    for (size_t i = 0; i < k; i++) {
        memcpy(line, m->h + i * k, k * sizeof *line);
        for (size_t j = 0; j < k; j++) m->h[i * k + j] = line[m->order[j]];
    }
    for (size_t start = 0; start < k; start++) {
        if (entries[start].weight < 0) continue;
        size_t at = start;
        memcpy(line, m->h + start * k, k * sizeof *line);
        for (size_t from = m->order[at]; from != start; at = from, from = m->order[at]) {
            memcpy(m->h + at * k, m->h + from * k, k * sizeof *line);
            entries[at].weight = -1;
        }
        memcpy(m->h + at * k, line, k * sizeof *line);
        entries[at].weight = -1;
    }
    so_free(entries);
    so_free(line);
    return SOTTO_OK;
}

/** One column of U. */
struct column {
    struct so_moments *m;
    const struct so_kernels *kernels;
    size_t j;
    const float *z; /* [k - j - 1] D_m U_jm */
    float d;
};

#define ROWS_EACH 64

static void eliminate(void *context, size_t item, size_t worker) {
    const struct column *c = context;
    const size_t k = c->m->k, first = item * ROWS_EACH, end = so_min(first + ROWS_EACH, c->j),
                 behind = k - c->j - 1;
    (void)worker;
    for (size_t i = first; i < end; i++) {
        float *row = c->m->h + i * k;
        const float done = behind ? c->kernels->dot_f32(behind, row + c->j + 1, c->z) : 0;
        row[c->j] = (row[c->j] - done) / c->d;
    }
}

sotto_status so_moments_factor(struct so_moments *m, const struct so_kernels *kernels, struct so_pool *pool,
                               sotto_error *err) {
    const size_t k = m->k;
    sotto_status status = arrange(m, err);
    if (status) return status;
    float *z = so_alloc(k, sizeof *z), *d = so_alloc(k, sizeof *d);
    if (!z || !d) {
        so_free(z);
        so_free(d);
        return so_fail_memory(err, 2 * k * sizeof *z, "a factor");
    }
    for (size_t j = k; j-- > 0;) {
        const float *row = m->h + j * k + j + 1; /* U_jm, m > j */
        const size_t behind = k - j - 1;
        for (size_t i = 0; i < behind; i++) z[i] = d[j + 1 + i] * row[i];
        const float pivot = m->h[j * k + j] - (behind ? kernels->dot_f32(behind, row, z) : 0);
        /* In exact arithmetic no pivot is below the damping, which is in every H_jj. */
        const float least = m->weight[m->order[k - 1]] * 0.1f;
        d[j] = pivot > least ? pivot : least;
        struct column c = {m, kernels, j, z, d[j]};
        so_pool_run(pool, (j + ROWS_EACH - 1) / ROWS_EACH, eliminate, &c);
    }
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < i; j++) m->h[i * k + j] = m->h[j * k + i];
    so_free(z);
    so_free(d);
    return SOTTO_OK;
}

static int round_s4(float x) {
    const float r = rintf(x);
    return r < -8 ? -8 : r > 7 ? 7 : (int)r;
}

/** Error of a group with one step, each weight's counted by how loud its input is. */
static float group_error(const float *w, const float *weight, float step) {
    float error = 0;
    for (size_t i = 0; i < SO_Q4_GROUP; i++) {
        const float e = w[i] - step * (float)round_s4(w[i] / step);
        error += weight[i] * e * e;
    }
    return error;
}

static void choose_steps(const struct so_moments *m, const float *w, uint8_t *steps, float scale) {
    for (size_t g = 0; g < m->k / SO_Q4_GROUP; g++) {
        const float *group = w + g * SO_Q4_GROUP, *weight = m->weight + g * SO_Q4_GROUP;
        float max = 0, least = 0;
        for (size_t i = 0; i < SO_Q4_GROUP; i++) max = fmaxf(max, fabsf(group[i]));
        const int whole = (int)ceilf(max / 7.0f / scale), stride = whole / (2 * CANDIDATES) + 1;
        int best = 0;
        for (int s = whole; s > 0 && s >= whole / 2; s -= stride) {
            const int step = s > 255 ? 255 : s;
            const float error = group_error(group, weight, scale * (float)step);
            if (!best || error < least) best = step, least = error;
        }
        steps[g] = (uint8_t)best;
    }
}

void so_quantise_s4(const struct so_moments *m, const struct so_kernels *kernels, const float *w,
                    float *scratch, int8_t *q, uint8_t *steps, float *scale) {
    const size_t k = m->k;
    float max = 0, *error = scratch; /* [k] in the order of rounding */
    for (size_t i = 0; i < k; i++) max = fmaxf(max, fabsf(w[i]));
    memset(q, 0, k);
    memset(steps, 0, k / SO_Q4_GROUP);
    *scale = 0;
    if (max < SMALLEST_CHANNEL) return;
    *scale = max / 7.0f / 255.0f;
    choose_steps(m, w, steps, *scale);
    for (size_t i = 0; i < k; i++) {
        const uint32_t at = m->order[i];
        const float step = *scale * (float)steps[at / SO_Q4_GROUP];
        const float wanted = w[at] + (i ? kernels->dot_f32(i, error, m->h + i * k) : 0);
        q[at] = step > 0 ? (int8_t)round_s4(wanted / step) : 0;
        error[i] = w[at] - step * (float)q[at];
    }
}
