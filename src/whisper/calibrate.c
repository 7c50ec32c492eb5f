#include "whisper/calibrate.h"

#include <string.h>

#include "features/logmel.h"
#include "nn/quantise4.h"
#include "util/memory.h"
#include "whisper/fidelity.h"
#include "whisper/hearing.h"

#define HELD 256 /* rows that are gathered before they are multiplied */
#define MADE_UP_SECONDS 30

/** A layer whose inputs are observed. */
struct target {
    struct so_item item;
    const struct so_matrix *matrix; /* of the INT8 model */
    float *moments;                 /* [k][k] */
    float *rows;                    /* [HELD][k] */
    size_t held;
};

struct so_calibration {
    const struct so_model *model;
    struct so_pool *pool;
    const struct so_kernels *kernels;
    const float *samples;
    size_t n_samples, memory;
    float *made_up;
    struct target *targets;       /* [n_targets] in the file's order */
    size_t n_targets, first, end; /* observed: [first, end) */
    size_t widest;
    float *across, *panels,
        *product; /* scratch of multiply: [widest][HELD], [widest][HELD], [16][widest] a worker */
    struct so_moments *factored; /* of targets[current] */
    size_t current;
    float *scratch; /* [16][2 * widest] */
};

/** The matrix of an item in a model. */
static const struct so_matrix *matrix_of(const struct so_model *model, const struct so_item *item) {
    const char *place = item->layer < 0 ? (const char *)model
                        : item->decoder ? (const char *)&model->decoder[item->layer]
                                        : (const char *)&model->encoder[item->layer];
    return (const struct so_matrix *)(const void *)(place + item->slot);
}

static void drop(struct target *t) {
    so_free(t->moments);
    so_free(t->rows);
    t->moments = t->rows = NULL;
    t->held = 0;
}

void so_calibration_free(struct so_calibration *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_targets; i++) drop(&c->targets[i]);
    so_moments_free(c->factored);
    so_free(c->targets);
    so_free(c->made_up);
    so_free(c->across);
    so_free(c->panels);
    so_free(c->product);
    so_free(c->scratch);
    so_free(c);
}

static sotto_status find_targets(struct so_calibration *c, sotto_error *err) {
    const size_t count = so_item_count(&c->model->hp);
    c->targets = so_calloc(count, sizeof *c->targets);
    if (!c->targets) return so_fail_memory(err, count * sizeof *c->targets, "a calibration");
    for (size_t i = 0; i < count; i++) {
        struct target *t = &c->targets[c->n_targets];
        so_item_get(&c->model->hp, SO_INT4, i, &t->item);
        if ((t->item.kind != SO_ITEM_MATRIX && t->item.kind != SO_ITEM_CONV) || t->item.precision != SO_INT4)
            continue;
        t->matrix = matrix_of(c->model, &t->item);
        c->widest = so_max(c->widest, t->item.k);
        c->n_targets++;
    }
    return SOTTO_OK;
}

sotto_status so_calibration_create(const struct so_model *model, struct so_pool *pool, const float *samples,
                                   size_t n_samples, size_t memory, struct so_calibration **out,
                                   sotto_error *err) {
    struct so_calibration *c = so_calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return so_fail_memory(err, sizeof *c, "a calibration");
    c->model = model;
    c->pool = pool;
    c->kernels = so_kernels();
    c->samples = samples;
    c->n_samples = n_samples;
    c->memory = memory;
    sotto_status status = find_targets(c, err);
    if (!status) {
        const size_t made_up = samples ? 0 : MADE_UP_SECONDS * 16000;
        c->across = so_alloc(c->widest * HELD, sizeof(float));
        c->panels = so_alloc(c->widest * HELD, sizeof(float));
        c->product = so_alloc(so_pool_threads(pool) * 16 * c->widest, sizeof(float));
        c->scratch = so_alloc(16 * 2 * c->widest, sizeof(float));
        c->made_up = so_alloc(made_up + 1, sizeof(float));
        if (!c->across || !c->panels || !c->product || !c->scratch || !c->made_up)
            status = so_fail_memory(err, c->widest * HELD * 2 * sizeof(float), "a calibration");
        else if (!samples) {
            so_made_up_speech(c->made_up, made_up);
            c->samples = c->made_up;
            c->n_samples = made_up;
        }
    }
    if (status)
        so_calibration_free(c);
    else
        *out = c;
    return status;
}

/* ---- moments ---- */

struct multiply {
    struct so_calibration *c;
    struct target *t;
};

