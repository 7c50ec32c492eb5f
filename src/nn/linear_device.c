/* Linear layers whose sums a device computes. */
#include "backend/backend.h"
#include "nn/linear_job.h"
#include "nn/shape.h"
#include "util/memory.h"

/* Sums that a device computed. */
struct device_job {
    const struct so_linear_job *job;
    const int32_t *acc; /* [rows][lda] */
    size_t lda;
};

static void finish_rows(void *context, size_t item, size_t worker) {
    const struct device_job *d = context;
    size_t r = item * SO_ROW_BLOCK, n = so_min(SO_ROW_BLOCK, d->job->rows - r);
    so_linear_epilogue(d->job, r, n, 0, so_round_up(d->job->w->n, SO_LANES), d->acc + r * d->lda, d->lda,
                       so_nn_scratch(d->job->nn, worker));
}

static void finish(const struct so_linear_job *job, const int32_t *acc, size_t lda) {
    struct device_job d = {job, acc, lda};
    so_pool_run(job->nn->pool, (job->rows + SO_ROW_BLOCK - 1) / SO_ROW_BLOCK, finish_rows, &d);
}

static struct so_product product_of(const struct so_matrix *w, size_t rows, const struct so_rows *in) {
    return (struct so_product){.m = rows, .a = in->q, .lda = in->stride, .a_zero = 128, .b = {w->k, w->n, w->q, w->bsum}};
}

bool so_linear_wanted(const struct so_linear_job *job) {
    const struct so_matrix *w = job->w;
    return job->nn->backend && w->precision == SO_INT8 && so_backend_wants(job->nn->backend, job->rows, w->k, w->n, false);
}

struct so_ticket *so_linear_begin(const struct so_linear_job *job) {
    struct so_product product = product_of(job->w, job->rows, &job->in);
    struct so_ticket *ticket;
    return so_backend_submit(job->nn->backend, &product, 1, &ticket) ? ticket : NULL;
}

bool so_linear_end(const struct so_linear_job *job, struct so_ticket *ticket) {
    int32_t *acc;
    size_t lda;
    if (!ticket) return false;
    bool done = so_backend_wait(job->nn->backend, ticket, &acc, &lda);
    if (done) finish(job, acc, lda);
    so_backend_release(job->nn->backend, ticket);
    return done;
}

bool so_linear_on_device(const struct so_linear_job *job) { return so_linear_end(job, so_linear_begin(job)); }

/* ---- matrices side by side ---- */

#define BESIDE 32
/* What the result of a block may take: 8,192 columns of 1,500 rows are 50 MB. */
#define BLOCK_COLUMNS 8192

struct each {
    struct so_nn *nn;
    const struct so_matrix *const *w;
    size_t rows;
    const struct so_rows *in;
    float *y;
    size_t ldy;
    void (*call)(void *context, size_t i);
    void *context;
};

static struct so_linear_job job_of(const struct each *e, size_t i) {
    return (struct so_linear_job){
        .nn = e->nn, .w = e->w[i], .rows = e->rows, .in = *e->in, .epilogue = SO_STORE, .y = e->y, .ldy = e->ldy};
}

/* Matrices [first, first + n) in one product, if the device claims them; false: none of them was done. */
static bool as_block(const struct each *e, size_t first, size_t n) {
    struct so_panels beside[BESIDE];
    struct so_product product = product_of(e->w[first], e->rows, e->in);
    for (size_t i = 1; i < n; i++) {
        const struct so_matrix *w = e->w[first + i];
        beside[i - 1] = (struct so_panels){w->k, w->n, w->q, w->bsum};
    }
    product.beside = beside;
    product.n_beside = n - 1;
    struct so_ticket *ticket;
    int32_t *acc;
    size_t lda, column = 0;
    if (!so_backend_claims(e->nn->backend, &product)) return false;
    if (!so_backend_submit(e->nn->backend, &product, 1, &ticket)) return false;
    bool done = so_backend_wait(e->nn->backend, ticket, &acc, &lda);
    for (size_t i = first; i < first + n && done; i++) {
        struct so_linear_job job = job_of(e, i);
        finish(&job, acc + column, lda);
        column += so_round_up(e->w[i]->n, SO_LANES);
        e->call(e->context, i);
    }
    so_backend_release(e->nn->backend, ticket);
    return done;
}

/* How many matrices from `first` on make one block. */
static size_t block_length(const struct each *e, size_t first, size_t n) {
    size_t columns = 0, length = 0;
    while (first + length < n && length <= BESIDE && e->w[first + length]->precision == SO_INT8) {
        columns += so_round_up(e->w[first + length]->n, SO_LANES);
        if (length && columns > BLOCK_COLUMNS) break;
        length++;
    }
    return length;
}

bool so_linear_each(struct so_nn *nn, const struct so_matrix *const *w, size_t n, size_t rows, const struct so_rows *in, float *y, size_t ldy,
                    void (*call)(void *context, size_t i), void *context) {
    const struct each e = {nn, w, rows, in, y, ldy, call, context};
    bool all = true;
    for (size_t i = 0; i < n;) {
        size_t length = nn->backend ? block_length(&e, i, n) : 0;
        if (length > 1 && as_block(&e, i, length)) {
            i += length;
            continue;
        }
        all = so_linear(nn, w[i], rows, in, y, ldy) && all;
        call(context, i++);
    }
    return all;
}
