#include "audio/resample.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "audio/reader.h"
#include "backend/cpu/kernels.h"
#include "util/dmath.h"
#include "util/memory.h"

/*
 * The ideal low-pass sinc of cutoff 0.475 of the lower rate, halfway between the pass band's end (0.45) and
 * the stop band's start (0.5), under a Kaiser window. beta and the length follow Kaiser's formulas (Kaiser &
 * Schafer 1980) for 96 dB and a transition of 0.05: beta = 0.1102 (A - 8.7), length = (A - 7.95) / (2.285 * 2
 * pi * 0.05).
 */
#define CUTOFF 0.475
#define KAISER_BETA 9.62
#define KAISER_LENGTH 122.7 /**< samples of the lower rate */
#define KAISER_TERMS 28     /**< of the series of I0: the next is below 1e-16 of the sum */

/**
 * Filters of every phase are kept while there are no more than this and they fit; else neighbours are
 * interpolated.
 */
#define MAX_PHASES 1024
#define MAX_TABLE ((size_t)1 << 19)
/** Interpolated phases of one sample of the lower rate: leaves an error of 120 dB below the signal. */
#define INTERPOLATED_PHASES 1024

struct so_resampler {
    size_t taps;     /**< a multiple of 16; 0: equal rates, samples pass through */
    uint32_t step;   /**< rate_in / rate_out in lowest terms is step / phases: */
    uint32_t phases; /**< an output every so many input samples */
    uint32_t phase;  /**< of the next output, in [0, phases) */
    bool interpolate;
    size_t rows;  /**< of the table: phases, or the interpolated ones and one more for phase 1 */
    float *table; /**< [rows][taps] */
    float *fifo;  /**< [capacity]; the next output is made of fifo[start .. start+taps) */
    size_t start, length, capacity;
    uint64_t index; /**< input sample that the next output lies at or after */
    uint64_t total; /**< input samples so far */
    bool ended;
};

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b) {
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/**
 * One filter: row[k] weighs the sample k - (taps/2 - 1) of the one that the output lies `fraction` after.
 * `scratch`: double [taps].
 */
static void make_row(float *row, size_t taps, double cutoff, double fraction, double *scratch) {
    double half = (double)(taps / 2), first = -(half - 1.0) - fraction;
    double power = KAISER_BETA * KAISER_BETA / 4.0, coefficients[KAISER_TERMS];
    coefficients[0] = 1.0;
    for (int k = 1; k < KAISER_TERMS; k++) coefficients[k] = coefficients[k - 1] * power / ((double)k * k);
    for (size_t k = 0; k < taps; k++) { /* I0(beta sqrt(u)) is a power series in u */
        double x = (first + (double)k) / half, u = 1.0 - x * x, sum = coefficients[KAISER_TERMS - 1];
        for (int j = KAISER_TERMS - 2; j >= 0; j--) sum = sum * u + coefficients[j];
        scratch[k] = sum;
    }
    /* sin at equal steps by rotation: the error grows by one rounding a tap, far below a float's. */
    double sine = so_sin_pi(2.0 * cutoff * first), cosine = so_cos_pi(2.0 * cutoff * first);
    double step_sine = so_sin_pi(2.0 * cutoff), step_cosine = so_cos_pi(2.0 * cutoff), sum = 0.0;
    for (size_t k = 0; k < taps; k++) {
        double x = first + (double)k;
        bool centre = x > -1e-9 && x < 1e-9;
        scratch[k] *= centre ? 2.0 * cutoff * 3.14159265358979323846 : sine / x;
        sum += scratch[k];
        double next = sine * step_cosine + cosine * step_sine;
        cosine = cosine * step_cosine - sine * step_sine;
        sine = next;
    }
    for (size_t k = 0; k < taps; k++)
        row[k] = (float)(scratch[k] / sum); /* a constant comes out as it went in */
}

static sotto_status make_table(struct so_resampler *r, uint32_t rate_in, uint32_t rate_out,
                               sotto_error *err) {
    double ratio = rate_in > rate_out ? (double)rate_in / rate_out : 1.0;
    r->taps = so_round_up((size_t)(KAISER_LENGTH * ratio) + 1, SO_LANES);
    r->interpolate = r->phases > MAX_PHASES || r->phases * r->taps > MAX_TABLE;
    size_t divisions = r->interpolate ? (size_t)(INTERPOLATED_PHASES / ratio) + 1 : r->phases;
    r->rows = divisions + r->interpolate;
    r->table = so_alloc(r->rows * r->taps, sizeof(float));
    double *scratch = so_alloc(r->taps, sizeof(double));
    if (!r->table || !scratch) {
        so_free(scratch);
        return so_fail_memory(err, r->rows * r->taps * sizeof(float), "the resampler");
    }
    for (size_t row = 0; row < r->rows; row++)
        make_row(r->table + row * r->taps, r->taps, CUTOFF / ratio, (double)row / (double)divisions, scratch);
    so_free(scratch);
    return SOTTO_OK;
}

/** Room for `more` samples at the end of the fifo, whose used-up start is given back first. */
static sotto_status make_room(struct so_resampler *r, size_t more, sotto_error *err) {
    if (r->start) {
        memmove(r->fifo, r->fifo + r->start, (r->length - r->start) * sizeof(float));
        r->length -= r->start;
        r->start = 0;
    }
    if (more <= r->capacity - r->length) return SOTTO_OK;
    if (more > SIZE_MAX / 4 / sizeof(float) - r->length)
        return so_fail_memory(err, SIZE_MAX, "samples to resample");
    size_t capacity = so_max(2 * r->capacity, r->length + more);
    float *fifo = so_alloc(capacity, sizeof(float));
    if (!fifo) return so_fail_memory(err, capacity * sizeof(float), "samples to resample");
    if (r->length) memcpy(fifo, r->fifo, r->length * sizeof(float));
    so_free(r->fifo);
    r->fifo = fifo;
    r->capacity = capacity;
    return SOTTO_OK;
}

static sotto_status append(struct so_resampler *r, const float *samples, size_t n, sotto_error *err) {
    if (n == 0) return SOTTO_OK;
    sotto_status status = make_room(r, n, err);
    if (status != SOTTO_OK) return status;
    if (samples)
        memcpy(r->fifo + r->length, samples, n * sizeof(float));
    else
        memset(r->fifo + r->length, 0, n * sizeof(float));
    r->length += n;
    return SOTTO_OK;
}

sotto_status so_resampler_create(uint32_t rate_in, uint32_t rate_out, struct so_resampler **out,
                                 sotto_error *err) {
    *out = NULL;
    if (rate_in < SO_AUDIO_MIN_RATE || rate_in > SO_AUDIO_MAX_RATE || rate_out < SO_AUDIO_MIN_RATE ||
        rate_out > SO_AUDIO_MAX_RATE)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "cannot resample from %u to %u Hz: %d to %d are possible",
                       rate_in, rate_out, SO_AUDIO_MIN_RATE, SO_AUDIO_MAX_RATE);
    struct so_resampler *r = so_calloc(1, sizeof *r);
    if (!r) return so_fail_memory(err, sizeof *r, "the resampler");
    uint32_t divisor = greatest_common_divisor(rate_in, rate_out);
    r->step = rate_in / divisor;
    r->phases = rate_out / divisor;
    sotto_status status = SOTTO_OK;
    if (rate_in != rate_out) {
        status = make_table(r, rate_in, rate_out, err);
        if (status == SOTTO_OK) status = append(r, NULL, r->taps / 2 - 1, err); /* silence before the start */
    }
    if (status != SOTTO_OK) {
        so_resampler_free(r);
        return status;
    }
    *out = r;
    return SOTTO_OK;
}

