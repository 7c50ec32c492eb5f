/* Windows in groups: a group is one worker's, and its windows are the rows of each product of the recurrent
 * network. */
#include "diarize/segmentation.h"

#include <string.h>

#include "diarize/lstm.h"
#include "diarize/sincnet.h"
#include "util/dmath.h"
#include "util/memory.h"

#define MAX_REACH 480000 /* samples from the first window of a group to the last */
#define MAX_SAMPLES (MAX_REACH + SO_SEGMENT_SAMPLES)
#define MAX_RESPONSES ((MAX_SAMPLES - SO_SINC_TAPS) / SO_SINC_STRIDE + 1)
#define ROWS (SO_SEGMENT_FRAMES * SO_LSTM_BATCH)
#define WIDTH (2 * SO_LSTM_STATE)
#define HIDDEN 128
#define SLOPE 0.01f

struct scratch {
    float *samples, *mirrored; /* [MAX_SAMPLES] */
    float *responses;          /* [MAX_RESPONSES][80] */
    float *x, *y;              /* [ROWS][256] */
    uint8_t *q;                /* [ROWS][256] */
    float *scale;              /* [ROWS] */
    int32_t *acc;
    struct so_sincnet_scratch *sincnet;
    struct so_lstm_scratch *lstm;
};

struct so_segmentation {
    const struct so_networks *networks;
    struct so_pool *pool;
    struct so_backend *backend;
    size_t workers;
    struct scratch *scratch; /* [workers] */
    float ones[WIDTH], zeros[WIDTH];
};

static sotto_status reserve(struct scratch *s, sotto_error *err) {
    s->samples = so_alloc(MAX_SAMPLES, sizeof *s->samples);
    s->mirrored = so_alloc(MAX_SAMPLES, sizeof *s->mirrored);
    s->responses = so_alloc((size_t)MAX_RESPONSES * SO_SINC_FILTERS, sizeof *s->responses);
    s->x = so_alloc((size_t)ROWS * WIDTH, sizeof *s->x);
    s->y = so_alloc((size_t)ROWS * WIDTH, sizeof *s->y);
    s->q = so_alloc((size_t)ROWS * WIDTH, sizeof *s->q);
    s->scale = so_alloc(ROWS, sizeof *s->scale);
    s->acc = so_alloc(SO_PRODUCT_ROWS * SO_PRODUCT_COLUMNS, sizeof *s->acc);
    s->sincnet = so_alloc(1, sizeof *s->sincnet);
    s->lstm = so_alloc(1, sizeof *s->lstm);
    if (s->samples && s->mirrored && s->responses && s->x && s->y && s->q && s->scale && s->acc &&
        s->sincnet && s->lstm)
        return SOTTO_OK;
    return so_fail_memory(err, (size_t)MAX_RESPONSES * SO_SINC_FILTERS * sizeof(float),
                          "speaker segmentation");
}

sotto_status so_segmentation_create(const struct so_speakers *speakers, struct so_pool *pool,
                                    struct so_backend *backend, struct so_segmentation **out,
                                    sotto_error *err) {
    sotto_status status = SOTTO_OK;
    *out = NULL;
    struct so_segmentation *seg = so_calloc(1, sizeof *seg);
    if (!seg) return so_fail_memory(err, sizeof *seg, "speaker segmentation");
    seg->networks = so_speakers_networks(speakers);
    seg->pool = pool;
    seg->backend = backend;
    for (size_t i = 0; i < WIDTH; i++) seg->ones[i] = 1.0f;
    seg->scratch = so_calloc(so_pool_threads(pool), sizeof *seg->scratch);
    if (!seg->scratch) status = so_fail_memory(err, sizeof *seg->scratch, "speaker segmentation");
    for (; !status && seg->workers < so_pool_threads(pool); seg->workers++)
        status = reserve(&seg->scratch[seg->workers], err);
    if (status)
        so_segmentation_free(seg);
    else
        *out = seg;
    return status;
}

void so_segmentation_free(struct so_segmentation *seg) {
    if (!seg) return;
    for (size_t i = 0; seg->scratch && i < so_pool_threads(seg->pool); i++) {
        struct scratch *s = &seg->scratch[i];
        so_free(s->samples);
        so_free(s->mirrored);
        so_free(s->responses);
        so_free(s->x);
        so_free(s->y);
        so_free(s->q);
        so_free(s->scale);
        so_free(s->acc);
        so_free(s->sincnet);
        so_free(s->lstm);
    }
    so_free(seg->scratch);
    so_free(seg);
}

size_t so_segmentation_batch(const struct so_segmentation *seg) {
    return seg->workers * SO_LSTM_BATCH;
}

struct job {
    struct so_segmentation *seg;
    const float *samples;
    size_t n_samples, step, n_windows, group; /* windows of an item */
    float *out;
};

/* float [rows][cols] as `w` reads it. */
static struct so_activations rows_for(const struct so_worker *worker, const struct so_matrix *w, size_t rows,
                                      size_t cols, const float *x, struct scratch *s) {
    if (w->precision == SO_F32) return (struct so_activations){.f = x, .stride = cols};
    worker->kernels->quantize_q8(rows, cols, x, cols, s->q, cols, s->scale);
    return (struct so_activations){.q = s->q, .scale = s->scale, .stride = cols, .zero = 128};
}

