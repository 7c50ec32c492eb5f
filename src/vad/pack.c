/* Checks of the tensors' values, and their packing. */
#include <math.h>
#include <stdbool.h>

#include "util/memory.h"
#include "vad/layers.h"

#define STFT_TOLERANCE 1e-6f /* the window and its products are at most 1 */

struct tensor {
    const float *values;
    size_t count;
};

static bool all_finite(const struct so_vad_tensors *t) {
    const struct tensor all[] = {
        {t->stft, 2 * SO_VAD_BINS * SO_VAD_WINDOW},
        {t->conv1_weight, 128 * SO_VAD_BINS * 3},
        {t->conv1_bias, 128},
        {t->conv2_weight, 64 * 128 * 3},
        {t->conv2_bias, 64},
        {t->conv3_weight, 64 * 64 * 3},
        {t->conv3_bias, 64},
        {t->conv4_weight, 128 * 64 * 3},
        {t->conv4_bias, 128},
        {t->weight_ih, SO_VAD_GATES * 128},
        {t->weight_hh, SO_VAD_GATES * 128},
        {t->bias_ih, SO_VAD_GATES},
        {t->bias_hh, SO_VAD_GATES},
        {t->final_weight, 128},
        {t->final_bias, 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t j = 0; j < all[i].count; j++)
            if (!isfinite(all[i].values[j])) return false;
    return true;
}

static bool alike(float a, float b) {
    return fabsf(a - b) <= STFT_TOLERANCE;
}

/* Whether the rows of bin k have the symmetries that spectrum.c uses. */
static bool bin_is_symmetric(const float *stft, size_t k) {
    const float *c = stft + k * SO_VAD_WINDOW, *s = stft + (SO_VAD_BINS + k) * SO_VAD_WINDOW;
    const float *c_mirror = stft + (128 - k) * SO_VAD_WINDOW,
                *s_mirror = stft + (SO_VAD_BINS + 128 - k) * SO_VAD_WINDOW;
    if (!alike(c[0], 0.0f) || !alike(s[0], 0.0f) || !alike(s[128], 0.0f)) return false;
    for (size_t n = 1; n < SO_VAD_WINDOW; n++) {
        const float sign = n % 2 ? -1.0f : 1.0f;
        if (!alike(c[n], c[SO_VAD_WINDOW - n]) || !alike(s[n], -s[SO_VAD_WINDOW - n])) return false;
        if (!alike(c_mirror[n], sign * c[n]) || !alike(s_mirror[n], -sign * s[n])) return false;
        if (k == 0 && !alike(s[n], 0.0f)) return false;
    }
    return true;
}

static bool stft_is_symmetric(const float *stft) {
    for (size_t k = 0; k < SO_VAD_BINS; k++)
        if (!bin_is_symmetric(stft, k)) return false;
    return true;
}

/* Where the next array goes; `next` is NULL while the size is only counted. */
struct packer {
    float *next;
    size_t used;
};

static float *reserve(struct packer *p, size_t count) {
    float *at = p->next ? p->next + p->used : NULL;
    p->used += so_round_up(count, SO_ALIGNMENT / sizeof(float));
    return at;
}

static size_t wide(size_t n) {
    return so_round_up(n, SO_LANES);
}

static const float *put_bias(struct packer *p, size_t n, const float *a, const float *b /* or NULL */) {
    float *out = reserve(p, wide(n));
    for (size_t i = 0; out && i < n; i++) out[i] = b ? a[i] + b[i] : a[i];
    return out;
}

/* Element (k, n) of float panels with K inputs. */
static float *element(float *panels, size_t inputs, size_t k, size_t n) {
    return panels + (n / SO_LANES * inputs + k) * SO_LANES + n % SO_LANES;
}

/* Taps [first, first + taps) of a convolution's weight [n][channels][3]; input tap*channels + c. */
static const float *put_conv(struct packer *p, const float *weight, size_t n, size_t channels, size_t first,
                             size_t taps) {
    const size_t inputs = taps * channels;
    float *out = reserve(p, wide(n) * inputs);
    if (!out) return NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < channels; c++) {
                const size_t from = channels == SO_VAD_BINS ? so_vad_bin(c) : c;
                *element(out, inputs, t * channels + c, i) = weight[(i * channels + from) * 3 + first + t];
            }
    return out;
}

