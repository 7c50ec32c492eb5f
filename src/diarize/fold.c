#include "diarize/fold.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/pack.h"
#include "util/dmath.h"
#include "util/memory.h"

#define NORM_EPSILON 1e-5
#define PI 3.14159265358979323846
#define SAMPLE_RATE 16000.0
#define SINC_MIN_LOW 50.0 /* Hz, and so is the least width of a band */
#define SINC_MIN_BAND 50.0

void so_fold_norm(size_t n, const float *weight, const float *bias, const float *mean, const float *var,
                  float *factor, float *shift) {
    for (size_t i = 0; i < n; i++) {
        const double f = (weight ? (double)weight[i] : 1.0) / sqrt((double)var[i] + NORM_EPSILON);
        factor[i] = (float)f;
        shift[i] = (float)((bias ? (double)bias[i] : 0.0) - (double)mean[i] * f);
    }
}

void so_fold_sinc(const float *low, const float *band, float *out) {
    const size_t half = SO_SINC_TAPS / 2, filters = SO_SINC_FILTERS / 2;
    for (size_t f = 0; f < filters; f++) {
        const double from = SINC_MIN_LOW + fabs((double)low[f]);
        const double to =
            fmin(fmax(from + SINC_MIN_BAND + fabs((double)band[f]), SINC_MIN_LOW), SAMPLE_RATE / 2);
        float *even = out + f * SO_SINC_TAPS, *odd = out + (filters + f) * SO_SINC_TAPS;
        even[half] = 1.0f;
        odd[half] = 0.0f;
        for (size_t i = 0; i < half; i++) {
            const double j = (double)i - (double)half,
                         hamming = 0.54 - 0.46 * so_cos_pi(2.0 * (double)i / (SO_SINC_TAPS - 1));
            const double weight = hamming / (PI * j / SAMPLE_RATE * 2.0 * (to - from));
            const double low_angle = 2.0 * from * j / SAMPLE_RATE, high_angle = 2.0 * to * j / SAMPLE_RATE;
            even[i] = (float)((so_sin_pi(high_angle) - so_sin_pi(low_angle)) * weight);
            odd[i] = (float)((so_cos_pi(low_angle) - so_cos_pi(high_angle)) * weight);
            even[SO_SINC_TAPS - 1 - i] = even[i];
            odd[SO_SINC_TAPS - 1 - i] = -odd[i];
        }
    }
}

size_t so_fold_sinc_order(size_t i) {
    const size_t half = SO_SINC_FILTERS / 2, left = half - SO_SINC_FOLDED;
    if (i < SO_SINC_FOLDED) return i;
    if (i < 2 * SO_SINC_FOLDED) return half + i - SO_SINC_FOLDED;
    i -= 2 * SO_SINC_FOLDED;
    return i < left ? SO_SINC_FOLDED + i : half + SO_SINC_FOLDED + i - left;
}

void so_fold_sinc_halves(const float *filters, float *even, float *odd, float *rest) {
    const size_t middle = SO_SINC_TAPS / 2;
    for (size_t f = 0; f < SO_SINC_FOLDED; f++) {
        const float *from = filters + f * SO_SINC_TAPS;
        memcpy(even + f * SO_SINC_HALF, from, middle * sizeof *even);
        even[f * SO_SINC_HALF + middle] = 0.5f * from[middle]; /* the folded middle is twice the sample */
        memcpy(odd + f * middle, from + SO_SINC_FOLDED * SO_SINC_TAPS, middle * sizeof *odd);
    }
    memcpy(rest, filters + 2 * SO_SINC_FOLDED * SO_SINC_TAPS, SO_SINC_WHOLE * SO_SINC_TAPS * sizeof *rest);
}

void so_fold_conv1d(const float *weight, size_t n, size_t channels, size_t taps, size_t wide, float *out) {
    memset(out, 0, n * taps * wide * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < taps; t++)
                out[(i * taps + t) * wide + c] = weight[(i * channels + c) * taps + t];
}

void so_fold_conv2d(const float *weight, size_t n, size_t channels, float *out) {
    so_fold_conv1d(weight, n, channels, 9, channels, out);
}

void so_fold_head_order(const float *weight, size_t n, size_t taps, float *out) {
    const size_t bands = SO_TDNN_IN / SO_HEAD_CHANNELS;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < SO_HEAD_CHANNELS; c++)
            for (size_t f = 0; f < bands; f++)
                for (size_t t = 0; t < taps; t++)
                    out[(i * taps + t) * SO_TDNN_IN + f * SO_HEAD_CHANNELS + c] =
                        weight[(i * SO_TDNN_IN + c * bands + f) * taps + t];
}

void so_fold_local(const float *weight, size_t channels, float *out) {
    for (size_t i = 0; i < SO_GROWTH; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < SO_LOCAL_TAPS; t++)
                out[(t * SO_GROWTH + i) * channels + c] = weight[(i * channels + c) * SO_LOCAL_TAPS + t];
}

void so_fold_rows(float *weight, size_t n, size_t k, const float *factor) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) weight[i * k + j] *= factor[i];
}

void so_fold_matrix(const struct so_matrix *m, const float *weight, const float *bias) {
    const size_t k = m->k;
    /* The image is the caller's own, seen through the views that readers get. */
    float *panels = (float *)(uintptr_t)m->f, *to_bias = (float *)(uintptr_t)m->bias;
    for (size_t n = 0; n < m->n; n += SO_PANEL) {
        const size_t rows = so_min(SO_PANEL, m->n - n);
        if (m->precision == SO_INT8)
            so_pack_s8(weight + n * k, rows, k, (int8_t *)(uintptr_t)m->q + n * so_round_up(k, 4),
                       (float *)(uintptr_t)m->scale + n, (int32_t *)(uintptr_t)m->bsum + n);
        else
            so_pack_f32(weight + n * k, rows, k, panels + n * k);
    }
    if (bias) memcpy(to_bias, bias, m->n * sizeof *bias);
}

/* What so_pack_s8 leaves of the weights. */
static void take_off(const struct so_matrix *m, float *weight) {
    const size_t groups = (m->k + 3) / 4;
    for (size_t n = 0; n < m->n; n++)
        for (size_t i = 0; i < m->k; i++) {
            const int8_t q = m->q[((n / SO_PANEL * groups + i / 4) * SO_PANEL + n % SO_PANEL) * 4 + i % 4];
            weight[n * m->k + i] -= (float)q * m->scale[n];
        }
}

void so_fold_fine(const struct so_fine_matrix *m, float *weight, const float *bias) {
    so_fold_matrix(&m->main, weight, bias);
    if (!m->rest.n) return;
    take_off(&m->main, weight);
    so_fold_matrix(&m->rest, weight, NULL);
}
