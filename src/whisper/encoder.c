#include "whisper/encoder.h"

#include <string.h>

#include "nn/attention.h"
#include "nn/shape.h"
#include "util/memory.h"

#define MAX_BLOCKS 64 /* of queries: n_audio_ctx / SO_QUERY_BLOCK, rounded up */

struct so_encoder {
    const struct so_model *model;
    struct so_nn nn;
    struct so_memory memory; /* keys and values of the layer at work */
    struct so_rows normed;   /* [ctx][3*state]: input of the linear layers, and of the second convolution */
    struct so_rows hidden;   /* [ctx][4*state] */
    float *mel;     /* [2*ctx + 2][n_mels], a zero frame at both ends */
    float *wide;    /* [2*ctx + 2][3*state]: the first convolution's output, zero frames at both ends; then QKV; then fc1 of few rows */
    float *x;       /* [ctx][state] the residual stream */
    float *context; /* [ctx][state] what attention gives */
};

void so_encoder_free(struct so_encoder *e) {
    if (!e) return;
    so_nn_release(&e->nn);
    so_memories_free(&e->memory, 1);
    so_rows_free(&e->normed);
    so_rows_free(&e->hidden);
    so_free(e->mel);
    so_free(e->wide);
    so_free(e->x);
    so_free(e->context);
    so_free(e);
}

sotto_status so_encoder_create(const struct so_model *model, struct so_pool *pool, struct so_encoder **out, sotto_error *err) {
    *out = NULL;
    const struct so_hparams *hp = &model->hp;
    size_t ctx = hp->n_audio_ctx, state = hp->n_audio_state, frames = 2 * ctx + 2;
    if ((ctx + SO_QUERY_BLOCK - 1) / SO_QUERY_BLOCK > MAX_BLOCKS)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "an audio context of %zu positions is too long", ctx);
    struct so_encoder *e = so_calloc(1, sizeof *e);
    if (!e) return so_fail_memory(err, sizeof *e, "the encoder");
    e->model = model;
    sotto_status status = so_nn_init(&e->nn, pool, 4 * state, ctx, err);
    if (status != SOTTO_OK) {
        so_encoder_free(e);
        return status;
    }
    e->mel = so_calloc(frames * hp->n_mels, sizeof(float));
    e->wide = so_alloc(so_max(frames * state, ctx * 4 * state), sizeof(float));
    e->x = so_alloc(ctx * state, sizeof(float));
    e->context = so_alloc(ctx * state, sizeof(float));
    bool rows = so_rows_create(&e->normed, model->precision, ctx, 3 * state);
    rows &= so_rows_create(&e->hidden, model->precision, ctx, 4 * state);
    rows &= so_memories_create(&e->memory, 1, model->precision, hp->n_audio_head, ctx);
    if (!e->mel || !e->wide || !e->x || !e->context || !rows) {
        so_encoder_free(e);
        return so_fail_memory(err, ctx * 12 * state, "the encoder");
    }
    *out = e;
    return SOTTO_OK;
}

/* Two convolutions over time (kernel 3, padding 1, the second with stride 2), each a linear layer over three
 * consecutive frames: rows of the product overlap in memory, nothing is copied. */
static void convolve(struct so_encoder *e, const float *mel, size_t frames) {
    const struct so_model *m = e->model;
    size_t n_mels = m->hp.n_mels, state = m->hp.n_audio_state, positions = frames / 2;
    memcpy(e->mel + n_mels, mel, frames * n_mels * sizeof(float));
    memset(e->mel + (frames + 1) * n_mels, 0, n_mels * sizeof(float));
    struct so_rows input = {.precision = SO_F32, .f = e->mel, .stride = n_mels};
    so_linear_gelu_f32(&e->nn, &m->conv1, frames, &input, e->wide + state, state);
    memset(e->wide, 0, state * sizeof(float));
    memset(e->wide + (frames + 1) * state, 0, state * sizeof(float));

    struct so_rows taps = {.precision = SO_F32, .f = e->wide, .stride = 2 * state};
    if (m->precision == SO_INT8) {
        taps = e->normed;
        so_quantize(&e->nn, positions, 3 * state, e->wide, 2 * state, &taps);
    }
    bool by_device = so_linear_gelu_f32(&e->nn, &m->conv2, positions, &taps, e->x, state);
    so_count(&e->nn.products.convolution, 1, by_device);
    e->nn.kernels->add_f32(positions, state, e->x, state, m->audio_positions, state);
}

static size_t query_blocks(struct so_attend_block *blocks, const struct so_memory *memory, size_t positions) {
    size_t n = 0;
    for (size_t first = 0; first < positions; first += SO_QUERY_BLOCK)
        blocks[n++] = (struct so_attend_block){memory, first, so_min(SO_QUERY_BLOCK, positions - first)};
    return n;
}

