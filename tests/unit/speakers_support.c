#include "speakers_support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PI 3.14159265358979323846

float made_float(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)*state * 0x1p-31f;
}

/* ---- tensors ---- */

static uint32_t seed_now;

/* Values in [middle - range, middle + range). */
static void add(struct made_speakers *m, const char *name, const size_t *shape, size_t rank, float middle,
                float range) {
    struct made_tensor *t = &m->tensors[m->n++];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->rank = rank;
    t->count = 1;
    for (size_t i = 0; i < rank; i++) t->count *= t->shape[i] = shape[i];
    t->values = malloc(t->count * sizeof *t->values);
    assert_non_null(t->values);
    for (size_t i = 0; i < t->count; i++) t->values[i] = middle + range * made_float(&seed_now);
}

static void vector(struct made_speakers *m, const char *prefix, const char *name, size_t n, float middle,
                   float range) {
    char full[128];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    add(m, full, &n, 1, middle, range);
}

/* Weights whose sums of products are about as large as what goes in. */
static void weights(struct made_speakers *m, const char *prefix, const char *name, size_t n, size_t a,
                    size_t b, size_t c) {
    const float gain =
        strncmp(prefix, "s.l", 3) && strncmp(prefix, "s.cl", 4) ? 1.0f : 2.0f; /* states are small */
    const size_t shape[4] = {n, a, b, c}, rank = c ? 4 : b ? 3 : 2;
    char full[128];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    add(m, full, shape, rank, 0.0f, gain * sqrtf(3.0f / (float)(a * (b ? b : 1) * (c ? c : 1))));
}

static void norm(struct made_speakers *m, const char *prefix, size_t n, bool trained) {
    if (trained) vector(m, prefix, "weight", n, 1.0f, 0.3f);
    if (trained) vector(m, prefix, "bias", n, 0.1f, 0.2f);
    vector(m, prefix, "mean", n, 0.0f, 0.3f);
    vector(m, prefix, "var", n, 1.0f, 0.5f);
}

static void make_segmentation(struct made_speakers *m) {
    const size_t bands[] = {40, 1};
    char name[64];
    add(m, "s.sinc.low_hz_", bands, 2, 1500.0f, 1400.0f);
    add(m, "s.sinc.band_hz_", bands, 2, 200.0f, 150.0f);
    vector(m, "s.wav_norm1d", "weight", 1, 0.01f, 0.001f);
    vector(m, "s.wav_norm1d", "bias", 1, 0.002f, 0.0f);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "s.norm1d.%d", i);
        vector(m, name, "weight", i ? 60 : 80, 1.0f, 0.3f);
        vector(m, name, "bias", i ? 60 : 80, 0.0f, 0.3f);
        if (i == 2) break;
        snprintf(name, sizeof name, "s.conv1d.%d", i + 1);
        weights(m, name, "weight", 60, i ? 60 : 80, 5, 0);
        vector(m, name, "bias", 60, 0.0f, 0.2f);
    }
    for (int i = 0; i < 8; i++) {
        const char *way = i % 2 ? "_reverse" : "";
        snprintf(name, sizeof name, "weight_ih_l%d%s", i / 2, way);
        weights(m, "s.lstm", name, 512, i < 2 ? 60 : 256, 0, 0);
        snprintf(name, sizeof name, "weight_hh_l%d%s", i / 2, way);
        weights(m, "s.lstm", name, 512, 128, 0, 0);
        snprintf(name, sizeof name, "bias_ih_l%d%s", i / 2, way);
        vector(m, "s.lstm", name, 512, 0.0f, 0.2f);
        snprintf(name, sizeof name, "bias_hh_l%d%s", i / 2, way);
        vector(m, "s.lstm", name, 512, 0.0f, 0.2f);
    }
    weights(m, "s.linear.0", "weight", 128, 256, 0, 0);
    vector(m, "s.linear.0", "bias", 128, 0.0f, 0.2f);
    weights(m, "s.linear.1", "weight", 128, 128, 0, 0);
    vector(m, "s.linear.1", "bias", 128, 0.0f, 0.2f);
    weights(m, "s.classifier", "weight", 7, 128, 0, 0);
    vector(m, "s.classifier", "bias", 7, 0.0f, 0.2f);
}

