/*
 * A layer reads all columns so far and appends 32. Its convolution over three rows is three products side by
 * side whose rows are added with their distance afterwards, so that in INT8 each row may have its own scale.
 * What it appends is weighted by gates that follow from the mean over all rows and the mean over the row's
 * context segment; rows are taken segment by segment.
 */
#include "diarize/dense.h"

#include <string.h>

#include "util/memory.h"

#define WIDE SO_DENSE_MAX_WIDTH
#define LOCAL (SO_LOCAL_TAPS * SO_GROWTH)
#define SEGMENT SO_CONTEXT_FRAMES

void so_dense_release(struct so_dense_scratch *s) {
    for (int i = 0; i < 2; i++) {
        so_free(s->columns[i]);
        s->columns[i] = NULL;
    }
    so_free(s->local);
    so_free(s->gates);
    s->local = s->gates = NULL;
    s->rows = 0;
}

bool so_dense_reserve(struct so_dense_scratch *s, size_t rows) {
    if (rows <= s->rows) return true;
    so_dense_release(s);
    for (int i = 0; i < 2; i++) s->columns[i] = so_alloc(rows * WIDE, sizeof(float));
    s->local = so_alloc(rows * LOCAL, sizeof(float));
    s->gates = so_alloc((rows + SEGMENT - 1) / SEGMENT * SO_BOTTLENECK, sizeof(float));
    if (s->columns[0] && s->columns[1] && s->local && s->gates) {
        s->rows = rows;
        return true;
    }
    so_dense_release(s);
    return false;
}

/* relu(x * factor + shift) of up to 100 rows, as `w` reads it. */
static struct so_activations normed(const struct so_worker *worker, const struct so_affine *norm,
                                    const struct so_matrix *w, size_t rows, const float *x,
                                    struct so_dense_scratch *s) {
    if (w->precision == SO_INT8) {
        worker->kernels->affine_relu_u8(rows, w->k, x, WIDE, norm->factor, norm->shift, s->q_wide, WIDE,
                                        s->scale);
        return (struct so_activations){.q = s->q_wide, .scale = s->scale, .stride = WIDE};
    }
    worker->kernels->affine_leaky_f32(rows, w->k, x, WIDE, norm->factor, norm->shift, 0.0f, s->wide, WIDE);
    return (struct so_activations){.f = s->wide, .stride = WIDE};
}

/* The bottleneck of one segment, its sums over the rows, and the products of the convolution. */
static void segment_products(const struct so_worker *worker, const struct so_dense_weights *w, size_t rows,
                             const float *x, float *local, float *sums, struct so_dense_scratch *s) {
    static const float ones[SO_BOTTLENECK] = {
#define ONES8 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f
        ONES8, ONES8, ONES8, ONES8, ONES8, ONES8, ONES8, ONES8,
        ONES8, ONES8, ONES8, ONES8, ONES8, ONES8, ONES8, ONES8};
    static const float zeros[SO_BOTTLENECK];
    struct so_activations in = normed(worker, &w->norm, &w->bottleneck, rows, x, s);
    so_product(worker, &w->bottleneck, rows, &in, s->narrow, SO_BOTTLENECK);
    worker->kernels->relu_max_f32(rows * SO_BOTTLENECK, s->narrow);
    memset(sums, 0, SO_BOTTLENECK * sizeof *sums);
    worker->kernels->column_sums(rows, SO_BOTTLENECK, s->narrow, SO_BOTTLENECK, sums);
    in = (struct so_activations){.f = s->narrow, .stride = SO_BOTTLENECK};
    if (w->local.precision == SO_INT8) {
        worker->kernels->affine_relu_u8(rows, SO_BOTTLENECK, s->narrow, SO_BOTTLENECK, ones, zeros,
                                        s->q_narrow, SO_BOTTLENECK, s->scale);
        in = (struct so_activations){.q = s->q_narrow, .scale = s->scale, .stride = SO_BOTTLENECK};
    }
    so_product(worker, &w->local, rows, &in, local, LOCAL);
}

/* Sums of all segments to their gates, in place: float [segments][128], of which the first 32 count then. */
static void make_gates(const struct so_worker *worker, const struct so_dense_weights *w, size_t rows,
                       float *gates) {
    float mean[SO_BOTTLENECK] = {0}, context[SO_BOTTLENECK], hidden[SO_GATE];
    const size_t segments = (rows + SEGMENT - 1) / SEGMENT;
    worker->kernels->column_sums(segments, SO_BOTTLENECK, gates, SO_BOTTLENECK, mean);
    for (size_t i = 0; i < SO_BOTTLENECK; i++) mean[i] /= (float)rows;
    for (size_t g = 0; g < segments; g++) {
        float *gate = gates + g * SO_BOTTLENECK;
        const float count = (float)so_min(SEGMENT, rows - g * SEGMENT);
        for (size_t i = 0; i < SO_BOTTLENECK; i++) context[i] = gate[i] / count + mean[i];
        struct so_activations in = {.f = context, .stride = SO_BOTTLENECK};
        so_product(worker, &w->gate[0], 1, &in, hidden, SO_GATE);
        worker->kernels->relu_f32(SO_GATE, hidden);
        in = (struct so_activations){.f = hidden, .stride = SO_GATE};
        so_product(worker, &w->gate[1], 1, &in, gate, SO_GROWTH);
        worker->kernels->sigmoid_f32(SO_GROWTH, gate);
    }
}

/* The 32 new columns of every row. */
static void append(const struct so_worker *worker, size_t rows, size_t dilation, const float *local,
                   const float *gates, float *x) {
    static const float nothing[SO_GROWTH];
    for (size_t t = 0; t < rows; t++) {
        const float *here = local + t * LOCAL;
        const float *before = t >= dilation ? here - dilation * LOCAL : nothing;
        const float *after = t + dilation < rows ? here + dilation * LOCAL + 2 * SO_GROWTH : nothing;
        worker->kernels->sum3_mul_f32(SO_GROWTH, before, here + SO_GROWTH, after,
                                      gates + t / SEGMENT * SO_BOTTLENECK, x + t * WIDE);
    }
}

static void layer(const struct so_worker *worker, const struct so_dense_weights *w, size_t rows,
                  size_t dilation, float *x, struct so_dense_scratch *s) {
    for (size_t t = 0; t < rows; t += SEGMENT)
        segment_products(worker, w, so_min(SEGMENT, rows - t), x + t * WIDE, s->local + t * LOCAL,
                         s->gates + t / SEGMENT * SO_BOTTLENECK, s);
    make_gates(worker, w, rows, s->gates);
    append(worker, rows, dilation, s->local, s->gates, x + w->bottleneck.k);
}

float *so_dense_run(const struct so_worker *worker, const struct so_embedding_weights *w, size_t rows,
                    struct so_dense_scratch *s) {
    float *x = s->columns[0], *y = s->columns[1];
    for (int b = 0; b < SO_DENSE_BLOCKS; b++) {
        for (uint32_t i = 0; i < so_dense_shapes[b].layers; i++)
            layer(worker, &w->dense[b][i], rows, so_dense_shapes[b].dilation, x, s);
        for (size_t t = 0; t < rows; t += SEGMENT) {
            const size_t n = so_min(SEGMENT, rows - t);
            const struct so_activations in =
                normed(worker, &w->transit_norm[b], &w->transit[b], n, x + t * WIDE, s);
            so_product(worker, &w->transit[b], n, &in, y + t * WIDE, WIDE);
        }
        float *swap = x;
        x = y;
        y = swap;
    }
    return x;
}
