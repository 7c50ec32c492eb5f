/* One walk over all arrays of the networks, in the order of the file: it sets pointers, or shows what they
 * point to. */
#include <string.h>

#include "diarize/network.h"
#include "util/memory.h"

const struct so_dense_shape so_dense_shapes[SO_DENSE_BLOCKS] = {
    {12, 1, 128, 512}, {24, 2, 256, 1024}, {16, 2, 512, 1024}};

struct walk {
    const char *file; /* NULL: sizes only */
    size_t at;
    enum so_precision precision;
    so_array_visitor *visit; /* NULL: pointers are set */
    void *context;
    sotto_status status;
    sotto_error *err;
};

static const void *array(struct walk *w, enum so_array_kind kind, const void *current, size_t count) {
    if (w->visit) {
        if (!w->status) w->status = w->visit(w->context, kind, current, count, w->err);
        return current;
    }
    const void *here = w->file ? w->file + w->at : NULL;
    w->at += so_round_up(count * (kind == SO_ARRAY_S8 ? 1 : 4), SO_ALIGNMENT);
    return here;
}

static void floats(struct walk *w, const float **values, size_t count) {
    *values = array(w, SO_ARRAY_F32, *values, count);
}

static void matrix_in(struct walk *w, struct so_matrix *m, uint32_t n, uint32_t k,
                      enum so_precision precision) {
    const size_t wide = so_round_up(n, SO_LANES);
    if (!w->visit) *m = (struct so_matrix){.n = n, .k = k, .precision = precision};
    if (precision == SO_INT8) {
        m->q = array(w, SO_ARRAY_S8, m->q, wide * so_round_up(k, 4));
        m->bsum = array(w, SO_ARRAY_S32, m->bsum, wide);
        floats(w, &m->scale, wide);
    } else {
        floats(w, &m->f, wide * k);
    }
    floats(w, &m->bias, wide);
}

static void matrix(struct walk *w, struct so_matrix *m, uint32_t n, uint32_t k) {
    matrix_in(w, m, n, k, w->precision);
}

static void fine_matrix(struct walk *w, struct so_fine_matrix *m, uint32_t n, uint32_t k, bool fine) {
    matrix(w, &m->main, n, k);
    if (fine && w->precision == SO_INT8) matrix(w, &m->rest, n, k);
}

static void float_matrix(struct walk *w, struct so_matrix *m, uint32_t n, uint32_t k) {
    matrix_in(w, m, n, k, SO_F32);
}

static void affine(struct walk *w, struct so_affine *a, size_t n) {
    floats(w, &a->factor, n);
    floats(w, &a->shift, n);
}

static void segmentation(struct walk *w, struct so_segmentation_weights *s) {
    floats(w, &s->wave, 2);
    float_matrix(w, &s->sinc_even, SO_SINC_FOLDED, SO_SINC_HALF);
    float_matrix(w, &s->sinc_odd, SO_SINC_FOLDED, SO_SINC_TAPS / 2);
    float_matrix(w, &s->sinc_rest, SO_SINC_WHOLE, SO_SINC_TAPS);
    floats(w, &s->sinc_sum, SO_SINC_FILTERS);
    for (int i = 0; i < 3; i++) floats(w, &s->norm[i], 2 * (i ? SO_CONV_WIDE : SO_SINC_FILTERS));
    float_matrix(w, &s->conv[0], SO_CONV_OUT, SO_CONV_TAPS * SO_SINC_FILTERS);
    float_matrix(w, &s->conv[1], SO_CONV_OUT, SO_CONV_TAPS * SO_CONV_WIDE);
    for (int layer = 0; layer < SO_LSTM_LAYERS; layer++)
        for (int way = 0; way < 2; way++) {
            fine_matrix(w, &s->lstm[layer].input[way], SO_LSTM_GATES,
                        layer ? 2 * SO_LSTM_STATE : SO_CONV_WIDE, layer == SO_LSTM_FINE);
            matrix(w, &s->lstm[layer].recurrent[way], SO_LSTM_GATES, SO_LSTM_STATE);
        }
    float_matrix(w, &s->linear[0], 128, 2 * SO_LSTM_STATE);
    float_matrix(w, &s->linear[1], 128, 128);
    float_matrix(w, &s->classifier, 7, 128);
}

static void embedding(struct walk *w, struct so_embedding_weights *e) {
    const uint32_t patch = 9 * SO_HEAD_CHANNELS;
    float_matrix(w, &e->first, SO_HEAD_CHANNELS, 9);
    for (int stage = 0; stage < 2; stage++)
        for (int i = 0; i < 2; i++) {
            struct so_residual_weights *r = &e->head[stage][i];
            for (int c = 0; c < 2; c++) matrix(w, &r->conv[c], SO_HEAD_CHANNELS, patch);
            if (i == 0) matrix(w, &r->shortcut, SO_HEAD_CHANNELS, SO_HEAD_CHANNELS);
        }
    matrix(w, &e->last, SO_HEAD_CHANNELS, patch);
    matrix(w, &e->tdnn, SO_BOTTLENECK, SO_TDNN_TAPS * SO_TDNN_IN);
    for (int b = 0; b < SO_DENSE_BLOCKS; b++) {
        const struct so_dense_shape *shape = &so_dense_shapes[b];
        for (uint32_t i = 0; i < shape->layers; i++) {
            struct so_dense_weights *d = &e->dense[b][i];
            const uint32_t width = shape->start + i * SO_GROWTH;
            affine(w, &d->norm, width);
            matrix(w, &d->bottleneck, SO_BOTTLENECK, width);
            matrix(w, &d->local, SO_LOCAL_TAPS * SO_GROWTH, SO_BOTTLENECK);
            float_matrix(w, &d->gate[0], SO_GATE, SO_BOTTLENECK);
            float_matrix(w, &d->gate[1], SO_GROWTH, SO_GATE);
        }
        affine(w, &e->transit_norm[b], shape->end);
        matrix(w, &e->transit[b], b ? 512 : 256, shape->end);
    }
    affine(w, &e->out_norm, 512);
    float_matrix(w, &e->out, 192, 1024);
}

size_t so_networks_place(struct so_networks *networks, enum so_precision precision, const void *file) {
    struct walk w = {.file = file, .at = sizeof(struct so_speakers_header), .precision = precision};
    memset(networks, 0, sizeof *networks);
    networks->precision = precision;
    segmentation(&w, &networks->segmentation);
    embedding(&w, &networks->embedding);
    return w.at;
}

sotto_status so_networks_visit(const struct so_networks *networks, so_array_visitor *visit, void *context,
                               sotto_error *err) {
    struct so_networks copy = *networks; /* a walk that visits changes nothing, but it could */
    struct walk w = {.precision = networks->precision, .visit = visit, .context = context, .err = err};
    segmentation(&w, &copy.segmentation);
    embedding(&w, &copy.embedding);
    return w.status;
}