void so_resampler_free(struct so_resampler *r) {
    if (!r) return;
    so_free(r->table);
    so_free(r->fifo);
    so_free(r);
}

static size_t pass_through(struct so_resampler *r, float *out, size_t capacity) {
    size_t n = so_min(capacity, r->length - r->start);
    if (n) memcpy(out, r->fifo + r->start, n * sizeof(float));
    r->start += n;
    return n;
}

/** Whether the next output can be made: its window is there, and it lies before the end. */
static bool ready(const struct so_resampler *r) {
    return r->length - r->start >= r->taps && !(r->ended && r->index >= r->total);
}

/**
 * Filter and samples of the next output, and how far it lies towards the next row; steps on to the output
 * after it.
 */
static void take_place(struct so_resampler *r, const float **row, const float **window, float *between) {
    size_t number = r->phase;
    if (r->interpolate) {
        uint64_t position = (uint64_t)r->phase * (r->rows - 1);
        number = (size_t)(position / r->phases);
        *between = (float)((double)(position % r->phases) / r->phases);
    }
    *row = r->table + number * r->taps;
    *window = r->fifo + r->start;
    uint32_t next = r->phase + r->step, whole = next / r->phases;
    r->phase = next % r->phases;
    r->start += whole;
    r->index += whole;
}

static size_t convert(struct so_resampler *r, float *out, size_t capacity) {
    const struct so_kernels *kernels = so_kernels();
    const float *row[4], *window[4];
    float between[4], low[4], high[4];
    size_t n = 0;
    while (n < capacity && ready(r)) {
        size_t count = 0;
        while (count < 4 && n + count < capacity && ready(r)) {
            take_place(r, &row[count], &window[count], &between[count]);
            count++;
        }
        for (size_t i = count; i < 4; i++) row[i] = row[0], window[i] = window[0]; /* computed for nothing */
        kernels->dot4_f32(r->taps, row, window, low);
        if (r->interpolate) {
            for (size_t i = 0; i < 4; i++) row[i] += r->taps;
            kernels->dot4_f32(r->taps, row, window, high);
            for (size_t i = 0; i < count; i++) low[i] = fmaf(between[i], high[i] - low[i], low[i]);
        }
        memcpy(out + n, low, count * sizeof *out);
        n += count;
    }
    return n;
}

sotto_status so_resampler_process(struct so_resampler *r, const float *in, size_t n_in, float *out,
                                  size_t capacity, size_t *n_out, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    *n_out = 0;
    if (!in && !r->ended) {
        r->ended = true;
        status = append(r, NULL, r->taps / 2, err); /* silence after the end */
    } else if (in && n_in) {
        if (r->ended) return so_fail(err, SOTTO_ERR_ARGUMENT, "samples after the end of the stream");
        status = append(r, in, n_in, err);
        if (status == SOTTO_OK) r->total += n_in;
    }
    if (status != SOTTO_OK) return status;
    *n_out = r->taps ? convert(r, out, capacity) : pass_through(r, out, capacity);
    return SOTTO_OK;
}