static const size_t layers[3] = {12, 24, 16}, starts[3] = {128, 256, 512}, dilations[3] = {1, 2, 2};

static void make_embedding(struct made_speakers *m) {
    char name[64];
    weights(m, "e.head.conv1", "weight", 32, 1, 3, 3);
    norm(m, "e.head.bn1", 32, true);
    for (int b = 0; b < 4; b++)
        for (int c = 0; c < 3; c++) {
            if (c == 2 && b % 2) continue;
            snprintf(name, sizeof name, c == 2 ? "e.head%d.%d.shortcut" : "e.head%d.%d.conv%d", b / 2 + 1,
                     b % 2, c + 1);
            weights(m, name, "weight", 32, 32, c == 2 ? 1 : 3, c == 2 ? 1 : 3);
            snprintf(name, sizeof name, c == 2 ? "e.head%d.%d.shortcut.norm" : "e.head%d.%d.bn%d", b / 2 + 1,
                     b % 2, c + 1);
            norm(m, name, 32, true);
        }
    weights(m, "e.head.conv2", "weight", 32, 32, 3, 3);
    norm(m, "e.head.bn2", 32, true);
    weights(m, "e.tdnn.linear", "weight", 128, 320, 5, 0);
    norm(m, "e.tdnn.norm", 128, true);
    for (int b = 0; b < 3; b++) {
        for (size_t i = 0; i < layers[b]; i++) {
            const size_t width = starts[b] + 32 * i;
            char prefix[32];
            snprintf(prefix, sizeof prefix, "e.block%d.%zu", b + 1, i + 1);
            snprintf(name, sizeof name, "%s.norm1", prefix);
            norm(m, name, width, true);
            weights(m, prefix, "linear1.weight", 128, width, 1, 0);
            snprintf(name, sizeof name, "%s.norm2", prefix);
            norm(m, name, 128, true);
            weights(m, prefix, "local.weight", 32, 128, 3, 0);
            weights(m, prefix, "gate1.weight", 64, 128, 1, 0);
            vector(m, prefix, "gate1.bias", 64, 0.0f, 0.2f);
            weights(m, prefix, "gate2.weight", 32, 64, 1, 0);
            vector(m, prefix, "gate2.bias", 32, 0.5f, 0.2f);
        }
        const size_t end = starts[b] + 32 * layers[b];
        snprintf(name, sizeof name, "e.transit%d.norm", b + 1);
        norm(m, name, end, true);
        snprintf(name, sizeof name, "e.transit%d.linear", b + 1);
        weights(m, name, "weight", b ? 512 : 256, end, 1, 0);
    }
    norm(m, "e.out_norm", 512, true);
    weights(m, "e.dense.linear", "weight", 192, 1024, 1, 0);
    norm(m, "e.dense.norm", 192, false);
}

struct made_speakers *make_speakers(uint32_t seed) {
    struct made_speakers *m = calloc(1, sizeof *m);
    assert_non_null(m);
    seed_now = seed;
    make_segmentation(m);
    make_embedding(m);
    return m;
}

void free_speakers(struct made_speakers *m) {
    for (size_t i = 0; i < m->n; i++) free(m->tensors[i].values);
    free(m);
}

const float *made(const struct made_speakers *m, const char *format, ...) {
    char name[64];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->tensors[i].name, name)) return m->tensors[i].values;
    fail_msg("no tensor %s", name);
    return NULL;
}

void write_speakers(const struct made_speakers *m, const char *path) {
    char *header = malloc(m->n * 160 + 16);
    size_t length = 0, offset = 0;
    FILE *file = fopen(path, "wb");
    assert_non_null(header);
    assert_non_null(file);
    for (size_t i = 0; i < m->n; i++) {
        const struct made_tensor *t = &m->tensors[i];
        length += (size_t)sprintf(header + length, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? ',' : '{',
                                  t->name);
        for (size_t d = 0; d < t->rank; d++)
            length += (size_t)sprintf(header + length, "%s%zu", d ? "," : "", t->shape[d]);
        length +=
            (size_t)sprintf(header + length, "],\"data_offsets\":[%zu,%zu]}", offset, offset + 4 * t->count);
        offset += 4 * t->count;
    }
    header[length++] = '}';
    const uint64_t size = length;
    assert_int_equal(fwrite(&size, 8, 1, file) + fwrite(header, 1, length, file), 1 + length);
    for (size_t i = 0; i < m->n; i++)
        assert_int_equal(fwrite(m->tensors[i].values, 4, m->tensors[i].count, file), m->tensors[i].count);
    assert_int_equal(fclose(file), 0);
    free(header);
}

