#include "naive.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static double *array(size_t n) { return calloc(n, sizeof(double)); }

static double gelu(double x) { return 0.5 * x * (1.0 + erf(x / sqrt(2.0))); }

/* y[rows][n] = x[rows][k] W' + bias; row r of x starts at x + r*step. */
static void linear(const struct plain_matrix *w, const double *x, size_t rows, size_t step, double *y) {
    for (size_t r = 0; r < rows; r++)
        for (size_t n = 0; n < w->n; n++) {
            double sum = w->bias[n];
            for (size_t k = 0; k < w->k; k++) sum += x[r * step + k] * w->w[n * w->k + k];
            y[r * w->n + n] = sum;
        }
}

static void layer_norm(const struct so_norm *norm, const double *x, size_t rows, size_t n, double *y) {
    for (size_t r = 0; r < rows; r++, x += n, y += n) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
        for (size_t i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean) / (double)n;
        for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) / sqrt(variance + 1e-5) * norm->gamma[i] + norm->beta[i];
    }
}

/* Queries q[rows][ldq] over keys and values [positions][ldk]; with `causal` row r sees positions 0..r. looked [heads][rows][positions] or NULL. */
static void attention(const double *q, size_t rows, size_t ldq, const double *keys, const double *values, size_t positions, size_t ldk,
                      size_t heads, bool causal, double *y, double *looked) {
    double *p = array(positions);
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < heads; h++) {
            size_t seen = causal ? r + 1 : positions;
            double largest = -INFINITY, total = 0;
            for (size_t j = 0; j < seen; j++) {
                p[j] = 0;
                for (size_t c = 0; c < 64; c++) p[j] += q[r * ldq + h * 64 + c] * keys[j * ldk + h * 64 + c] / 8.0;
                largest = fmax(largest, p[j]);
            }
            for (size_t j = 0; j < seen; j++) total += p[j] = exp(p[j] - largest);
            for (size_t j = 0; looked && j < seen; j++) looked[(h * rows + r) * positions + j] = p[j] / total;
            for (size_t c = 0; c < 64; c++) {
                double sum = 0;
                for (size_t j = 0; j < seen; j++) sum += p[j] / total * values[j * ldk + h * 64 + c];
                y[r * heads * 64 + h * 64 + c] = sum;
            }
        }
    free(p);
}

static void add(double *x, const double *y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

static void feed_forward(const struct so_norm *norm, const struct plain_matrix *fc1, const struct plain_matrix *fc2, double *x,
                         size_t rows) {
    size_t state = fc2->n;
    double *normed = array(rows * state), *hidden = array(rows * fc1->n);
    layer_norm(norm, x, rows, state, normed);
    linear(fc1, normed, rows, state, hidden);
    for (size_t i = 0; i < rows * fc1->n; i++) hidden[i] = gelu(hidden[i]);
    linear(fc2, hidden, rows, fc1->n, normed);
    add(x, normed, rows * state);
    free(normed);
    free(hidden);
}

static void self_attention(const struct so_norm *norm, const struct plain_matrix *qkv, const struct plain_matrix *out, double *x,
                           size_t rows, size_t heads, bool causal) {
    size_t state = out->n;
    double *normed = array(rows * state), *wide = array(rows * 3 * state), *y = array(rows * state);
    layer_norm(norm, x, rows, state, normed);
    linear(qkv, normed, rows, state, wide);
    attention(wide, rows, 3 * state, wide + state, wide + 2 * state, rows, 3 * state, heads, causal, y, NULL);
    linear(out, y, rows, state, normed);
    add(x, normed, rows * state);
    free(normed);
    free(wide);
    free(y);
}

void naive_encode(const struct toy *toy, const float *mel, size_t frames, double *states) {
    const struct so_model *m = &toy->model;
    size_t mels = m->hp.n_mels, state = m->hp.n_audio_state, positions = frames / 2;
    double *input = array((frames + 2) * mels), *wide = array((frames + 2) * state), *x = array(positions * state);
    for (size_t i = 0; i < frames * mels; i++) input[mels + i] = mel[i];
    linear(&toy->conv1, input, frames, mels, wide + state);
    for (size_t i = 0; i < frames * state; i++) wide[state + i] = gelu(wide[state + i]);
    linear(&toy->conv2, wide, positions, 2 * state, x);
    for (size_t i = 0; i < positions * state; i++) x[i] = gelu(x[i]) + m->audio_positions[i];
    for (size_t i = 0; i < m->hp.n_audio_layer; i++) {
        const struct so_encoder_layer *layer = &m->encoder[i];
        struct plain_matrix *w = toy->encoder[i];
        self_attention(&layer->attn_norm, &w[0], &w[1], x, positions, m->hp.n_audio_head, false);
        feed_forward(&layer->mlp_norm, &w[2], &w[3], x, positions);
    }
    layer_norm(&m->encoder_norm, x, positions, state, states);
    free(input);
    free(wide);
    free(x);
}

void naive_decode(const struct toy *toy, const double *states, size_t positions, const int32_t *tokens, size_t n, double *logits,
                  double *looked) {
    const struct so_model *m = &toy->model;
    size_t state = m->hp.n_text_state;
    double *x = array(n * state), *normed = array(n * state), *q = array(n * state), *y = array(n * state);
    double *kv = array(positions * 2 * state);
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < state; c++)
            x[r * state + c] = toy->tokens.w[(size_t)tokens[r] * state + c] + m->text_positions[r * state + c];
    for (size_t i = 0; i < m->hp.n_text_layer; i++) {
        const struct so_decoder_layer *layer = &m->decoder[i];
        struct plain_matrix *w = toy->decoder[i];
        self_attention(&layer->attn_norm, &w[0], &w[1], x, n, m->hp.n_text_head, true);
        layer_norm(&layer->cross_norm, x, n, state, normed);
        linear(&w[2], normed, n, state, q);
        linear(&w[3], states, positions, m->hp.n_audio_state, kv);
        attention(q, n, state, kv, kv + state, positions, 2 * state, m->hp.n_text_head, false, y,
                  looked ? looked + i * m->hp.n_text_head * n * positions : NULL);
        linear(&w[4], y, n, state, normed);
        add(x, normed, n * state);
        feed_forward(&layer->mlp_norm, &w[5], &w[6], x, n);
    }
    layer_norm(&m->decoder_norm, x, n, state, normed);
    linear(&toy->tokens, normed, n, state, logits);
    free(x);
    free(normed);
    free(q);
    free(y);
    free(kv);
}