/* Queries, keys and values of a layer: one product, counted as the three that it is. */
static struct so_stage qkv_stage(struct so_encoder *e, const struct so_encoder_layer *layer, struct so_rows *normed) {
    size_t state = e->model->hp.n_audio_state;
    return (struct so_stage){.norm = &layer->attn_norm, .x = e->x, .cols = state, .ldx = state, .in = normed, .w = &layer->qkv,
                             .y = e->wide, .ldy = 3 * state};
}

static void attend(struct so_encoder *e, size_t positions) {
    struct so_nn *nn = &e->nn;
    size_t state = e->model->hp.n_audio_state;
    float *qkv = e->wide; /* [positions][3*state] */
    struct so_attend_block blocks[MAX_BLOCKS];
    so_memory_fill(nn, &e->memory, positions, qkv + state, qkv + 2 * state, 3 * state);
    size_t n_blocks = query_blocks(blocks, &e->memory, positions);
    bool by_device = so_attend(nn, blocks, n_blocks, qkv, 3 * state, e->context, state);
    so_count(&nn->products.qk, 1, by_device);
    so_count(&nn->products.pv, 1, by_device);
}

/* What follows a layer's attention, up to the next layer's: nothing in it looks at two rows. next: NULL after the last. */
static void run_rest(struct so_encoder *e, const struct so_encoder_layer *layer, const struct so_encoder_layer *next, size_t positions,
                     struct so_rows *normed) {
    struct so_nn *nn = &e->nn;
    size_t state = e->model->hp.n_audio_state, n = 3;
    bool by_device[4];
    struct so_stage stages[4] = {
        {.x = e->context, .cols = state, .ldx = state, .in = normed, .w = &layer->out, .add = true, .y = e->x, .ldy = state},
        {.norm = &layer->mlp_norm, .x = e->x, .cols = state, .ldx = state, .in = normed, .w = &layer->fc1, .y = e->wide, .out = &e->hidden},
        {.in = &e->hidden, .w = &layer->fc2, .add = true, .y = e->x, .ldy = state},
    };
    if (next) stages[n++] = qkv_stage(e, next, normed);
    so_stages(nn, stages, n, positions, by_device);
    for (size_t i = 0; i < n; i++) so_count(&nn->products.linear, i == 3 ? 3 : 1, by_device[i]);
}

static void begin_layer(struct so_encoder *e, const struct so_encoder_layer *layer, size_t positions, struct so_rows *normed) {
    bool by_device;
    struct so_stage first = qkv_stage(e, layer, normed);
    so_stages(&e->nn, &first, 1, positions, &by_device);
    so_count(&e->nn.products.linear, 3, by_device);
}

static void run_layers(struct so_encoder *e, size_t positions) {
    const struct so_model *m = e->model;
    struct so_rows normed = e->normed;
    normed.stride = m->hp.n_audio_state;
    begin_layer(e, &m->encoder[0], positions, &normed);
    for (size_t i = 0; i < m->hp.n_audio_layer; i++) {
        attend(e, positions);
        run_rest(e, &m->encoder[i], i + 1 < m->hp.n_audio_layer ? &m->encoder[i + 1] : NULL, positions, &normed);
    }
}

sotto_status so_encoder_begin(struct so_encoder *e, const float *mel, size_t frames, sotto_error *err) {
    if (frames < 2 || frames % 2 || frames / 2 > e->model->hp.n_audio_ctx)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "%zu frames do not fit the encoder", frames);
    convolve(e, mel, frames);
    return SOTTO_OK;
}

void so_encoder_layer(struct so_encoder *e, const struct so_encoder_layer *layer, size_t positions) {
    struct so_rows normed = e->normed;
    normed.stride = e->model->hp.n_audio_state;
    begin_layer(e, layer, positions, &normed);
    attend(e, positions);
    run_rest(e, layer, NULL, positions, &normed);
}

const float *so_encoder_end(struct so_encoder *e, size_t positions) {
    const struct so_model *m = e->model;
    struct so_rows out = {.precision = SO_F32, .f = e->context, .stride = m->hp.n_audio_state};
    so_norm(&e->nn, &m->encoder_norm, positions, m->hp.n_audio_state, e->x, m->hp.n_audio_state, &out);
    return e->context;
}

sotto_status so_encoder_run(struct so_encoder *e, const float *mel, size_t frames, const float **states, sotto_error *err) {
    sotto_status status = so_encoder_begin(e, mel, frames, err);
    if (status) return status;
    run_layers(e, frames / 2);
    *states = so_encoder_end(e, frames / 2);
    return SOTTO_OK;
}

struct so_products so_encoder_products(const struct so_encoder *encoder) { return encoder->nn.products; }

void so_encoder_use(struct so_encoder *encoder, struct so_backend *backend) { encoder->nn.backend = backend; }

void so_encoder_observe(struct so_encoder *encoder, void (*observe)(void *, const struct so_matrix *, size_t, const struct so_rows *), void *observer) {
    encoder->nn.observe = observe;
    encoder->nn.observer = observer;
}
