/* Layers one after another, in two parts of their rows where a device computes: what the host does for one part, it does while the
 * device multiplies the other. */
#include "nn/linear_job.h"
#include "nn/shape.h"
#include "util/memory.h"

#define PARTS 2

struct part {
    struct so_linear_job job;
    struct so_ticket *ticket;
};

struct pipeline {
    struct so_nn *nn;
    const struct so_stage *stages;
    size_t n, rows, first[PARTS + 1], n_parts;
    struct part part[PARTS]; /* the newest product of each */
    bool *by_device;
};

static void prepare(struct so_nn *nn, const struct so_stage *s, size_t first, size_t rows) {
    if (!s->x) return;
    struct so_rows in = so_rows_from(s->in, first);
    const float *x = s->x + first * s->ldx;
    if (s->norm)
        so_norm(nn, s->norm, rows, s->cols, x, s->ldx, &in);
    else
        so_quantize(nn, rows, s->cols, x, s->ldx, &in);
}

static struct so_linear_job job_of(struct so_nn *nn, const struct so_stage *s, size_t first, size_t rows) {
    struct so_linear_job job = {.nn = nn, .w = s->w, .rows = rows, .in = so_rows_from(s->in, first)};
    job.epilogue = s->out ? SO_GELU_Q8 : s->add ? SO_ADD : SO_STORE;
    if (s->out)
        job.out = so_rows_from(s->out, first);
    else
        job.y = s->y + first * s->ldy, job.ldy = s->ldy;
    return job;
}

/* All rows by the CPU, or by a device that takes them as they come. */
static bool run_whole(struct so_nn *nn, const struct so_stage *s, size_t first, size_t rows) {
    struct so_rows in = so_rows_from(s->in, first);
    if (s->out) {
        struct so_rows out = so_rows_from(s->out, first);
        return so_linear_gelu(nn, s->w, rows, &in, s->y + first * s->w->n, &out);
    }
    float *y = s->y + first * s->ldy;
    return s->add ? so_linear_add(nn, s->w, rows, &in, y, s->ldy) : so_linear(nn, s->w, rows, &in, y, s->ldy);
}

static void begin(struct pipeline *p, size_t item) {
    size_t at = item % p->n_parts, first = p->first[at], rows = p->first[at + 1] - first;
    const struct so_stage *s = &p->stages[item / p->n_parts];
    prepare(p->nn, s, first, rows);
    p->part[at].job = job_of(p->nn, s, first, rows);
    p->part[at].ticket = so_linear_begin(&p->part[at].job);
}

static void end(struct pipeline *p, size_t item) {
    size_t at = item % p->n_parts, stage = item / p->n_parts;
    struct part *part = &p->part[at];
    if (so_linear_end(&part->job, part->ticket)) return;
    if (p->by_device[stage]) p->nn->products.fallbacks++; /* once for both parts */
    p->by_device[stage] = false;
    struct so_backend *backend = p->nn->backend;
    p->nn->backend = NULL; /* this part has had its chance */
    run_whole(p->nn, &p->stages[stage], p->first[at], p->first[at + 1] - p->first[at]);
    p->nn->backend = backend;
}

/* Whether a device is to compute all of it, and there is enough to divide. */
static bool divisible(struct so_nn *nn, const struct so_stage *stages, size_t n, size_t rows) {
    if (!nn->backend || rows < SO_PART_LEAST) return false;
    for (size_t i = 0; i < n; i++) {
        struct so_linear_job job = job_of(nn, &stages[i], 0, rows);
        if (job.in.precision != SO_INT8 || !so_linear_wanted(&job)) return false;
    }
    return true;
}

void so_stages(struct so_nn *nn, const struct so_stage *stages, size_t n, size_t rows, bool *by_device) {
    if (!divisible(nn, stages, n, rows)) {
        for (size_t i = 0; i < n; i++) {
            prepare(nn, &stages[i], 0, rows);
            by_device[i] = run_whole(nn, &stages[i], 0, rows);
        }
        return;
    }
    struct pipeline p = {.nn = nn, .stages = stages, .n = n, .rows = rows, .n_parts = PARTS, .by_device = by_device};
    p.first[1] = so_round_up((rows + 1) / 2, SO_PART_UNIT);
    p.first[2] = rows;
    size_t items = n * PARTS;
    for (size_t i = 0; i < n; i++) by_device[i] = true;
    for (size_t i = 0; i < PARTS; i++) begin(&p, i);
    for (size_t i = 0; i < items; i++) {
        end(&p, i);
        if (i + PARTS < items) begin(&p, i + PARTS);
    }
}
