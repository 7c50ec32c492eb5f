#include "features/logmel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "backend/cpu/mel_tables.h"
#include "util/dmath.h"
#include "util/memory.h"

#define BLOCK SO_LANES                                           /**< frames of one kernel call */
#define BLOCK_SAMPLES ((BLOCK - 1) * SO_MEL_HOP + SO_MEL_WINDOW) /**< that it reads */
#define MAX_BLOCKS ((SO_MEL_FRAMES + BLOCK - 1) / BLOCK)
#define PAD (SO_MEL_WINDOW / 2) /**< frame t is centred on sample 160 t */
#define WORK_FLOATS ((SO_MEL_WINDOW + 2) * BLOCK)

struct scratch {
    float work[WORK_FLOATS];      /**< the kernel's: 64-byte aligned, as every scratch is */
    float samples[BLOCK_SAMPLES]; /**< a block that the window's borders cut */
};
_Static_assert(sizeof(struct scratch) % SO_ALIGNMENT == 0, "the next worker's scratch is aligned too");

struct so_logmel {
    struct so_mel_tables tables;
    uint16_t *tap_count;
    struct so_mel_tap *taps;
    float silence;           /**< log10 energy of a frame of zeros, as the kernel computes it */
    struct scratch *scratch; /**< [workers] */
    size_t workers;
    float block_max[MAX_BLOCKS];
};

/** One call of so_logmel_window, shared by the workers. */
struct job {
    struct so_logmel *logmel;
    const float *samples;             /**< [n_samples] */
    size_t n_samples, frames, length; /**< length = frames * 160 */
    size_t sounding;                  /**< frames from here on lie in the zeros */
    float *out;                       /**< [frames][n_mels] */
    float floor;
};

static void fill_tables(struct so_mel_tables *tables) {
    for (int i = 0; i < SO_MEL_WINDOW; i++)
        tables->window[i] = (float)(0.25 - 0.25 * so_cos_pi(2.0 * i / SO_MEL_WINDOW));
    for (int q = 0; q < 5; q++)
        for (int r = 0; r < 5; r++) {
            tables->twiddle25[5 * q + r][0] = (float)so_cos_pi(2.0 * (q * r) / 25.0);
            tables->twiddle25[5 * q + r][1] = (float)-so_sin_pi(2.0 * (q * r) / 25.0);
        }
    for (int k = 0; k <= 100; k++) {
        tables->twiddle400[k][0] = (float)so_cos_pi(2.0 * k / 400.0);
        tables->twiddle400[k][1] = (float)-so_sin_pi(2.0 * k / 400.0);
    }
    for (int k = 0; k < SO_MEL_POINTS; k++)
        tables->slot[k] = (uint8_t)((25 * (k % 8) + 8 * (k % 25)) % SO_MEL_POINTS);
}

/** The filters' products that are not zero. filters: [n_mels][201] */
static sotto_status fill_taps(struct so_logmel *logmel, const float *filters, size_t n_mels,
                              sotto_error *err) {
    size_t count = 0, i = 0;
    for (size_t j = 0; j < n_mels * SO_MEL_BINS; j++) count += filters[j] != 0.0f;
    logmel->tap_count = so_calloc(n_mels, sizeof *logmel->tap_count);
    logmel->taps = so_alloc(count, sizeof *logmel->taps);
    if (!logmel->tap_count || !logmel->taps)
        return so_fail_memory(err, count * sizeof *logmel->taps, "mel filters");
    for (size_t m = 0; m < n_mels; m++)
        for (size_t k = 0; k < SO_MEL_BINS; k++) {
            float weight = filters[m * SO_MEL_BINS + k];
            if (weight == 0.0f) continue;
            size_t slot = k < SO_MEL_POINTS ? logmel->tables.slot[k] : SO_MEL_POINTS;
            logmel->taps[i++] = (struct so_mel_tap){.offset = (uint32_t)(slot * 2 * BLOCK), .weight = weight};
            logmel->tap_count[m]++;
        }
    logmel->tables.n_mels = n_mels;
    logmel->tables.tap_count = logmel->tap_count;
    logmel->tables.taps = logmel->taps;
    return SOTTO_OK;
}

static sotto_status reserve(struct so_logmel *logmel, size_t workers, sotto_error *err) {
    if (workers <= logmel->workers) return SOTTO_OK;
    struct scratch *scratch = so_alloc(workers, sizeof *scratch);
    if (!scratch) return so_fail_memory(err, workers * sizeof *scratch, "the spectrogram");
    so_free(logmel->scratch);
    logmel->scratch = scratch;
    logmel->workers = workers;
    return SOTTO_OK;
}

