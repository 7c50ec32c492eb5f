#include "whisper/seq.h"

#include <string.h>

#include "nn/shape.h"
#include "util/memory.h"

#define MAX_HEADS 64
#define QUERY_SCALE 0.125f /* 1/sqrt(64) */

static void free_layer(struct so_seq_layer *layer) {
    so_free(layer->keys);
    so_free(layer->key_sums);
    so_free(layer->key_scale);
    so_free(layer->values);
    so_free(layer->value_scale);
    so_free(layer->keys_f);
    so_free(layer->values_f);
}

/* Nothing is written yet: few sequences become long, and pages that nobody touches take no memory. */
static bool create_layer(struct so_seq_layer *layer, const struct so_model *model, size_t capacity) {
    size_t state = model->hp.n_text_state, heads = model->hp.n_text_head;
    if (model->precision == SO_F32) {
        layer->keys_f = so_alloc(capacity * state, sizeof(float));
        layer->values_f = so_alloc(capacity * state, sizeof(float));
        return layer->keys_f && layer->values_f;
    }
    layer->keys = so_alloc(capacity, state);
    layer->key_sums = so_alloc(heads * capacity, sizeof(int32_t));
    layer->key_scale = so_alloc(heads * capacity, sizeof(float));
    layer->values = so_alloc(capacity, state);
    layer->value_scale = so_alloc(heads * capacity, sizeof(float));
    return layer->keys && layer->key_sums && layer->key_scale && layer->values && layer->value_scale;
}

void so_seq_free(struct so_seq *seq) {
    if (!seq) return;
    for (size_t i = 0; seq->layers && i < seq->model->hp.n_text_layer; i++) free_layer(&seq->layers[i]);
    so_free(seq->layers);
    so_free(seq);
}

sotto_status so_seq_create(const struct so_model *model, struct so_seq **out, sotto_error *err) {
    *out = NULL;
    if (model->hp.n_text_head > MAX_HEADS)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "%u attention heads are too many", model->hp.n_text_head);
    struct so_seq *seq = so_calloc(1, sizeof *seq);
    if (!seq) return so_fail_memory(err, sizeof *seq, "a sequence");
    seq->model = model;
    seq->capacity = so_round_up(model->hp.n_text_ctx, SO_LANES);
    seq->layers = so_calloc(model->hp.n_text_layer, sizeof *seq->layers);
    bool made = seq->layers != NULL;
    for (size_t i = 0; made && i < model->hp.n_text_layer; i++)
        made = create_layer(&seq->layers[i], model, seq->capacity);
    if (!made) {
        so_seq_free(seq);
        return so_fail_memory(err, (size_t)model->hp.n_text_ctx * model->hp.n_text_state, "a sequence");
    }
    *out = seq;
    return SOTTO_OK;
}

void so_seq_reset(struct so_seq *seq, const struct so_cross *cross) {
    seq->cross = cross;
    seq->length = 0;
}

size_t so_seq_length(const struct so_seq *seq) {
    return seq->length;
}

void so_seq_truncate(struct so_seq *seq, size_t length) {
    seq->length = so_min(seq->length, length);
}

void so_seq_copy(struct so_seq *seq, const struct so_seq *from) {
    size_t state = from->model->hp.n_text_state, heads = from->model->hp.n_text_head,
           capacity = from->capacity, n = from->length;
    size_t panels = so_round_up(n, SO_LANES) * SO_HEAD; /* elements of the panels in use, of each head */
    seq->cross = from->cross;
    seq->length = n;
    for (size_t i = 0; i < from->model->hp.n_text_layer; i++) {
        struct so_seq_layer *to = &seq->layers[i];
        const struct so_seq_layer *source = &from->layers[i];
        bool f32 = from->model->precision == SO_F32;
        for (size_t h = 0; h < heads; h++) {
            size_t keys = h * capacity * SO_HEAD, row = h * capacity;
            if (f32) {
                memcpy(to->keys_f + keys, source->keys_f + keys, panels * sizeof(float));
                continue;
            }
            memcpy(to->keys + keys, source->keys + keys, panels);
            memcpy(to->key_sums + row, source->key_sums + row, so_round_up(n, SO_LANES) * sizeof(int32_t));
            memcpy(to->key_scale + row, source->key_scale + row, n * sizeof(float));
            memcpy(to->value_scale + row, source->value_scale + row, n * sizeof(float));
        }
        if (f32)
            memcpy(to->values_f, source->values_f, n * state * sizeof(float));
        else
            memcpy(to->values, source->values, n * state);
    }
}

