#include "diarize/embedding.h"

#include <math.h>
#include <string.h>

#include "diarize/dense.h"
#include "diarize/head.h"
#include "util/memory.h"

#define BLOCK 100 /* rows whose sums are kept in float */
#define POOLED 512

struct scratch {
    struct so_head_scratch head;
    struct so_dense_scratch dense;
    float *features; /* [frames][80] */
    float *scale;    /* [frames] */
    size_t frames;
    int32_t acc[SO_PRODUCT_ROWS * SO_PRODUCT_COLUMNS];
    bool failed; /* for want of memory */
};

struct so_embedding {
    const struct so_networks *networks;
    struct so_pool *pool;
    struct so_backend *backend;
    struct scratch **scratch; /* [workers] */
};

sotto_status so_embedding_create(const struct so_speakers *speakers, struct so_pool *pool,
                                 struct so_backend *backend, struct so_embedding **out, sotto_error *err) {
    const size_t workers = so_pool_threads(pool);
    *out = NULL;
    struct so_embedding *embedding = so_calloc(1, sizeof *embedding);
    if (!embedding) return so_fail_memory(err, sizeof *embedding, "speaker embeddings");
    embedding->networks = so_speakers_networks(speakers);
    embedding->pool = pool;
    embedding->backend = backend;
    embedding->scratch = so_calloc(workers, sizeof(struct scratch *));
    bool enough = embedding->scratch != NULL;
    for (size_t i = 0; enough && i < workers; i++)
        enough = (embedding->scratch[i] = so_calloc(1, sizeof(struct scratch))) != NULL;
    if (!enough) {
        so_embedding_free(embedding);
        return so_fail_memory(err, sizeof(struct scratch), "speaker embeddings");
    }
    *out = embedding;
    return SOTTO_OK;
}

void so_embedding_free(struct so_embedding *embedding) {
    if (!embedding) return;
    for (size_t i = 0; embedding->scratch && i < so_pool_threads(embedding->pool); i++) {
        struct scratch *s = embedding->scratch[i];
        if (!s) continue;
        so_head_release(&s->head);
        so_dense_release(&s->dense);
        so_free(s->features);
        so_free(s->scale);
        so_free(s);
    }
    so_free(embedding->scratch);
    so_free(embedding);
}

static bool reserve(struct scratch *s, size_t frames, enum so_precision precision) {
    if (frames > s->frames) {
        so_free(s->features);
        so_free(s->scale);
        s->features = so_alloc(frames * SO_FBANK_BANDS, sizeof *s->features);
        s->scale = so_alloc(frames, sizeof *s->scale);
        s->frames = s->features && s->scale ? frames : 0;
    }
    return s->frames >= frames && so_head_reserve(&s->head, frames, precision) &&
           so_dense_reserve(&s->dense, (frames + 1) / 2);
}

/* Sums of columns by blocks, in double: mean NULL for the values, else for the squares of their distance from
 * it. */
static void sum_columns(const struct so_kernels *k, size_t rows, size_t cols, const float *x, size_t ldx,
                        const float *mean, double *total) {
    float sum[POOLED];
    for (size_t c = 0; c < cols; c++) total[c] = 0.0;
    for (size_t r = 0; r < rows; r += BLOCK) {
        const size_t n = so_min(BLOCK, rows - r);
        memset(sum, 0, cols * sizeof *sum);
        if (mean)
            k->column_squares(n, cols, x + r * ldx, ldx, mean, sum);
        else
            k->column_sums(n, cols, x + r * ldx, ldx, sum);
        for (size_t c = 0; c < cols; c++) total[c] += (double)sum[c];
    }
}

/* The chosen rows without their mean. */
static void gather(const struct so_kernels *k, const struct so_embedding_item *item, float *out) {
    double total[SO_FBANK_BANDS];
    for (size_t t = 0; t < item->n_frames; t++) {
        const size_t row = item->frames ? item->frames[t] : t;
        memcpy(out + t * SO_FBANK_BANDS, item->fbank + row * SO_FBANK_BANDS, SO_FBANK_BANDS * sizeof *out);
    }
    sum_columns(k, item->n_frames, SO_FBANK_BANDS, out, SO_FBANK_BANDS, NULL, total);
    for (size_t c = 0; c < SO_FBANK_BANDS; c++) {
        const float mean = (float)(total[c] / (double)item->n_frames);
        for (size_t t = 0; t < item->n_frames; t++) out[t * SO_FBANK_BANDS + c] -= mean;
    }
}

