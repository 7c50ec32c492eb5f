#include "toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "util/memory.h"

float toy_random(uint64_t seed, uint64_t index) {
    uint64_t z = seed * 0x9e3779b97f4a7c15u + index * 0xd1342543de82ef95u + 0x632be59bd9b4e019u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)(int32_t)(z >> 32) * 0x1p-31f;
}

struct maker {
    struct toy *toy;
    enum so_precision precision;
    uint64_t seed;
};

static void *take(struct toy *toy, size_t count, size_t size) {
    void *block = so_calloc(count, size);
    void **blocks = realloc(toy->blocks, (toy->n_blocks + 1) * sizeof *blocks);
    if (!block || !blocks) {
        fputs("out of memory for a toy model\n", stderr);
        exit(2);
    }
    toy->blocks = blocks;
    toy->blocks[toy->n_blocks++] = block;
    return block;
}

static float *vector(struct maker *m, size_t n, float mean, float spread) {
    float *v = take(m->toy, so_round_up(n, SO_LANES), sizeof(float));
    m->seed++;
    for (size_t i = 0; i < n; i++) v[i] = mean + spread * toy_random(m->seed, i);
    return v;
}

static struct so_norm norm(struct maker *m, size_t n) {
    struct so_norm norm = {vector(m, n, 1.0f, 0.3f), vector(m, n, 0.0f, 0.3f)};
    return norm;
}

static void pack_int8(struct maker *m, struct plain_matrix *plain, struct so_matrix *packed) {
    size_t n16 = so_round_up(plain->n, SO_LANES), k4 = so_round_up(plain->k, 4);
    int8_t *q = take(m->toy, n16 * k4, 1);
    int32_t *bsum = take(m->toy, n16, sizeof *bsum);
    float *scale = take(m->toy, n16, sizeof *scale);
    for (size_t n = 0; n < plain->n; n++) {
        float *row = plain->w + n * plain->k, largest = 0;
        for (size_t k = 0; k < plain->k; k++) largest = fmaxf(largest, fabsf(row[k]));
        scale[n] = largest / 127.0f;
        for (size_t k = 0; k < plain->k; k++) {
            int value = (int)lrintf(row[k] / scale[n]);
            q[((n / 16 * (k4 / 4) + k / 4) * 16 + n % 16) * 4 + k % 4] = (int8_t)value;
            bsum[n] -= 128 * value;
            row[k] = (float)value * scale[n];
        }
    }
    packed->q = q;
    packed->bsum = bsum;
    packed->scale = scale;
}

static void pack_float(struct maker *m, const struct plain_matrix *plain, struct so_matrix *packed) {
    float *f = take(m->toy, so_round_up(plain->n, SO_LANES) * plain->k, sizeof *f);
    for (size_t n = 0; n < plain->n; n++)
        for (size_t k = 0; k < plain->k; k++) f[(n / 16 * plain->k + k) * 16 + n % 16] = plain->w[n * plain->k + k];
    packed->f = f;
}

static struct so_matrix matrix(struct maker *m, enum so_precision precision, uint32_t n, uint32_t k, struct plain_matrix *plain) {
    plain->n = n;
    plain->k = k;
    plain->w = vector(m, (size_t)n * k, 0.0f, 1.7f / sqrtf((float)k));
    plain->bias = vector(m, n, 0.0f, 0.1f);
    struct so_matrix packed = {.n = n, .k = k, .precision = precision, .bias = plain->bias};
    if (precision == SO_INT8)
        pack_int8(m, plain, &packed);
    else
        pack_float(m, plain, &packed);
    return packed;
}

void toy_create(struct toy *toy, const struct so_hparams *hp, enum so_precision precision, uint64_t seed) {
    memset(toy, 0, sizeof *toy);
    struct maker m = {toy, precision, seed << 20};
    struct so_model *model = &toy->model;
    uint32_t a = hp->n_audio_state, t = hp->n_text_state;
    model->hp = *hp;
    model->precision = precision;
    model->conv1 = matrix(&m, SO_F32, a, 3 * hp->n_mels, &toy->conv1);
    model->conv2 = matrix(&m, precision, a, 3 * a, &toy->conv2);
    model->audio_positions = vector(&m, (size_t)hp->n_audio_ctx * a, 0.0f, 0.5f);
    struct so_encoder_layer *encoder = take(toy, hp->n_audio_layer, sizeof *encoder);
    toy->encoder = take(toy, hp->n_audio_layer, sizeof *toy->encoder);
    for (uint32_t i = 0; i < hp->n_audio_layer; i++) {
        struct plain_matrix *plain = toy->encoder[i];
        encoder[i] = (struct so_encoder_layer){
            .attn_norm = norm(&m, a),
            .qkv = matrix(&m, precision, 3 * a, a, &plain[0]),
            .out = matrix(&m, precision, a, a, &plain[1]),
            .mlp_norm = norm(&m, a),
            .fc1 = matrix(&m, precision, 4 * a, a, &plain[2]),
            .fc2 = matrix(&m, precision, a, 4 * a, &plain[3]),
        };
    }
    model->encoder = encoder;
    model->encoder_norm = norm(&m, a);
    model->token_embedding = matrix(&m, precision, hp->n_vocab, t, &toy->tokens);
    memset(toy->tokens.bias, 0, hp->n_vocab * sizeof(float));
    model->text_positions = vector(&m, (size_t)hp->n_text_ctx * t, 0.0f, 0.5f);
    struct so_decoder_layer *decoder = take(toy, hp->n_text_layer, sizeof *decoder);
    toy->decoder = take(toy, hp->n_text_layer, sizeof *toy->decoder);
    for (uint32_t i = 0; i < hp->n_text_layer; i++) {
        struct plain_matrix *plain = toy->decoder[i];
        decoder[i] = (struct so_decoder_layer){
            .attn_norm = norm(&m, t),
            .qkv = matrix(&m, precision, 3 * t, t, &plain[0]),
            .out = matrix(&m, precision, t, t, &plain[1]),
            .cross_norm = norm(&m, t),
            .cross_q = matrix(&m, precision, t, t, &plain[2]),
            .cross_kv = matrix(&m, precision, 2 * t, a, &plain[3]),
            .cross_out = matrix(&m, precision, t, t, &plain[4]),
            .mlp_norm = norm(&m, t),
            .fc1 = matrix(&m, precision, 4 * t, t, &plain[5]),
            .fc2 = matrix(&m, precision, t, 4 * t, &plain[6]),
        };
    }
    model->decoder = decoder;
    model->decoder_norm = norm(&m, t);
}

void toy_free(struct toy *toy) {
    for (size_t i = 0; i < toy->n_blocks; i++) so_free(toy->blocks[i]);
    free(toy->blocks);
    memset(toy, 0, sizeof *toy);
}
