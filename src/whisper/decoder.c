#include "whisper/decoder.h"

#include <string.h>

#include "nn/shape.h"
#include "util/memory.h"
#include "whisper/decoder_state.h"
#include "whisper/seq.h"

void so_decoder_free(struct so_decoder *d) {
    if (!d) return;
    so_nn_release(&d->nn);
    so_rows_free(&d->normed);
    so_rows_free(&d->hidden);
    so_rows_free(&d->heard);
    so_free(d->cross);
    so_free(d->x);
    so_free(d->wide);
    so_free(d->context);
    so_free(d->position);
    so_free(d->blocks);
    so_free(d->logits);
    so_free(d);
}

sotto_status so_decoder_create(const struct so_model *model, struct so_pool *pool, size_t max_rows, struct so_decoder **out,
                               sotto_error *err) {
    *out = NULL;
    size_t state = model->hp.n_text_state;
    struct so_decoder *d = so_calloc(1, sizeof *d);
    if (!d) return so_fail_memory(err, sizeof *d, "the decoder");
    d->model = model;
    d->max_rows = max_rows;
    sotto_status status = so_nn_init(&d->nn, pool, 4 * state, so_max(model->hp.n_audio_ctx, model->hp.n_text_ctx), err);
    if (status != SOTTO_OK) {
        so_decoder_free(d);
        return status;
    }
    d->x = so_calloc(max_rows * state, sizeof(float));
    d->wide = so_calloc(max_rows * 4 * state, sizeof(float));
    d->context = so_calloc(max_rows * state, sizeof(float));
    d->position = so_calloc(max_rows, sizeof *d->position);
    d->blocks = so_calloc(max_rows, sizeof *d->blocks);
    d->logits = so_calloc(max_rows, sizeof *d->logits);
    bool rows = so_rows_create(&d->normed, model->precision, max_rows, state);
    rows &= so_rows_create(&d->hidden, model->precision, max_rows, 4 * state);
    rows &= so_rows_create(&d->heard, model->precision, model->hp.n_audio_ctx, model->hp.n_audio_state);
    d->cross = so_alloc((size_t)model->hp.n_audio_ctx * 2 * state, sizeof *d->cross);
    if (!rows || !d->cross || !d->x || !d->wide || !d->context || !d->position || !d->blocks || !d->logits) {
        so_decoder_free(d);
        return so_fail_memory(err, max_rows * 10 * state, "the decoder");
    }
    *out = d;
    return SOTTO_OK;
}

/* Row of the token embedding; in INT8 the same bytes that the logits are computed with. */
static void embed(const struct so_decoder *d, int32_t token, size_t position, float *x) {
    const struct so_matrix *e = &d->model->token_embedding;
    const float *place = d->model->text_positions + position * e->k;
    size_t lane = (size_t)token % SO_LANES, panel = (size_t)token / SO_LANES;
    if (e->precision == SO_F32) {
        const float *row = e->f + panel * e->k * SO_LANES + lane;
        for (size_t c = 0; c < e->k; c++) x[c] = row[c * SO_LANES] + place[c];
        return;
    }
    const int8_t *row = e->q + panel * e->k * SO_LANES + lane * 4;
    float scale = e->scale[token];
    for (size_t c = 0; c < e->k; c++) {
        float value = (float)row[c / 4 * SO_LANES * 4 + c % 4] * scale;
        x[c] = value + place[c];
    }
}

struct self_job {
    struct so_decoder *d;
    const struct so_step_row *rows;
    size_t layer;
};

static void put_task(void *context, size_t item, size_t worker) {
    (void)worker;
    const struct self_job *job = context;
    size_t state = job->d->model->hp.n_text_state;
    const float *qkv = job->d->wide + item * 3 * state;
    so_seq_put(job->d->nn.kernels, job->rows[item].seq, job->layer, job->d->position[item], qkv + state, qkv + 2 * state);
}

static void self_task(void *context, size_t item, size_t worker) {
    const struct self_job *job = context;
    size_t state = job->d->model->hp.n_text_state;
    so_seq_attend(job->d->nn.kernels, job->rows[item].seq, job->layer, job->d->position[item] + 1, job->d->wide + item * 3 * state,
                  job->d->context + item * state, so_nn_scratch(&job->d->nn, worker));
}

static void count_attention(struct so_decoder *d, bool by_device) {
    so_count(&d->nn.products.qk, 1, by_device);
    so_count(&d->nn.products.pv, 1, by_device);
}

void so_decoder_self_attention(struct so_decoder *d, const struct so_step_row *rows, size_t n, size_t layer_index) {
    const struct so_decoder_layer *layer = &d->model->decoder[layer_index];
    size_t state = d->model->hp.n_text_state;
    so_norm(&d->nn, &layer->attn_norm, n, state, d->x, state, &d->normed);
    so_count(&d->nn.products.linear, 3, so_linear(&d->nn, &layer->qkv, n, &d->normed, d->wide, 3 * state));
    struct self_job job = {d, rows, layer_index};
    for (size_t r = 0; r < n; r++) so_seq_open(rows[r].seq, layer_index, d->position[r]);
    so_pool_run(d->nn.pool, n, put_task, &job); /* all of them first: a row attends to the rows before it in this step */
    so_pool_run(d->nn.pool, n, self_task, &job);
    count_attention(d, false);
    so_quantize(&d->nn, n, state, d->context, state, &d->normed);
    so_count(&d->nn.products.linear, 1, so_linear_add(&d->nn, &layer->out, n, &d->normed, d->x, state));
}