/* Norm, ReLU, then mean and standard deviation of each of 512 columns: float [1024]. */
static void pool_rows(const struct so_kernels *k, const struct so_affine *norm, size_t rows, float *x,
                      float *pooled) {
    double total[POOLED];
    k->affine_leaky_f32(rows, POOLED, x, SO_DENSE_MAX_WIDTH, norm->factor, norm->shift, 0.0f, x,
                        SO_DENSE_MAX_WIDTH);
    sum_columns(k, rows, POOLED, x, SO_DENSE_MAX_WIDTH, NULL, total);
    for (size_t c = 0; c < POOLED; c++) pooled[c] = (float)(total[c] / (double)rows);
    sum_columns(k, rows, POOLED, x, SO_DENSE_MAX_WIDTH, pooled, total);
    for (size_t c = 0; c < POOLED; c++) pooled[POOLED + c] = (float)sqrt(total[c] / (double)(rows - 1));
}

static void embed(const struct so_embedding *embedding, const struct so_embedding_item *item,
                  struct scratch *s) {
    const struct so_embedding_weights *w = &embedding->networks->embedding;
    const struct so_worker worker = {so_kernels(), embedding->backend, s->acc};
    const size_t rows = (item->n_frames + 1) / 2;
    float pooled[2 * POOLED];
    gather(worker.kernels, item, s->features);
    const float scale = so_head_run(&worker, w, item->n_frames, s->features, &s->head);
    for (size_t t = 0; t < rows; t++) s->scale[t] = scale;
    struct so_activations in = {
        .f = s->head.out, .q = s->head.q_out, .scale = s->scale, .stride = 2 * SO_TDNN_IN};
    so_product(&worker, &w->tdnn, rows, &in, s->dense.columns[0], SO_DENSE_MAX_WIDTH);
    for (size_t t = 0; t < rows; t++)
        worker.kernels->relu_f32(SO_BOTTLENECK, s->dense.columns[0] + t * SO_DENSE_MAX_WIDTH);
    float *x = so_dense_run(&worker, w, rows, &s->dense);
    pool_rows(worker.kernels, &w->out_norm, rows, x, pooled);
    in = (struct so_activations){.f = pooled, .stride = 2 * POOLED};
    so_product(&worker, &w->out, 1, &in, item->out, SO_EMBEDDING_SIZE);
}

struct job {
    struct so_embedding *embedding;
    const struct so_embedding_item *items;
};

static void run_item(void *context, size_t index, size_t worker) {
    const struct job *job = context;
    struct scratch *s = job->embedding->scratch[worker];
    if (reserve(s, job->items[index].n_frames, job->embedding->networks->precision))
        embed(job->embedding, &job->items[index], s);
    else
        s->failed = true;
}

sotto_status so_embed(struct so_embedding *embedding, const struct so_embedding_item *items, size_t n,
                      sotto_error *err) {
    struct job job = {embedding, items};
    for (size_t i = 0; i < n; i++)
        if (items[i].n_frames < SO_EMBEDDING_MIN_FRAMES || items[i].n_frames > SO_EMBEDDING_MAX_FRAMES)
            return so_fail(err, SOTTO_ERR_ARGUMENT, "a voice of %zu frames; %d to %d can be told",
                           items[i].n_frames, SO_EMBEDDING_MIN_FRAMES, SO_EMBEDDING_MAX_FRAMES);
    so_pool_run(embedding->pool, n, run_item, &job);
    bool failed = false;
    for (size_t i = 0; i < so_pool_threads(embedding->pool); i++) {
        failed = failed || embedding->scratch[i]->failed;
        embedding->scratch[i]->failed = false;
    }
    return failed ? so_fail_memory(err, SO_EMBEDDING_MAX_FRAMES * sizeof(float), "speaker embeddings")
                  : SOTTO_OK;
}