/* ---- layers; [channels][time], as the papers have them ---- */

static double *zeros(size_t n) {
    double *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

static void relu(size_t n, double *x) {
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0.0) x[i] = 0.0;
}

/* x [channels][length] by batch norm, each channel. */
static void batch_norm(size_t channels, size_t length, double *x, const struct made_speakers *m,
                       const char *prefix, bool trained) {
    const float *mean = made(m, "%s.mean", prefix), *var = made(m, "%s.var", prefix);
    const float *w = trained ? made(m, "%s.weight", prefix) : NULL,
                *b = trained ? made(m, "%s.bias", prefix) : NULL;
    for (size_t c = 0; c < channels; c++)
        for (size_t t = 0; t < length; t++) {
            const double v = (x[c * length + t] - (double)mean[c]) / sqrt((double)var[c] + 1e-5);
            x[c * length + t] = trained ? v * (double)w[c] + (double)b[c] : v;
        }
}

/* A convolution in one dimension with zeros around. Returns [n][*out_length]. */
static double *conv1d(size_t n, size_t channels, size_t taps, size_t stride, size_t dilation, size_t pad,
                      const float *w, const float *bias, size_t length, const double *x, size_t *out_length) {
    *out_length = (length + 2 * pad - dilation * (taps - 1) - 1) / stride + 1;
    double *y = zeros(n * *out_length);
    for (size_t o = 0; o < n; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < taps; k++)
                for (size_t t = 0; t < *out_length; t++) {
                    const size_t at = t * stride + k * dilation;
                    if (at >= pad && at - pad < length)
                        y[o * *out_length + t] +=
                            (double)w[(o * channels + c) * taps + k] * x[c * length + at - pad];
                }
    for (size_t o = 0; bias && o < n; o++)
        for (size_t t = 0; t < *out_length; t++) y[o * *out_length + t] += (double)bias[o];
    return y;
}

static void leaky(size_t n, double *x) {
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0.0) x[i] *= 0.01;
}

static void instance_norm(size_t channels, size_t length, double *x, const float *w, const float *b) {
    for (size_t c = 0; c < channels; c++) {
        double *row = x + c * length, mean = 0.0, var = 0.0;
        for (size_t t = 0; t < length; t++) mean += row[t] / (double)length;
        for (size_t t = 0; t < length; t++) var += (row[t] - mean) * (row[t] - mean) / (double)length;
        for (size_t t = 0; t < length; t++)
            row[t] = (row[t] - mean) / sqrt(var + 1e-5) * (double)w[c] + (double)b[c];
    }
}

/* ---- segmentation ---- */

static void sinc_filters(const struct made_speakers *m, float *w) {
    for (size_t f = 0; f < 40; f++) {
        const double low = 50.0 + fabs((double)made(m, "s.sinc.low_hz_")[f]);
        const double high = fmin(low + 50.0 + fabs((double)made(m, "s.sinc.band_hz_")[f]), 8000.0);
        for (int i = 0; i < 251; i++) {
            const double n = 2.0 * PI * (i - 125) / 16000.0, window = 0.54 - 0.46 * cos(2.0 * PI * i / 250.0);
            const double even =
                i == 125 ? 2.0 * (high - low) : (sin(high * n) - sin(low * n)) / (n / 2.0) * window;
            const double odd = i == 125 ? 0.0 : (cos(low * n) - cos(high * n)) / (n / 2.0) * window;
            w[f * 251 + (size_t)i] = (float)(even / (2.0 * (high - low)));
            w[(40 + f) * 251 + (size_t)i] = (float)(odd / (2.0 * (high - low)));
        }
    }
}

