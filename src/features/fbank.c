#include "features/fbank.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/fbank_tables.h"
#include "backend/cpu/kernels.h"
#include "util/dmath.h"
#include "util/memory.h"

#define POINTS 512
#define BINS (POINTS / 2) /* the filters leave out the highest frequency */
#define BLOCK SO_LANES
#define BLOCK_SAMPLES ((BLOCK - 1) * SO_FBANK_HOP + SO_FBANK_WINDOW)
#define MAX_TAPS (2 * BINS) /* each frequency is in two filters at the most */
#define LOW 20.0
#define HIGH 8000.0
#define SAMPLE_RATE 16000.0

struct scratch {
    float work[2 * BINS * BLOCK];
    float samples[BLOCK_SAMPLES];
};
_Static_assert(sizeof(struct scratch) % SO_ALIGNMENT == 0, "the next worker's scratch is aligned too");

struct so_fbank {
    struct so_fbank_tables tables;
    uint16_t tap_count[SO_FBANK_BANDS];
    struct so_mel_tap taps[MAX_TAPS];
    struct scratch *scratch; /* [workers] */
    size_t workers;
};

static double mel(double hz) {
    return 1127.0 * so_log(1.0 + hz / 700.0);
}

static void fill_filters(struct so_fbank *fbank) {
    const double low = mel(LOW), step = (mel(HIGH) - low) / (SO_FBANK_BANDS + 1);
    size_t used = 0;
    for (int m = 0; m < SO_FBANK_BANDS; m++) {
        const double left = low + m * step, centre = left + step, right = centre + step;
        for (int k = 0; k < BINS; k++) {
            const double at = mel(k * SAMPLE_RATE / POINTS);
            if (at <= left || at >= right || used == MAX_TAPS) continue;
            const double weight = at <= centre ? (at - left) / step : (right - at) / step;
            fbank->taps[used++] = (struct so_mel_tap){.offset = (uint32_t)fbank->tables.slot[k] * 2 * BLOCK,
                                                      .weight = (float)weight};
            fbank->tap_count[m]++;
        }
    }
}

static void fill_tables(struct so_fbank *fbank) {
    struct so_fbank_tables *t = &fbank->tables;
    for (int i = 0; i < SO_FBANK_WINDOW; i++) {
        const double hann = 0.5 - 0.5 * so_cos_pi(2.0 * i / (SO_FBANK_WINDOW - 1));
        t->window[i] = hann > 0.0 ? (float)(0.5 * so_exp(0.85 * so_log(hann))) : 0.0f;
    }
    for (int k = 0; k < BINS; k++) {
        t->twiddle[k][0] = (float)so_cos_pi(2.0 * k / POINTS);
        t->twiddle[k][1] = (float)-so_sin_pi(2.0 * k / POINTS);
        for (int bit = 0; bit < 8; bit++) t->slot[k] |= (uint8_t)((k >> bit & 1) << (7 - bit));
    }
    fill_filters(fbank);
    t->tap_count = fbank->tap_count;
    t->taps = fbank->taps;
}

static sotto_status reserve(struct so_fbank *fbank, size_t workers, sotto_error *err) {
    if (workers <= fbank->workers) return SOTTO_OK;
    struct scratch *scratch = so_calloc(workers, sizeof *scratch);
    if (!scratch) return so_fail_memory(err, workers * sizeof *scratch, "filter banks");
    so_free(fbank->scratch);
    fbank->scratch = scratch;
    fbank->workers = workers;
    return SOTTO_OK;
}

sotto_status so_fbank_create(struct so_fbank **out, sotto_error *err) {
    *out = NULL;
    struct so_fbank *fbank = so_calloc(1, sizeof *fbank);
    if (!fbank) return so_fail_memory(err, sizeof *fbank, "filter banks");
    fill_tables(fbank);
    *out = fbank;
    return SOTTO_OK;
}

void so_fbank_free(struct so_fbank *fbank) {
    if (!fbank) return;
    so_free(fbank->scratch);
    so_free(fbank);
}

struct job {
    struct so_fbank *fbank;
    const float *samples; /* [160*(n_frames - 1) + 400] */
    size_t n_frames;
    float *out; /* [n_frames][80] */
};

static void compute_block(void *context, size_t block, size_t worker) {
    const struct job *job = context;
    struct scratch *scratch = &job->fbank->scratch[worker];
    const size_t first = block * BLOCK, frames = so_min(BLOCK, job->n_frames - first);
    const float *samples = job->samples + first * SO_FBANK_HOP;
    if (frames < BLOCK) { /* the kernel reads all of a block's samples, which are not there at the end */
        const size_t given = (frames - 1) * SO_FBANK_HOP + SO_FBANK_WINDOW;
        memset(scratch->samples, 0, sizeof scratch->samples);
        memcpy(scratch->samples, samples, given * sizeof *samples);
        samples = scratch->samples;
    }
    so_kernels()->fbank16(&job->fbank->tables, frames, samples, scratch->work,
                          job->out + first * SO_FBANK_BANDS);
}

sotto_status so_fbank_compute(struct so_fbank *fbank, struct so_pool *pool, const float *samples,
                              size_t n_frames, float *out, sotto_error *err) {
    struct job job = {fbank, samples, n_frames, out};
    const size_t blocks = (n_frames + BLOCK - 1) / BLOCK;
    sotto_status status = reserve(fbank, pool ? so_pool_threads(pool) : 1, err);
    if (status) return status;
    if (pool)
        so_pool_run(pool, blocks, compute_block, &job);
    else
        for (size_t i = 0; i < blocks; i++) compute_block(&job, i, 0);
    return SOTTO_OK;
}
