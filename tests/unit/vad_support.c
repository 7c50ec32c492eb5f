#include "vad_support.h"

#include <math.h>
#include <string.h>

#include "util/dmath.h"

uint32_t next_bits(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    uint32_t x = *state; /* the low bits of such a generator have short periods */
    x ^= x >> 16;
    x *= 0x7feb352du;
    return x ^ x >> 15;
}

float next_float(uint32_t *state) {
    return (float)(int32_t)(next_bits(state) & ~0xffu) * 0x1p-31f;
}

static void fill(float *x, size_t n, float scale, uint32_t *state) {
    for (size_t i = 0; i < n; i++) x[i] = scale * next_float(state);
}

void make_weights(struct made_weights *w, uint32_t seed) {
    uint32_t state = seed;
    for (int k = 0; k < 129; k++)
        for (int n = 0; n < 256; n++) {
            const double window = 0.5 - 0.5 * so_cos_pi(n / 128.0);
            w->stft[k * 256 + n] = (float)(window * so_cos_pi(k * n / 128.0));
            w->stft[(129 + k) * 256 + n] = (float)(window * so_sin_pi(k * n / 128.0));
        }
    fill(w->conv1_weight, 128 * 129 * 3, 0.05f, &state);
    fill(w->conv1_bias, 128, 0.5f, &state);
    fill(w->conv2_weight, 64 * 128 * 3, 0.1f, &state);
    fill(w->conv2_bias, 64, 0.5f, &state);
    fill(w->conv3_weight, 64 * 64 * 3, 0.15f, &state);
    fill(w->conv3_bias, 64, 0.5f, &state);
    fill(w->conv4_weight, 128 * 64 * 3, 0.2f, &state);
    fill(w->conv4_bias, 128, 0.5f, &state);
    fill(w->weight_ih, 512 * 128, 0.25f, &state);
    fill(w->weight_hh, 512 * 128, 0.15f, &state);
    fill(w->bias_ih, 512, 0.3f, &state);
    fill(w->bias_hh, 512, 0.3f, &state);
    fill(w->final_weight, 128, 2.0f, &state);
    fill(w->final_bias, 1, 0.5f, &state);
}

struct so_vad_tensors made_tensors(const struct made_weights *w) {
    return (struct so_vad_tensors){
        w->stft,         w->conv1_weight, w->conv1_bias,   w->conv2_weight, w->conv2_bias,
        w->conv3_weight, w->conv3_bias,   w->conv4_weight, w->conv4_bias,   w->weight_ih,
        w->weight_hh,    w->bias_ih,      w->bias_hh,      w->final_weight, w->final_bias,
    };
}

void make_sound(float *samples, size_t n, uint32_t seed) {
    uint32_t state = seed;
    for (size_t i = 0; i < n; i++) {
        const float level = i / 3000 % 3 == 0 ? 0.002f : i / 3000 % 3 == 1 ? 0.2f : 0.9f;
        const float tone = (float)so_sin_pi((double)(i % 4000) * (double)(40 + i / 5000) / 4000.0);
        samples[i] = level * (0.7f * tone + 0.3f * next_float(&state));
    }
}

/* out[o][t] = relu(bias + sum over channels and taps), padding 1. in: [channels][length], out: [n][..].
 * Returns the output's length. */
static size_t plain_conv(const double *in, size_t channels, size_t length, const float *weight,
                         const float *bias, size_t n, size_t stride, double *out) {
    const size_t out_length = (length - 1) / stride + 1;
    for (size_t o = 0; o < n; o++)
        for (size_t t = 0; t < out_length; t++) {
            double sum = (double)bias[o];
            for (size_t c = 0; c < channels; c++)
                for (size_t tap = 0; tap < 3; tap++) {
                    const size_t at = t * stride + tap; /* one more than the position */
                    if (at >= 1 && at <= length)
                        sum += (double)weight[(o * channels + c) * 3 + tap] * in[c * length + at - 1];
                }
            out[o * out_length + t] = sum > 0 ? sum : 0;
        }
    return out_length;
}

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static void plain_spectra(const float *stft, const double *x /* [640] */, double *out /* [129][4] */) {
    for (size_t k = 0; k < 129; k++)
        for (size_t t = 0; t < 4; t++) {
            double re = 0, im = 0;
            for (size_t n = 0; n < 256; n++) {
                re += (double)stft[k * 256 + n] * x[t * 128 + n];
                im += (double)stft[(129 + k) * 256 + n] * x[t * 128 + n];
            }
            out[k * 4 + t] = sqrt(re * re + im * im);
        }
}

static double plain_step(const struct made_weights *w, const double *input, double *c, double *h) {
    double gates[512], logit = (double)w->final_bias[0];
    for (size_t g = 0; g < 512; g++) {
        gates[g] = (double)w->bias_ih[g] + (double)w->bias_hh[g];
        for (size_t i = 0; i < 128; i++)
            gates[g] +=
                (double)w->weight_ih[g * 128 + i] * input[i] + (double)w->weight_hh[g * 128 + i] * h[i];
    }
    for (size_t i = 0; i < 128; i++) {
        c[i] = logistic(gates[128 + i]) * c[i] + logistic(gates[i]) * tanh(gates[256 + i]);
        h[i] = logistic(gates[384 + i]) * tanh(c[i]);
        if (h[i] > 0) logit += (double)w->final_weight[i] * h[i];
    }
    return logistic(logit);
}

void plain_vad(const struct made_weights *w, const float *samples, size_t n, double *probability) {
    static double x[640], spectra[129 * 4], c1[128 * 4], c2[64 * 2], c3[64], c4[128];
    double c[128] = {0}, h[128] = {0};
    for (size_t f = 0; f * 512 < n; f++) {
        for (size_t i = 0; i < 576; i++) {
            const size_t at = f * 512 + i; /* 64 more than the sample's index */
            x[i] = at >= 64 && at - 64 < n ? (double)samples[at - 64] : 0.0;
        }
        for (size_t i = 0; i < 64; i++) x[576 + i] = x[574 - i];
        plain_spectra(w->stft, x, spectra);
        plain_conv(spectra, 129, 4, w->conv1_weight, w->conv1_bias, 128, 1, c1);
        plain_conv(c1, 128, 4, w->conv2_weight, w->conv2_bias, 64, 2, c2);
        plain_conv(c2, 64, 2, w->conv3_weight, w->conv3_bias, 64, 2, c3);
        plain_conv(c3, 64, 1, w->conv4_weight, w->conv4_bias, 128, 1, c4);
        probability[f] = plain_step(w, c4, c, h);
    }
}