static void put_q8(const struct so_kernels *kernels, struct so_seq *seq, struct so_seq_layer *layer,
                   size_t position, const float *key, const float *value) {
    size_t heads = seq->model->hp.n_text_head, capacity = seq->capacity;
    uint8_t q[MAX_HEADS * SO_HEAD]; /* [heads][64] */
    float scale[MAX_HEADS];
    kernels->quantize_q8(heads, SO_HEAD, key, SO_HEAD, q, SO_HEAD, scale);
    for (size_t h = 0; h < heads; h++) {
        int8_t *lane =
            layer->keys + (h * capacity + position / SO_LANES * SO_LANES) * SO_HEAD + position % SO_LANES * 4;
        int32_t sum = 0;
        for (size_t c = 0; c < SO_HEAD; c++) {
            int x = q[h * SO_HEAD + c] - 128;
            lane[c / 4 * SO_LANES * 4 + c % 4] = (int8_t)x;
            sum += x;
        }
        layer->key_sums[h * capacity + position] = -128 * sum;
        layer->key_scale[h * capacity + position] = scale[h];
    }
    kernels->quantize_q8(heads, SO_HEAD, value, SO_HEAD, q, SO_HEAD, scale);
    int8_t *row = layer->values + position * heads * SO_HEAD;
    for (size_t c = 0; c < heads * SO_HEAD; c++) row[c] = (int8_t)(q[c] - 128);
    for (size_t h = 0; h < heads; h++) layer->value_scale[h * capacity + position] = scale[h];
}

void so_seq_open(struct so_seq *seq, size_t layer_index, size_t position) {
    struct so_seq_layer *layer = &seq->layers[layer_index];
    size_t heads = seq->model->hp.n_text_head, panel = SO_LANES * SO_HEAD;
    if (position % SO_LANES != 0) return;
    for (size_t h = 0; h < heads; h++) {
        size_t first = h * seq->capacity + position;
        if (seq->model->precision == SO_F32) {
            memset(layer->keys_f + first * SO_HEAD, 0, panel * sizeof(float));
            continue;
        }
        memset(layer->keys + first * SO_HEAD, 0, panel);
        memset(layer->key_sums + first, 0, SO_LANES * sizeof(int32_t));
    }
}

void so_seq_put(const struct so_kernels *kernels, struct so_seq *seq, size_t layer_index, size_t position,
                const float *key, const float *value) {
    struct so_seq_layer *layer = &seq->layers[layer_index];
    if (seq->model->precision == SO_INT8) {
        put_q8(kernels, seq, layer, position, key, value);
        return;
    }
    size_t state = seq->model->hp.n_text_state;
    for (size_t c = 0; c < state; c++) {
        size_t head = c / SO_HEAD, panel = head * seq->capacity / SO_LANES + position / SO_LANES;
        layer->keys_f[(panel * SO_HEAD + c % SO_HEAD) * SO_LANES + position % SO_LANES] = key[c];
    }
    memcpy(layer->values_f + position * state, value, state * sizeof(float));
}

void so_seq_attend(const struct so_kernels *kernels, const struct so_seq *seq, size_t layer_index, size_t n,
                   const float *query, float *y, void *scratch) {
    const struct so_seq_layer *layer = &seq->layers[layer_index];
    size_t heads = seq->model->hp.n_text_head, state = seq->model->hp.n_text_state, capacity = seq->capacity;
    size_t width = so_round_up(n, SO_LANES);
    float *p = scratch;                          /* [width] */
    int32_t *scores = (int32_t *)(p + capacity); /* [width] */
    uint8_t *q = (uint8_t *)(scores + capacity); /* [heads][64] */
    float scale[MAX_HEADS];
    if (seq->model->precision == SO_INT8)
        kernels->quantize_q8(heads, SO_HEAD, query, SO_HEAD, q, SO_HEAD, scale);
    for (size_t h = 0; h < heads; h++) {
        size_t keys = h * capacity * SO_HEAD, row = h * capacity;
        if (seq->model->precision == SO_F32) {
            kernels->gemm_f32(1, n, SO_HEAD, query + h * SO_HEAD, SO_HEAD, layer->keys_f + keys, NULL, p,
                              width);
            float total = kernels->softmax_f32(n, p, QUERY_SCALE);
            kernels->weighted_sum_f32(n, SO_HEAD, p, layer->values_f + h * SO_HEAD, state, 1.0f / total,
                                      y + h * SO_HEAD);
            continue;
        }
        kernels->gemm_q8_s32(1, n, SO_HEAD, q + h * SO_HEAD, SO_HEAD, 128, layer->keys + keys,
                             layer->key_sums + row, scores, width);
        float total = kernels->softmax_s32_f32(n, scores, layer->key_scale + row, scale[h] * QUERY_SCALE, p);
        for (size_t j = 0; j < n; j++) p[j] *= layer->value_scale[row + j];
        kernels->weighted_sum_s8(n, SO_HEAD, p, layer->values + h * SO_HEAD, state, 1.0f / total,
                                 y + h * SO_HEAD);
    }
}
