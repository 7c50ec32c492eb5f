/* Cross attention's keys and values: computed once for a window, read at every step. */
#include "nn/shape.h"
#include "util/memory.h"
#include "whisper/decoder_state.h"
#include "whisper/seq.h"

void so_cross_free(struct so_cross *cross) {
    if (!cross) return;
    if (cross->layers) so_memories_free(cross->layers, cross->model->hp.n_text_layer);
    so_free(cross->layers);
    so_free(cross);
}

sotto_status so_cross_create(const struct so_model *model, struct so_cross **out, sotto_error *err) {
    *out = NULL;
    struct so_cross *cross = so_calloc(1, sizeof *cross);
    if (!cross) return so_fail_memory(err, sizeof *cross, "cross attention");
    cross->model = model;
    cross->layers = so_calloc(model->hp.n_text_layer, sizeof *cross->layers);
    if (!cross->layers ||
        !so_memories_create(cross->layers, model->hp.n_text_layer, model->precision, model->hp.n_text_head, model->hp.n_audio_ctx)) {
        so_cross_free(cross);
        return so_fail_memory(err, (size_t)model->hp.n_audio_ctx * model->hp.n_text_state, "cross attention");
    }
    *out = cross;
    return SOTTO_OK;
}

struct filling {
    struct so_decoder *decoder;
    struct so_cross *cross;
    size_t positions, first; /* layer of the first matrix */
};

static void fill_layer(void *context, size_t i) {
    const struct filling *f = context;
    size_t state = f->decoder->model->hp.n_text_state;
    const float *kv = f->decoder->cross; /* [positions][2*state]: keys, values */
    so_memory_fill(&f->decoder->nn, &f->cross->layers[f->first + i], f->positions, kv, kv + state, 2 * state);
}

#define TOGETHER 32 /* layers whose keys and values are asked for at a time */

sotto_status so_cross_fill(struct so_decoder *d, struct so_cross *cross, const float *states, size_t positions, sotto_error *err) {
    const struct so_model *m = d->model;
    size_t state = m->hp.n_text_state, audio_state = m->hp.n_audio_state;
    if (positions == 0 || positions > m->hp.n_audio_ctx)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "%zu positions do not fit the decoder", positions);
    so_quantize(&d->nn, positions, audio_state, states, audio_state, &d->heard);
    struct filling f = {d, cross, positions, 0};
    for (; f.first < m->hp.n_text_layer; f.first += TOGETHER) {
        const struct so_matrix *w[TOGETHER];
        size_t n = so_min(TOGETHER, m->hp.n_text_layer - f.first);
        for (size_t i = 0; i < n; i++) w[i] = &m->decoder[f.first + i].cross_kv;
        bool by_device = so_linear_each(&d->nn, w, n, positions, &d->heard, d->cross, 2 * state, fill_layer, &f);
        so_count(&d->nn.products.cross, 2 * n, by_device);
    }
    return SOTTO_OK;
}