sotto_status so_logmel_create(const float *filters, size_t n_mels, struct so_logmel **out, sotto_error *err) {
    *out = NULL;
    if (n_mels != 80 && n_mels != 128)
        return so_fail(err, SOTTO_ERR_MODEL, "a spectrogram of %zu mel bands instead of 80 or 128", n_mels);
    struct so_logmel *logmel = so_calloc(1, sizeof *logmel);
    if (!logmel) return so_fail_memory(err, sizeof *logmel, "the spectrogram");
    fill_tables(&logmel->tables);
    sotto_status status = fill_taps(logmel, filters, n_mels, err);
    if (status == SOTTO_OK) status = reserve(logmel, 1, err);
    if (status != SOTTO_OK) {
        so_logmel_free(logmel);
        return status;
    }
    float silent[128];
    memset(logmel->scratch->samples, 0, sizeof logmel->scratch->samples);
    logmel->silence =
        so_kernels()->logmel16(&logmel->tables, 1, logmel->scratch->samples, logmel->scratch->work, silent);
    *out = logmel;
    return SOTTO_OK;
}

void so_logmel_free(struct so_logmel *logmel) {
    if (!logmel) return;
    so_free(logmel->tap_count);
    so_free(logmel->taps);
    so_free(logmel->scratch);
    so_free(logmel);
}

const struct so_mel_tables *so_logmel_tables(const struct so_logmel *logmel) {
    return &logmel->tables;
}

/** Sample i of the padded window: mirrored at both ends, zero where none was given. */
static float sample_at(const struct job *job, ptrdiff_t i) {
    if (i < 0) i = -i;
    if ((size_t)i >= job->length) i = 2 * ((ptrdiff_t)job->length - 1) - i;
    /* What would be mirrored twice is read only by lanes past the last frame. */
    return i >= 0 && (size_t)i < job->n_samples ? job->samples[i] : 0.0f;
}

static void transform_block(void *context, size_t block, size_t worker) {
    struct job *job = context;
    struct scratch *scratch = &job->logmel->scratch[worker];
    size_t first = block * BLOCK, frames = so_min(BLOCK, job->frames - first);
    ptrdiff_t start = (ptrdiff_t)(first * SO_MEL_HOP) - PAD;
    const float *samples = scratch->samples;
    if (start >= 0 && (size_t)start + BLOCK_SAMPLES <= job->n_samples)
        samples = job->samples + start;
    else
        for (ptrdiff_t i = 0; i < BLOCK_SAMPLES; i++) scratch->samples[i] = sample_at(job, start + i);
    size_t n_mels = job->logmel->tables.n_mels;
    job->logmel->block_max[block] = so_kernels()->logmel16(&job->logmel->tables, frames, samples,
                                                           scratch->work, job->out + first * n_mels);
}

static void scale_block(void *context, size_t block, size_t worker) {
    (void)worker;
    struct job *job = context;
    size_t first = block * BLOCK, n = so_min(BLOCK, job->frames - first) * job->logmel->tables.n_mels;
    float *out = job->out + first * job->logmel->tables.n_mels;
    if (first >= job->sounding)
        for (size_t i = 0; i < n; i++) out[i] = job->logmel->silence;
    so_kernels()->logmel_scale(n, job->floor, out);
}

static void run(struct so_pool *pool, size_t items, so_pool_task *task, struct job *job) {
    if (pool)
        so_pool_run(pool, items, task, job);
    else
        for (size_t i = 0; i < items; i++) task(job, i, 0);
}

sotto_status so_logmel_window(struct so_logmel *logmel, struct so_pool *pool, const float *samples,
                              size_t n_samples, size_t frames, float *out, sotto_error *err) {
    if (frames < 2 || frames > SO_MEL_FRAMES || frames % 2 || n_samples > frames * SO_MEL_HOP)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a spectrogram of %zu frames from %zu samples", frames,
                       n_samples);
    sotto_status status = reserve(logmel, pool ? so_pool_threads(pool) : 1, err);
    if (status != SOTTO_OK) return status;

    while (n_samples && samples[n_samples - 1] == 0.0f) n_samples--;
    /* Frame t reaches the samples from 160 t - 200 on; blocks that reach none need no transform. */
    size_t blocks = (frames + BLOCK - 1) / BLOCK,
           reached = n_samples ? (n_samples - 1 + PAD) / SO_MEL_HOP + 1 : 0;
    size_t sounding = so_min(blocks, (reached + BLOCK - 1) / BLOCK);
    struct job job = {.logmel = logmel,
                      .samples = samples,
                      .n_samples = n_samples,
                      .frames = frames,
                      .length = frames * SO_MEL_HOP,
                      .sounding = sounding * BLOCK,
                      .out = out};
    run(pool, sounding, transform_block, &job);
    float max = sounding < blocks ? logmel->silence : -INFINITY;
    for (size_t b = 0; b < sounding; b++) max = fmaxf(max, logmel->block_max[b]);
    job.floor = max - 8.0f;
    run(pool, blocks, scale_block, &job);
    return SOTTO_OK;
}