/* The largest of three, without what is over. */
static size_t pool(size_t channels, size_t length, double *x) {
    for (size_t c = 0; c < channels; c++)
        for (size_t t = 0; t < length / 3; t++) {
            const double *p = x + c * length + 3 * t;
            x[c * (length / 3) + t] = fmax(fmax(p[0], p[1]), p[2]);
        }
    return length / 3;
}

static double logistic(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* One direction: x [length][in] to y [length][256] at column way*128. */
static void lstm(const struct made_speakers *m, int layer, int way, size_t length, size_t in, const double *x,
                 double *y) {
    const char *reverse = way ? "_reverse" : "";
    const float *ih = made(m, "s.lstm.weight_ih_l%d%s", layer, reverse),
                *hh = made(m, "s.lstm.weight_hh_l%d%s", layer, reverse);
    const float *bi = made(m, "s.lstm.bias_ih_l%d%s", layer, reverse),
                *bh = made(m, "s.lstm.bias_hh_l%d%s", layer, reverse);
    double c[128] = {0}, h[128] = {0}, gates[512];
    for (size_t i = 0; i < length; i++) {
        const size_t t = way ? length - 1 - i : i;
        for (size_t g = 0; g < 512; g++) {
            gates[g] = (double)bi[g] + (double)bh[g];
            for (size_t k = 0; k < in; k++) gates[g] += (double)ih[g * in + k] * x[t * in + k];
            for (size_t k = 0; k < 128; k++) gates[g] += (double)hh[g * 128 + k] * h[k];
        }
        for (size_t j = 0; j < 128; j++) {
            c[j] = logistic(gates[128 + j]) * c[j] + logistic(gates[j]) * tanh(gates[256 + j]);
            h[j] = logistic(gates[384 + j]) * tanh(c[j]);
            y[t * 256 + (size_t)way * 128 + j] = h[j];
        }
    }
}

static double *linear(const struct made_speakers *m, const char *prefix, size_t rows, size_t n, size_t k,
                      const double *x) {
    const float *w = made(m, "%s.weight", prefix), *b = made(m, "%s.bias", prefix);
    double *y = zeros(rows * n);
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < n; o++) {
            y[r * n + o] = (double)b[o];
            for (size_t i = 0; i < k; i++) y[r * n + o] += (double)w[o * k + i] * x[r * k + i];
        }
    return y;
}

static double *convolutions(const struct made_speakers *m, const float *samples, size_t *length) {
    double *x = zeros(160000), *y;
    float *filters = malloc(80 * 251 * sizeof *filters);
    assert_non_null(filters);
    sinc_filters(m, filters);
    for (size_t i = 0; i < 160000; i++) x[i] = (double)samples[i];
    instance_norm(1, 160000, x, made(m, "s.wav_norm1d.weight"), made(m, "s.wav_norm1d.bias"));
    y = conv1d(80, 1, 251, 10, 1, 0, filters, NULL, 160000, x, length);
    for (size_t i = 0; i < 80 * *length; i++) y[i] = fabs(y[i]);
    free(filters);
    for (int i = 0;; i++) {
        const size_t channels = i ? 60 : 80;
        free(x);
        x = y;
        *length = pool(channels, *length, x);
        instance_norm(channels, *length, x, made(m, "s.norm1d.%d.weight", i), made(m, "s.norm1d.%d.bias", i));
        leaky(channels * *length, x);
        if (i == 2) return x;
        y = conv1d(60, channels, 5, 1, 1, 0, made(m, "s.conv1d.%d.weight", i + 1),
                   made(m, "s.conv1d.%d.bias", i + 1), *length, x, length);
    }
}

void plain_segmentation(const struct made_speakers *m, const float *samples, double *out) {
    size_t length;
    double *channels = convolutions(m, samples, &length), *x = zeros(length * 256);
    assert_int_equal(length, 589);
    for (size_t t = 0; t < length; t++)
        for (size_t c = 0; c < 60; c++) x[t * 60 + c] = channels[c * length + t];
    free(channels);
    for (int layer = 0; layer < 4; layer++) {
        double *y = zeros(length * 256);
        for (int way = 0; way < 2; way++) lstm(m, layer, way, length, layer ? 256 : 60, x, y);
        free(x);
        x = y;
    }
    double *a = linear(m, "s.linear.0", length, 128, 256, x);
    leaky(length * 128, a);
    double *b = linear(m, "s.linear.1", length, 128, 128, a);
    leaky(length * 128, b);
    double *logits = linear(m, "s.classifier", length, 7, 128, b);
    for (size_t t = 0; t < length; t++) {
        double sum = 0.0;
        for (size_t i = 0; i < 7; i++) sum += exp(logits[7 * t + i]);
        for (size_t i = 0; i < 7; i++) out[7 * t + i] = logits[7 * t + i] - log(sum);
    }
    free(x);
    free(a);
    free(b);
    free(logits);
}

