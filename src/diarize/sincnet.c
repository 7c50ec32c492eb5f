/*
 * The wave form's normalisation is a factor and a shift, so it is done behind the filters: they are linear,
 * and their responses to the samples as they are can be shared by all windows that overlap.
 */
#include "diarize/sincnet.h"

#include <math.h>
#include <string.h>

#include "util/memory.h"

#define EPSILON 1e-5
#define SLOPE 0.01f
#define BLOCK 100 /* rows whose sums are kept in float */

/*
 * Filters are even or odd around their middle, so that 251 products are 126 or 125 of sums or differences.
 * Forty of each are two and a half panels: the halves share a panel and see the samples as they are.
 */
void so_sincnet_filter(const struct so_worker *worker, const struct so_segmentation_weights *w,
                       const float *samples, const float *mirrored, size_t count, float *responses,
                       struct so_sincnet_scratch *scratch) {
    const struct so_activations even = {.f = scratch->even, .stride = SO_SINC_WIDE},
                                odd = {.f = scratch->odd, .stride = SO_SINC_WIDE};
    for (size_t first = 0; first < count; first += SO_SINC_ROWS) {
        const size_t rows = so_min(SO_SINC_ROWS, count - first);
        const float *x = samples + first * SO_SINC_STRIDE;
        const struct so_activations whole = {.f = x, .stride = SO_SINC_STRIDE};
        float *y = responses + first * SO_SINC_FILTERS;
        worker->kernels->fold_f32(rows, SO_SINC_WIDE, x, SO_SINC_STRIDE,
                                  mirrored - SO_SINC_TAPS - first * SO_SINC_STRIDE, scratch->even,
                                  scratch->odd);
        so_product(worker, &w->sinc_even, rows, &even, y, SO_SINC_FILTERS);
        so_product(worker, &w->sinc_odd, rows, &odd, y + SO_SINC_FOLDED, SO_SINC_FILTERS);
        so_product(worker, &w->sinc_rest, rows, &whole, y + 2 * SO_SINC_FOLDED, SO_SINC_FILTERS);
    }
}

/* Mean and variance of each column of x [rows][cols], cols <= SO_SINC_FILTERS. */
static void statistics(const struct so_kernels *k, size_t rows, size_t cols, const float *x, double *mean,
                       double *variance) {
    double total[SO_SINC_FILTERS] = {0};
    float sum[SO_SINC_FILTERS], centre[SO_SINC_FILTERS];
    for (size_t r = 0; r < rows; r += BLOCK) {
        memset(sum, 0, sizeof sum);
        k->column_sums(so_min(BLOCK, rows - r), cols, x + r * cols, cols, sum);
        for (size_t c = 0; c < cols; c++) total[c] += (double)sum[c];
    }
    for (size_t c = 0; c < cols; c++) {
        centre[c] = (float)(total[c] / (double)rows);
        mean[c] = (double)centre[c];
        total[c] = 0.0;
    }
    for (size_t r = 0; r < rows; r += BLOCK) {
        memset(sum, 0, sizeof sum);
        k->column_squares(so_min(BLOCK, rows - r), cols, x + r * cols, cols, centre, sum);
        for (size_t c = 0; c < cols; c++) total[c] += (double)sum[c];
    }
    for (size_t c = 0; c < cols; c++) variance[c] = total[c] / (double)rows;
}

/* Instance norm and leaky ReLU of x [rows][cols] to y. norm: [2][cols]. */
static void normalise(const struct so_kernels *k, size_t rows, size_t cols, const float *x, const float *norm,
                      float *y, size_t ldy) {
    double mean[SO_SINC_FILTERS], variance[SO_SINC_FILTERS];
    float factor[SO_SINC_FILTERS], shift[SO_SINC_FILTERS];
    statistics(k, rows, cols, x, mean, variance);
    for (size_t c = 0; c < cols; c++) {
        const double f = (double)norm[c] / sqrt(variance[c] + EPSILON);
        factor[c] = (float)f;
        shift[c] = (float)((double)norm[cols + c] - mean[c] * f);
    }
    k->affine_leaky_f32(rows, cols, x, cols, factor, shift, SLOPE, y, ldy);
}

/* What the normalisation of the wave form makes of the responses: times *factor, plus shift[filter]. */
static void wave_norm(const struct so_kernels *k, const struct so_segmentation_weights *w,
                      const float *samples, float *factor, float *shift) {
    double mean[SO_LANES], variance[SO_LANES], all = 0.0, spread = 0.0;
    statistics(k, SO_SEGMENT_SAMPLES / SO_LANES, SO_LANES, samples, mean, variance);
    for (size_t i = 0; i < SO_LANES; i++) all += mean[i] / SO_LANES;
    for (size_t i = 0; i < SO_LANES; i++)
        spread += (variance[i] + (mean[i] - all) * (mean[i] - all)) / SO_LANES;
    const double f = (double)w->wave[0] / sqrt(spread + EPSILON), s = (double)w->wave[1] - all * f;
    *factor = (float)f;
    for (size_t c = 0; c < SO_SINC_FILTERS; c++) shift[c] = (float)(s * (double)w->sinc_sum[c]);
}

void so_sincnet_window(const struct so_worker *worker, const struct so_segmentation_weights *w,
                       const float *samples, const float *responses, float *out, size_t stride,
                       struct so_sincnet_scratch *scratch) {
    const struct so_kernels *k = worker->kernels;
    float factor, shift[SO_SINC_FILTERS];
    float *rows = scratch->rows, *conv = scratch->conv;
    wave_norm(k, w, samples, &factor, shift);
    k->pool3_abs_f32(SO_POOLED, SO_SINC_FILTERS, responses, SO_SINC_FILTERS, factor, shift, rows,
                     SO_SINC_FILTERS);
    normalise(k, SO_POOLED, SO_SINC_FILTERS, rows, w->norm[0], rows, SO_SINC_FILTERS);

    size_t count = SO_POOLED - (SO_CONV_TAPS - 1);
    const struct so_activations first = {.f = rows, .stride = SO_SINC_FILTERS},
                                second = {.f = rows, .stride = SO_CONV_WIDE};
    so_product(worker, &w->conv[0], count, &first, conv, SO_CONV_WIDE);
    count /= 3;
    k->pool3_f32(count, SO_CONV_WIDE, conv, SO_CONV_WIDE, conv, SO_CONV_WIDE);
    normalise(k, count, SO_CONV_WIDE, conv, w->norm[1], rows, SO_CONV_WIDE);

    count -= SO_CONV_TAPS - 1;
    so_product(worker, &w->conv[1], count, &second, conv, SO_CONV_WIDE);
    count /= 3;
    k->pool3_f32(count, SO_CONV_WIDE, conv, SO_CONV_WIDE, conv, SO_CONV_WIDE);
    normalise(k, count, SO_CONV_WIDE, conv, w->norm[2], out, stride);
}