/* logits: [7], in place. */
static void log_softmax(const struct so_kernels *k, float *logits) {
    const float max = k->max_f32(SO_SEGMENT_CLASSES, logits);
    const float shift = max + (float)so_log((double)k->sum_exp_f32(SO_SEGMENT_CLASSES, logits, max));
    for (size_t i = 0; i < SO_SEGMENT_CLASSES; i++) logits[i] -= shift;
}

/* The linear layers behind the recurrent ones: x [589][batch][256] to the windows' log-probabilities. */
static void classify(const struct job *job, const struct so_worker *worker, size_t batch, struct scratch *s,
                     float *out) {
    const struct so_segmentation_weights *w = &job->seg->networks->segmentation;
    const struct so_kernels *k = worker->kernels;
    const size_t rows = SO_SEGMENT_FRAMES * batch;
    struct so_activations in = rows_for(worker, &w->linear[0], rows, WIDTH, s->x, s);
    so_product(worker, &w->linear[0], rows, &in, s->y, HIDDEN);
    k->affine_leaky_f32(rows, HIDDEN, s->y, HIDDEN, job->seg->ones, job->seg->zeros, SLOPE, s->y, HIDDEN);
    in = rows_for(worker, &w->linear[1], rows, HIDDEN, s->y, s);
    so_product(worker, &w->linear[1], rows, &in, s->x, HIDDEN);
    k->affine_leaky_f32(rows, HIDDEN, s->x, HIDDEN, job->seg->ones, job->seg->zeros, SLOPE, s->x, HIDDEN);
    in = (struct so_activations){.f = s->x, .stride = HIDDEN};
    so_product(worker, &w->classifier, rows, &in, s->y, SO_LANES);
    for (size_t t = 0; t < SO_SEGMENT_FRAMES; t++)
        for (size_t b = 0; b < batch; b++) {
            float *to = out + (b * SO_SEGMENT_FRAMES + t) * SO_SEGMENT_CLASSES;
            memcpy(to, s->y + (t * batch + b) * SO_LANES, SO_SEGMENT_CLASSES * sizeof *to);
            log_softmax(k, to);
        }
}

static void run_group(void *context, size_t item, size_t worker_index) {
    const struct job *job = context;
    const struct so_segmentation_weights *w = &job->seg->networks->segmentation;
    struct scratch *s = &job->seg->scratch[worker_index];
    const struct so_worker worker = {so_kernels(), job->seg->backend, s->acc};
    const size_t first = item * job->group, batch = so_min(job->group, job->n_windows - first);
    const size_t start = first * job->step, length = (batch - 1) * job->step + SO_SEGMENT_SAMPLES;
    const size_t given = start < job->n_samples ? so_min(length, job->n_samples - start) : 0;
    if (given) memcpy(s->samples, job->samples + start, given * sizeof *s->samples);
    memset(s->samples + given, 0, (length - given) * sizeof *s->samples);
    for (size_t i = 0; i < length; i++) s->mirrored[length - 1 - i] = s->samples[i];
    so_sincnet_filter(&worker, w, s->samples, s->mirrored + length,
                      (length - SO_SINC_TAPS) / SO_SINC_STRIDE + 1, s->responses, s->sincnet);
    for (size_t b = 0; b < batch; b++)
        so_sincnet_window(&worker, w, s->samples + b * job->step,
                          s->responses + b * job->step / SO_SINC_STRIDE * SO_SINC_FILTERS,
                          s->x + b * SO_CONV_WIDE, batch * SO_CONV_WIDE, s->sincnet);
    for (int layer = 0; layer < SO_LSTM_LAYERS; layer++) {
        const struct so_matrix *input = &w->lstm[layer].input[0].main;
        const struct so_activations in =
            rows_for(&worker, input, SO_SEGMENT_FRAMES * batch, input->k, s->x, s);
        so_lstm_layer(&worker, &w->lstm[layer], SO_SEGMENT_FRAMES, batch, &in, s->y, s->lstm);
        float *swap = s->x;
        s->x = s->y;
        s->y = swap;
    }
    classify(job, &worker, batch, s, job->out + first * SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES);
}

sotto_status so_segment_windows(struct so_segmentation *seg, const float *samples, size_t n_samples,
                                size_t step, size_t n_windows, float *out, sotto_error *err) {
    if (n_windows > 1 && (step == 0 || step % SO_SEGMENT_STEP))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "windows every %zu samples, which is not a multiple of %d",
                       step, SO_SEGMENT_STEP);
    struct job job = {seg, samples, n_samples, n_windows > 1 ? step : 0, n_windows, SO_LSTM_BATCH, out};
    /* As even as can be among the workers, and not further apart than the scratch is long. */
    const size_t rounds = (n_windows + so_segmentation_batch(seg) - 1) / so_segmentation_batch(seg);
    if (rounds) job.group = so_max(1, (n_windows + rounds * seg->workers - 1) / (rounds * seg->workers));
    if (job.step) job.group = so_min(job.group, MAX_REACH / job.step + 1);
    so_pool_run(seg->pool, (n_windows + job.group - 1) / job.group, run_group, &job);
    return SOTTO_OK;
}

void so_segment_active(size_t frames, const float *log_probabilities, uint8_t *active) {
    static const uint8_t sets[SO_SEGMENT_CLASSES] = {0, 1, 2, 4, 1 | 2, 1 | 4, 2 | 4};
    for (size_t t = 0; t < frames; t++) {
        const float *p = log_probabilities + t * SO_SEGMENT_CLASSES;
        size_t best = 0;
        for (size_t i = 1; i < SO_SEGMENT_CLASSES; i++)
            if (p[i] > p[best]) best = i;
        active[t] = sets[best];
    }
}