/* ---- embedding; [channels][frequency][time] ---- */

static double *conv2d(size_t n, size_t channels, size_t taps, size_t stride, const float *w, size_t bands,
                      size_t length, const double *x) {
    const size_t pad = taps / 2, out = (bands + 2 * pad - taps) / stride + 1;
    double *y = zeros(n * out * length);
    for (size_t o = 0; o < n; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < taps; i++)
                for (size_t j = 0; j < taps; j++)
                    for (size_t f = 0; f < out; f++)
                        for (size_t t = 0; t < length; t++) {
                            const size_t g = f * stride + i, u = t + j;
                            if (g < pad || g - pad >= bands || u < pad || u - pad >= length) continue;
                            y[(o * out + f) * length + t] +=
                                (double)w[((o * channels + c) * taps + i) * taps + j] *
                                x[(c * bands + g - pad) * length + u - pad];
                        }
    return y;
}

static double *residual(const struct made_speakers *m, int stage, int i, size_t bands, size_t length,
                        double *x) {
    const size_t stride = i ? 1 : 2, out = bands / stride, n = 32 * out * length;
    char name[32];
    double *a = conv2d(32, 32, 3, stride, made(m, "e.head%d.%d.conv1.weight", stage, i), bands, length, x);
    snprintf(name, sizeof name, "e.head%d.%d.bn1", stage, i);
    batch_norm(32, out * length, a, m, name, true);
    relu(n, a);
    double *b = conv2d(32, 32, 3, 1, made(m, "e.head%d.%d.conv2.weight", stage, i), out, length, a);
    snprintf(name, sizeof name, "e.head%d.%d.bn2", stage, i);
    batch_norm(32, out * length, b, m, name, true);
    if (!i) {
        double *s = conv2d(32, 32, 1, 2, made(m, "e.head%d.0.shortcut.weight", stage), bands, length, x);
        snprintf(name, sizeof name, "e.head%d.0.shortcut.norm", stage);
        batch_norm(32, out * length, s, m, name, true);
        free(x);
        x = s;
    }
    for (size_t k = 0; k < n; k++) b[k] += x[k];
    relu(n, b);
    free(a);
    free(x);
    return b;
}

/* Context-aware masking: the gate of each channel and row follows from means over all rows and over its
 * hundred. */
static void mask(const struct made_speakers *m, const char *prefix, size_t length, const double *x,
                 double *y) {
    const float *w1 = made(m, "%s.gate1.weight", prefix), *b1 = made(m, "%s.gate1.bias", prefix);
    const float *w2 = made(m, "%s.gate2.weight", prefix), *b2 = made(m, "%s.gate2.bias", prefix);
    for (size_t t = 0; t < length; t++) {
        const size_t first = t / 100 * 100, last = first + 100 < length ? first + 100 : length;
        double context[128], hidden[64];
        for (size_t c = 0; c < 128; c++) {
            double all = 0.0, near = 0.0;
            for (size_t u = 0; u < length; u++) all += x[c * length + u];
            for (size_t u = first; u < last; u++) near += x[c * length + u];
            context[c] = all / (double)length + near / (double)(last - first);
        }
        for (size_t o = 0; o < 64; o++) {
            hidden[o] = (double)b1[o];
            for (size_t c = 0; c < 128; c++) hidden[o] += (double)w1[o * 128 + c] * context[c];
        }
        relu(64, hidden);
        for (size_t o = 0; o < 32; o++) {
            double gate = (double)b2[o];
            for (size_t c = 0; c < 64; c++) gate += (double)w2[o * 64 + c] * hidden[c];
            y[o * length + t] *= logistic(gate);
        }
    }
}