void so_decoder_cross_query(struct so_decoder *d, size_t n, size_t layer_index) {
    const struct so_decoder_layer *layer = &d->model->decoder[layer_index];
    size_t state = d->model->hp.n_text_state;
    so_norm(&d->nn, &layer->cross_norm, n, state, d->x, state, &d->normed);
    so_count(&d->nn.products.linear, 1, so_linear(&d->nn, &layer->cross_q, n, &d->normed, d->wide, state));
}

void so_decoder_cross_attention(struct so_decoder *d, const struct so_step_row *rows, size_t n, size_t layer_index) {
    const struct so_decoder_layer *layer = &d->model->decoder[layer_index];
    size_t state = d->model->hp.n_text_state, n_blocks = 0;
    for (size_t r = 0; r < n; r++) {
        struct so_attend_block *last = n_blocks ? &d->blocks[n_blocks - 1] : NULL;
        const struct so_memory *memory = &rows[r].seq->cross->layers[layer_index];
        if (last && last->memory == memory && last->n < SO_QUERY_BLOCK)
            last->n++;
        else
            d->blocks[n_blocks++] = (struct so_attend_block){memory, r, 1};
    }
    count_attention(d, so_attend(&d->nn, d->blocks, n_blocks, d->wide, state, d->context, state));
    so_quantize(&d->nn, n, state, d->context, state, &d->normed);
    so_count(&d->nn.products.linear, 1, so_linear_add(&d->nn, &layer->cross_out, n, &d->normed, d->x, state));
}

void so_decoder_feed_forward(struct so_decoder *d, size_t n, size_t layer_index) {
    const struct so_decoder_layer *layer = &d->model->decoder[layer_index];
    size_t state = d->model->hp.n_text_state;
    so_norm(&d->nn, &layer->mlp_norm, n, state, d->x, state, &d->normed);
    so_count(&d->nn.products.linear, 1,
             so_linear_gelu(&d->nn, &layer->fc1, n, &d->normed, d->wide, &d->hidden));
    so_count(&d->nn.products.linear, 1, so_linear_add(&d->nn, &layer->fc2, n, &d->hidden, d->x, state));
}

static void compute_logits(struct so_decoder *d, const struct so_step_row *rows, size_t n) {
    size_t state = d->model->hp.n_text_state, wanted = 0;
    for (size_t r = 0; r < n; r++) {
        if (!rows[r].logits) continue;
        memcpy(d->context + wanted * state, d->x + r * state, state * sizeof(float));
        d->logits[wanted++] = rows[r].logits;
    }
    if (!wanted) return;
    so_norm(&d->nn, &d->model->decoder_norm, wanted, state, d->context, state, &d->normed);
    so_count(&d->nn.products.logits, 1,
             so_linear_scatter(&d->nn, &d->model->token_embedding, wanted, &d->normed, d->logits));
}

sotto_status so_decoder_place(struct so_decoder *d, const struct so_step_row *rows, size_t n, sotto_error *err) {
    const struct so_hparams *hp = &d->model->hp;
    if (n == 0 || n > d->max_rows) return so_fail(err, SOTTO_ERR_ARGUMENT, "a step of %zu rows does not fit the decoder", n);
    for (size_t r = 0; r < n; r++) {
        struct so_seq *seq = rows[r].seq;
        if (rows[r].token < 0 || (uint32_t)rows[r].token >= hp->n_vocab)
            return so_fail(err, SOTTO_ERR_ARGUMENT, "token %d is not in the vocabulary", (int)rows[r].token);
        d->position[r] = r > 0 && rows[r - 1].seq == seq ? d->position[r - 1] + 1 : seq->length;
        if (d->position[r] >= hp->n_text_ctx)
            return so_fail(err, SOTTO_ERR_ARGUMENT, "the sequence is longer than the model's %u tokens", hp->n_text_ctx);
    }
    for (size_t r = 0; r < n; r++) embed(d, rows[r].token, d->position[r], d->x + r * hp->n_text_state);
    return SOTTO_OK;
}

sotto_status so_decoder_step(struct so_decoder *d, const struct so_step_row *rows, size_t n, sotto_error *err) {
    sotto_status status = so_decoder_place(d, rows, n, err);
    if (status != SOTTO_OK) return status;
    for (size_t i = 0; i < d->model->hp.n_text_layer; i++) {
        so_decoder_self_attention(d, rows, n, i);
        so_decoder_cross_query(d, n, i);
        so_decoder_cross_attention(d, rows, n, i);
        so_decoder_feed_forward(d, n, i);
    }
    compute_logits(d, rows, n);
    for (size_t r = 0; r < n; r++) rows[r].seq->length = d->position[r] + 1;
    return SOTTO_OK;
}

struct so_products so_decoder_products(const struct so_decoder *decoder) { return decoder->nn.products; }

void so_decoder_use(struct so_decoder *decoder, struct so_backend *backend) { decoder->nn.backend = backend; }

void so_decoder_observe(struct so_decoder *decoder, void (*observe)(void *, const struct so_matrix *, size_t, const struct so_rows *), void *observer) {
    decoder->nn.observe = observe;
    decoder->nn.observer = observer;
}