/* weight [n][inputs]. */
static const float *put_linear(struct packer *p, const float *weight, size_t n, size_t inputs) {
    float *out = reserve(p, wide(n) * inputs);
    for (size_t i = 0; out && i < n; i++)
        for (size_t k = 0; k < inputs; k++) *element(out, inputs, k, i) = weight[i * inputs + k];
    return out;
}

/* Bins 0 .. n-1 at every other sample from `start` on. first_bin: the bin in the place of bin 0. */
static const float *put_spectrum(struct packer *p, const float *rows, size_t n, size_t start,
                                 size_t first_bin) {
    float *out = reserve(p, wide(n) * SO_VAD_HALF);
    for (size_t i = 0; out && i < n; i++)
        for (size_t m = 0; m < SO_VAD_HALF; m++)
            *element(out, SO_VAD_HALF, m, i) = rows[(i ? i : first_bin) * SO_VAD_WINDOW + start + 2 * m];
    return out;
}

static void put_all(struct packer *p, const struct so_vad_tensors *t, struct so_vad_weights *w) {
    const float *sines = t->stft + SO_VAD_BINS * SO_VAD_WINDOW;
    w->cos_even = put_spectrum(p, t->stft, 65, 2, 0);
    w->cos_odd = put_spectrum(p, t->stft, 64, 1, 0);
    w->sin_even = put_spectrum(p, sines, 64, 2, 0);
    w->sin_odd = put_spectrum(p, sines, 64, 1, 64);
    w->conv1_first = put_conv(p, t->conv1_weight, 128, SO_VAD_BINS, 1, 2);
    w->conv1_middle = put_conv(p, t->conv1_weight, 128, SO_VAD_BINS, 0, 3);
    w->conv1_last = put_conv(p, t->conv1_weight, 128, SO_VAD_BINS, 0, 2);
    w->conv1_bias = put_bias(p, 128, t->conv1_bias, NULL);
    w->conv2_first = put_conv(p, t->conv2_weight, 64, 128, 1, 2);
    w->conv2_last = put_conv(p, t->conv2_weight, 64, 128, 0, 3);
    w->conv2_bias = put_bias(p, 64, t->conv2_bias, NULL);
    w->conv3 = put_conv(p, t->conv3_weight, 64, 64, 1, 2);
    w->conv3_bias = put_bias(p, 64, t->conv3_bias, NULL);
    w->conv4 = put_conv(p, t->conv4_weight, 128, 64, 1, 1);
    w->conv4_bias = put_bias(p, 128, t->conv4_bias, NULL);
    w->input = put_linear(p, t->weight_ih, SO_VAD_GATES, 128);
    w->input_bias = put_bias(p, SO_VAD_GATES, t->bias_ih, t->bias_hh);
    w->recurrent = put_linear(p, t->weight_hh, SO_VAD_GATES, SO_VAD_STATE);
    w->final = put_linear(p, t->final_weight, 1, SO_VAD_STATE);
    w->final_bias = put_bias(p, 1, t->final_bias, NULL);
}

sotto_status so_vad_weights_pack(const struct so_vad_tensors *tensors, struct so_vad_weights **out,
                                 sotto_error *err) {
    *out = NULL;
    if (!all_finite(tensors))
        return so_fail(err, SOTTO_ERR_MODEL, "a weight is not a finite number");
    if (!stft_is_symmetric(tensors->stft))
        return so_fail(err, SOTTO_ERR_MODEL,
                       "stft_conv.weight is not a windowed Fourier transform");
    struct so_vad_weights *w = so_calloc(1, sizeof *w);
    if (!w) return so_fail_memory(err, sizeof *w, "speech detection");
    struct packer packer = {NULL, 0};
    put_all(&packer, tensors, w);
    w->memory = so_calloc(packer.used, sizeof *w->memory); /* zeros: the padding of the panels */
    if (!w->memory) {
        so_vad_weights_free(w);
        return so_fail_memory(err, packer.used * sizeof *w->memory, "speech detection");
    }
    packer = (struct packer){w->memory, 0};
    put_all(&packer, tensors, w);
    *out = w;
    return SOTTO_OK;
}

void so_vad_weights_free(struct so_vad_weights *weights) {
    if (!weights) return;
    so_free(weights->memory);
    so_free(weights);
}