static double *dense_block(const struct made_speakers *m, int b, size_t length, double *x) {
    size_t out;
    char name[64];
    x = realloc(x, 1024 * length * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < layers[b]; i++) {
        const size_t width = starts[b] + 32 * i;
        char prefix[32];
        snprintf(prefix, sizeof prefix, "e.block%d.%zu", b + 1, i + 1);
        double *normed = zeros(width * length);
        memcpy(normed, x, width * length * sizeof *x);
        snprintf(name, sizeof name, "%s.norm1", prefix);
        batch_norm(width, length, normed, m, name, true);
        relu(width * length, normed);
        double *narrow =
            conv1d(128, width, 1, 1, 1, 0, made(m, "%s.linear1.weight", prefix), NULL, length, normed, &out);
        snprintf(name, sizeof name, "%s.norm2", prefix);
        batch_norm(128, length, narrow, m, name, true);
        relu(128 * length, narrow);
        double *local = conv1d(32, 128, 3, 1, dilations[b], dilations[b], made(m, "%s.local.weight", prefix),
                               NULL, length, narrow, &out);
        mask(m, prefix, length, narrow, local);
        memcpy(x + width * length, local, 32 * length * sizeof *x);
        free(normed);
        free(narrow);
        free(local);
    }
    const size_t end = starts[b] + 32 * layers[b];
    snprintf(name, sizeof name, "e.transit%d.norm", b + 1);
    batch_norm(end, length, x, m, name, true);
    relu(end * length, x);
    double *y = conv1d(b ? 512 : 256, end, 1, 1, 1, 0, made(m, "e.transit%d.linear.weight", b + 1), NULL,
                       length, x, &out);
    free(x);
    return y;
}

void plain_embedding(const struct made_speakers *m, size_t n, const float *fbank, double *out) {
    double *features = zeros(80 * n), *x;
    size_t length;
    for (size_t f = 0; f < 80; f++) {
        double mean = 0.0;
        for (size_t t = 0; t < n; t++) mean += (double)fbank[t * 80 + f] / (double)n;
        for (size_t t = 0; t < n; t++) features[f * n + t] = (double)fbank[t * 80 + f] - mean;
    }
    x = conv2d(32, 1, 3, 1, made(m, "e.head.conv1.weight"), 80, n, features);
    free(features);
    batch_norm(32, 80 * n, x, m, "e.head.bn1", true);
    relu(32 * 80 * n, x);
    for (int b = 0; b < 4; b++) x = residual(m, b / 2 + 1, b % 2, b == 0 ? 80 : b < 3 ? 40 : 20, n, x);
    double *last = conv2d(32, 32, 3, 2, made(m, "e.head.conv2.weight"), 20, n, x);
    free(x);
    batch_norm(32, 10 * n, last, m, "e.head.bn2", true);
    relu(320 * n, last);
    x = conv1d(128, 320, 5, 2, 1, 2, made(m, "e.tdnn.linear.weight"), NULL, n, last,
               &length); /* channel*10 + frequency */
    free(last);
    batch_norm(128, length, x, m, "e.tdnn.norm", true);
    relu(128 * length, x);
    for (int b = 0; b < 3; b++) x = dense_block(m, b, length, x);
    batch_norm(512, length, x, m, "e.out_norm", true);
    relu(512 * length, x);
    double pooled[1024] = {0};
    for (size_t c = 0; c < 512; c++) {
        for (size_t t = 0; t < length; t++) pooled[c] += x[c * length + t] / (double)length;
        for (size_t t = 0; t < length; t++)
            pooled[512 + c] += pow(x[c * length + t] - pooled[c], 2) / (double)(length - 1);
        pooled[512 + c] = sqrt(pooled[512 + c]);
    }
    free(x);
    const float *w = made(m, "e.dense.linear.weight");
    for (size_t o = 0; o < 192; o++) {
        out[o] = 0.0;
        for (size_t c = 0; c < 1024; c++) out[o] += (double)w[o * 1024 + c] * pooled[c];
    }
    batch_norm(192, 1, out, m, "e.dense.norm", false); /* and nothing behind it */
}