/** 16 rows of X' X. */
static void multiply_rows(void *context, size_t item, size_t worker) {
    const struct multiply *m = context;
    const size_t k = m->t->item.k, held = m->t->held;
    float *product = m->c->product + worker * 16 * m->c->widest;
    m->c->kernels->gemm_f32(16, k, held, m->c->across + item * 16 * held, held, m->c->panels, NULL, product,
                            k);
    m->c->kernels->add_f32(16, k, m->t->moments + item * 16 * k, k, product, k);
}

/** moments += X' X of the rows held. */
static void multiply(struct so_calibration *c, struct target *t) {
    const size_t k = t->item.k, held = t->held;
    struct multiply m = {c, t};
    if (!held) return;
    for (size_t r = 0; r < held; r++)
        for (size_t i = 0; i < k; i++) {
            c->across[i * held + r] = t->rows[r * k + i];
            c->panels[i / 16 * held * 16 + r * 16 + i % 16] = t->rows[r * k + i];
        }
    so_pool_run(c->pool, k / 16, multiply_rows, &m);
    t->held = 0;
}

static void observe(void *observer, const struct so_matrix *w, size_t rows, const struct so_rows *in) {
    struct so_calibration *c = observer;
    for (size_t i = c->first; i < c->end; i++) {
        struct target *t = &c->targets[i];
        const size_t k = t->item.k;
        if (t->matrix != w) continue;
        for (size_t r = 0; r < rows; r++) {
            float *to = t->rows + t->held++ * k;
            for (size_t j = 0; j < k; j++)
                to[j] = (float)((int)in->q[r * in->stride + j] - 128) * in->scale[r];
            if (t->held == HELD) multiply(c, t);
        }
    }
}

/** Moments of as many layers from `first` on as the memory holds. */
static sotto_status listen(struct so_calibration *c, size_t first, sotto_error *err) {
    size_t bytes = 0;
    for (size_t i = c->first; i < c->end; i++) drop(&c->targets[i]);
    c->first = c->end = first;
    while (c->end < c->n_targets) {
        struct target *t = &c->targets[c->end];
        const size_t k = t->item.k, size = k * (k + HELD) * sizeof(float);
        if (c->end > first && bytes + size > c->memory) break;
        t->moments = so_calloc(k * k, sizeof(float));
        t->rows = so_alloc(HELD * k, sizeof(float));
        bytes += size;
        c->end++;
        if (!t->moments || !t->rows) return so_fail_memory(err, size, "a layer's moments");
    }
    sotto_status status = so_hear_and_write(c->model, c->pool, c->samples, c->n_samples,
                                            SO_CALIBRATION_WINDOWS, observe, c, err);
    for (size_t i = c->first; !status && i < c->end; i++) {
        multiply(c, &c->targets[i]);
        so_free(c->targets[i].rows);
        c->targets[i].rows = NULL;
    }
    return status;
}

/* ---- rounding ---- */

/** The layer's moments, factored. */
static sotto_status prepare(struct so_calibration *c, const struct so_item *item, sotto_error *err) {
    size_t i = 0;
    if (c->factored && !strcmp(c->targets[c->current].item.name, item->name)) return SOTTO_OK;
    for (; i < c->n_targets && strcmp(c->targets[i].item.name, item->name); i++) continue;
    if (i == c->n_targets) return so_fail(err, SOTTO_ERR_ARGUMENT, "%s is not a layer", item->name);
    so_moments_free(c->factored);
    c->factored = NULL;
    sotto_status status = c->targets[i].moments ? SOTTO_OK : listen(c, i, err);
    if (status) return status;
    float *moments = c->targets[i].moments;
    c->targets[i].moments = NULL;
    c->current = i;
    status = so_moments_create(item->k, moments, &c->factored, err);
    return status ? status : so_moments_factor(c->factored, c->kernels, c->pool, err);
}

struct rounding {
    struct so_calibration *c;
    const float *w;
    int8_t *q;
    uint8_t *steps;
    float *scale;
};

static void round_row(void *context, size_t row, size_t worker) {
    const struct rounding *r = context;
    const size_t k = r->c->factored->k;
    (void)worker;
    so_quantise_s4(r->c->factored, r->c->kernels, r->w + row * k, r->c->scratch + row * 2 * r->c->widest,
                   r->q + row * k, r->steps + row * (k / SO_Q4_GROUP), r->scale + row);
}

sotto_status so_calibration_quantise(void *calibration, const struct so_item *item, uint32_t first,
                                     uint32_t rows, const float *w, int8_t *q, uint8_t *steps, float *scale,
                                     sotto_error *err) {
    struct so_calibration *c = calibration;
    struct rounding r = {c, w, q, steps, scale};
    (void)first;
    sotto_status status = prepare(c, item, err);
    if (!status) so_pool_run(c->pool, rows, round_row, &r);
    return status;
}
