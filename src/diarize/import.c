/* The converted checkpoints to a file of speaker models: every tensor by its name and exact shape, folded and
 * packed. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "diarize/fold.h"
#include "diarize/network.h"
#include "model/format.h"
#include "model/hash.h"
#include "model/output.h"
#include "model/pack.h"
#include "model/safetensors.h"
#include "util/compiler.h"
#include "util/memory.h"

#define MAX_PATH 4096
#define SOURCE_FILE "speakers.safetensors"
#define MAX_WIDTH 1024                /* columns of a norm */
#define MAX_WEIGHTS (512 * MAX_WIDTH) /* of the largest matrix */

struct import {
    struct so_foreign *source;
    size_t used; /* tensors read */
    struct so_networks networks;
    char *image; /* the file */
    float raw[MAX_WEIGHTS], folded[MAX_WEIGHTS];
    float norm[4][MAX_WIDTH], factor[MAX_WIDTH], shift[MAX_WIDTH];
    sotto_status status; /* of the first failure: everything after it does nothing */
    sotto_error *err;
};

static const struct so_piece *find(const struct import *im, const char *name) {
    for (size_t i = 0; i < im->source->n_pieces; i++)
        if (!strcmp(im->source->pieces[i].item, name)) return &im->source->pieces[i];
    return NULL;
}

/* The tensor called prefix.name, of n values in rows of k. */
static void take(struct import *im, float *out, size_t n, size_t k, const char *prefix, const char *name) {
    char full[64];
    if (im->status) return;
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    const struct so_piece *piece = find(im, full);
    if (!piece) {
        im->status = so_fail(im->err, SOTTO_ERR_MODEL, "the speaker models have no tensor %s", full);
    } else if (piece->shape[0] != n || so_piece_columns(piece) != k) {
        im->status = so_fail(im->err, SOTTO_ERR_MODEL, "%s has not the shape of this network", full);
    } else {
        im->status = im->source->format->rows(im->source, piece, 0, n, out, im->err);
        if (!im->status && !so_all_finite(out, n * k))
            im->status = so_fail(im->err, SOTTO_ERR_MODEL, "%s holds a value that is not finite", full);
        im->used++;
    }
}

static void copy(struct import *im, const float *to, const float *values, size_t n) {
    if (!im->status) memcpy((float *)(uintptr_t)to, values, n * sizeof *values);
}

/* im->factor and im->shift of a batch norm. trained: it has a weight and a bias. */
static void take_norm(struct import *im, size_t n, bool trained, const char *prefix) {
    if (trained) take(im, im->norm[0], n, 1, prefix, "weight");
    if (trained) take(im, im->norm[1], n, 1, prefix, "bias");
    take(im, im->norm[2], n, 1, prefix, "mean");
    take(im, im->norm[3], n, 1, prefix, "var");
    for (size_t i = 0; !im->status && i < n; i++)
        if (im->norm[3][i] < 0.0f)
            im->status = so_fail(im->err, SOTTO_ERR_MODEL, "%s: a variance below zero", prefix);
    if (!im->status)
        so_fold_norm(n, trained ? im->norm[0] : NULL, trained ? im->norm[1] : NULL, im->norm[2], im->norm[3],
                     im->factor, im->shift);
}

static void put_affine(struct import *im, const struct so_affine *a, size_t n) {
    copy(im, a->factor, im->factor, n);
    copy(im, a->shift, im->shift, n);
}

/* weight as it is to be, [m->n][m->k]. */
static void put(struct import *im, const struct so_matrix *m, const float *weight, const float *bias) {
    if (!im->status) so_fold_matrix(m, weight, bias);
}

/* What stands in im->folded, with the norm of im->factor and im->shift behind it. */
static void put_normed(struct import *im, const struct so_matrix *m) {
    if (im->status) return;
    so_fold_rows(im->folded, m->n, m->k, im->factor);
    so_fold_matrix(m, im->folded, im->shift);
}

static void put_linear(struct import *im, const struct so_matrix *m, const char *prefix) {
    take(im, im->raw, m->n, m->k, prefix, "weight");
    take(im, im->shift, m->n, 1, prefix, "bias");
    put(im, m, im->raw, im->shift);
}

static const char *text(char out[64], const char *format, ...) SO_PRINTF(2, 3);
static const char *text(char out[64], const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(out, 64, format, list);
    va_end(list);
    return out;
}

static void import_sinc(struct import *im, const struct so_segmentation_weights *s) {
    float *low = im->norm[0], *band = im->norm[1];
    take(im, low, SO_SINC_FILTERS / 2, 1, "s.sinc", "low_hz_");
    take(im, band, SO_SINC_FILTERS / 2, 1, "s.sinc", "band_hz_");
    take(im, im->factor, 1, 1, "s.wav_norm1d", "weight");
    take(im, im->factor + 1, 1, 1, "s.wav_norm1d", "bias");
    copy(im, s->wave, im->factor, 2);
    if (im->status) return;
    so_fold_sinc(low, band, im->folded);
    if (!so_all_finite(im->folded, SO_SINC_FILTERS * SO_SINC_TAPS))
        im->status = so_fail(im->err, SOTTO_ERR_MODEL, "s.sinc: bands that are none");
    for (size_t f = 0; f < SO_SINC_FILTERS; f++) {
        const float *from = im->folded + so_fold_sinc_order(f) * SO_SINC_TAPS;
        double sum = 0.0;
        for (size_t i = 0; i < SO_SINC_TAPS; i++) sum += (double)from[i];
        im->factor[f] = (float)sum;
        memcpy(im->raw + f * SO_SINC_TAPS, from, SO_SINC_TAPS * sizeof *from);
    }
    copy(im, s->sinc_sum, im->factor, SO_SINC_FILTERS);
    float *even = im->folded, *odd = even + SO_SINC_FOLDED * SO_SINC_HALF,
          *rest = odd + SO_SINC_FOLDED * (SO_SINC_TAPS / 2);
    so_fold_sinc_halves(im->raw, even, odd, rest);
    put(im, &s->sinc_even, even, NULL);
    put(im, &s->sinc_odd, odd, NULL);
    put(im, &s->sinc_rest, rest, NULL);
}

/* The first convolution's channels in the order of the filters: weight [n][80][taps]. */
static void reorder_channels(size_t n, size_t taps, const float *weight, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < SO_SINC_FILTERS; c++)
            memcpy(out + (i * SO_SINC_FILTERS + c) * taps,
                   weight + (i * SO_SINC_FILTERS + so_fold_sinc_order(c)) * taps, taps * sizeof *out);
}

static void import_convolutions(struct import *im, const struct so_segmentation_weights *s) {
    char name[64];
    for (int i = 0; i < 3; i++) {
        const size_t channels = i ? SO_CONV_OUT : SO_SINC_FILTERS, wide = i ? SO_CONV_WIDE : SO_SINC_FILTERS;
        text(name, "s.norm1d.%d", i);
        memset(im->factor, 0, 2 * wide * sizeof(float));
        take(im, im->factor, channels, 1, name, "weight");
        take(im, im->factor + wide, channels, 1, name, "bias");
        if (i == 0 && !im->status) {
            memcpy(im->norm[0], im->factor, 2 * wide * sizeof(float));
            reorder_channels(2, 1, im->norm[0], im->factor);
        }
        copy(im, s->norm[i], im->factor, 2 * wide);
        if (i == 2) break;
        text(name, "s.conv1d.%d", i + 1);
        take(im, im->raw, SO_CONV_OUT, channels * SO_CONV_TAPS, name, "weight");
        take(im, im->shift, SO_CONV_OUT, 1, name, "bias");
        const float *weight = im->raw;
        if (i == 0 && !im->status) {
            reorder_channels(SO_CONV_OUT, SO_CONV_TAPS, im->raw,
                             im->raw + SO_CONV_OUT * SO_SINC_FILTERS * SO_CONV_TAPS);
            weight = im->raw + SO_CONV_OUT * SO_SINC_FILTERS * SO_CONV_TAPS;
        }
        if (!im->status) so_fold_conv1d(weight, SO_CONV_OUT, channels, SO_CONV_TAPS, wide, im->folded);
        put(im, &s->conv[i], im->folded, im->shift);
    }
}

static void import_lstm(struct import *im, const struct so_segmentation_weights *s) {
    char name[64];
    for (int layer = 0; layer < SO_LSTM_LAYERS; layer++)
        for (int way = 0; way < 2; way++) {
            const char *reverse = way ? "_reverse" : "";
            const struct so_fine_matrix *fine = &s->lstm[layer].input[way];
            const struct so_matrix *input = &fine->main;
            const size_t k = layer ? input->k : SO_CONV_OUT;
            take(im, im->raw, input->n, k, "s.lstm", text(name, "weight_ih_l%d%s", layer, reverse));
            take(im, im->norm[0], input->n, 1, "s.lstm", text(name, "bias_ih_l%d%s", layer, reverse));
            take(im, im->norm[1], input->n, 1, "s.lstm", text(name, "bias_hh_l%d%s", layer, reverse));
            if (im->status) return;
            for (size_t i = 0; i < input->n; i++) im->norm[0][i] += im->norm[1][i];
            so_fold_conv1d(im->raw, input->n, k, 1, input->k, im->folded);
            so_fold_fine(fine, im->folded, im->norm[0]);
            take(im, im->raw, SO_LSTM_GATES, SO_LSTM_STATE, "s.lstm",
                 text(name, "weight_hh_l%d%s", layer, reverse));
            put(im, &s->lstm[layer].recurrent[way], im->raw, NULL);
        }
}

static void import_segmentation(struct import *im) {
    const struct so_segmentation_weights *s = &im->networks.segmentation;
    import_sinc(im, s);
    import_convolutions(im, s);
    import_lstm(im, s);
    put_linear(im, &s->linear[0], "s.linear.0");
    put_linear(im, &s->linear[1], "s.linear.1");
    put_linear(im, &s->classifier, "s.classifier");
}

/* A 2-D convolution (taps 9, or 1 for a shortcut) and the norm behind it. */
static void import_conv2d(struct import *im, const struct so_matrix *m, size_t channels, size_t taps,
                          const char *prefix, const char *norm) {
    take(im, im->raw, m->n, channels * taps, prefix, "weight");
    take_norm(im, m->n, true, norm);
    if (!im->status) so_fold_conv1d(im->raw, m->n, channels, taps, channels, im->folded);
    put_normed(im, m);
}

static void import_head(struct import *im, const struct so_embedding_weights *e) {
    char name[64], norm[64];
    import_conv2d(im, &e->first, 1, 9, "e.head.conv1", "e.head.bn1");
    for (int stage = 0; stage < 2; stage++)
        for (int i = 0; i < 2; i++) {
            const struct so_residual_weights *r = &e->head[stage][i];
            for (int c = 0; c < 2; c++)
                import_conv2d(im, &r->conv[c], SO_HEAD_CHANNELS, 9,
                              text(name, "e.head%d.%d.conv%d", stage + 1, i, c + 1),
                              text(norm, "e.head%d.%d.bn%d", stage + 1, i, c + 1));
            if (i == 0)
                import_conv2d(im, &r->shortcut, SO_HEAD_CHANNELS, 1,
                              text(name, "e.head%d.0.shortcut", stage + 1),
                              text(norm, "e.head%d.0.shortcut.norm", stage + 1));
        }
    import_conv2d(im, &e->last, SO_HEAD_CHANNELS, 9, "e.head.conv2", "e.head.bn2");
    take(im, im->raw, SO_BOTTLENECK, SO_TDNN_IN * SO_TDNN_TAPS, "e.tdnn.linear", "weight");
    take_norm(im, SO_BOTTLENECK, true, "e.tdnn.norm");
    if (!im->status) so_fold_head_order(im->raw, SO_BOTTLENECK, SO_TDNN_TAPS, im->folded);
    put_normed(im, &e->tdnn);
}

static void import_dense(struct import *im, const struct so_dense_weights *d, const char *prefix) {
    char name[64];
    const size_t width = d->bottleneck.k;
    take_norm(im, width, true, text(name, "%s.norm1", prefix));
    put_affine(im, &d->norm, width);
    take(im, im->folded, SO_BOTTLENECK, width, text(name, "%s.linear1", prefix), "weight");
    take_norm(im, SO_BOTTLENECK, true, text(name, "%s.norm2", prefix));
    put_normed(im, &d->bottleneck);
    take(im, im->raw, SO_GROWTH, SO_BOTTLENECK * SO_LOCAL_TAPS, text(name, "%s.local", prefix), "weight");
    if (!im->status) so_fold_local(im->raw, SO_BOTTLENECK, im->folded);
    put(im, &d->local, im->folded, NULL);
    put_linear(im, &d->gate[0], text(name, "%s.gate1", prefix));
    put_linear(im, &d->gate[1], text(name, "%s.gate2", prefix));
}

static void import_embedding(struct import *im) {
    const struct so_embedding_weights *e = &im->networks.embedding;
    char name[64];
    import_head(im, e);
    for (int b = 0; b < SO_DENSE_BLOCKS; b++) {
        for (uint32_t i = 0; i < so_dense_shapes[b].layers; i++)
            import_dense(im, &e->dense[b][i], text(name, "e.block%d.%u", b + 1, (unsigned)i + 1));
        take_norm(im, e->transit[b].k, true, text(name, "e.transit%d.norm", b + 1));
        put_affine(im, &e->transit_norm[b], e->transit[b].k);
        take(im, im->raw, e->transit[b].n, e->transit[b].k, text(name, "e.transit%d.linear", b + 1),
             "weight");
        put(im, &e->transit[b], im->raw, NULL);
    }
    take_norm(im, 512, true, "e.out_norm");
    put_affine(im, &e->out_norm, 512);
    take(im, im->folded, e->out.n, e->out.k, "e.dense.linear", "weight");
    take_norm(im, e->out.n, false, "e.dense.norm");
    put_normed(im, &e->out);
}

static sotto_status write_image(struct import *im, const char *destination, size_t size, sotto_error *err) {
    struct so_speakers_header *h = (struct so_speakers_header *)im->image;
    struct so_hash *state;
    struct so_output *output;
    memcpy(h->magic, SO_SPEAKERS_MAGIC, sizeof h->magic);
    h->version = SO_SPEAKERS_VERSION;
    h->byte_order = SO_FILE_BYTE_ORDER;
    h->file_size = size;
    h->precision = im->networks.precision;
    sotto_status status = so_hash_create(&state, err);
    if (status) return status;
    so_hash_add(state, h + 1, size - sizeof *h);
    so_hash_result(state, h->hash);
    so_hash_free(state);
    status = so_output_create(destination, &output, err);
    if (status) return status;
    status = so_output_write(output, 0, im->image, size, err);
    if (!status) return so_output_commit(output, err);
    so_output_discard(output);
    return status;
}

static sotto_status run(struct import *im, const char *path, const char *destination,
                        enum so_precision precision, sotto_error *err) {
    sotto_status status = so_safetensors_open(path, NULL, &im->source, err);
    if (status) return status;
    const size_t size = so_networks_place(&im->networks, precision, NULL);
    im->image = so_calloc(1, size); /* zeros: what the panels are padded with */
    if (!im->image) return so_fail_memory(err, size, "speaker models");
    so_networks_place(&im->networks, precision, im->image);
    im->err = err;
    import_segmentation(im);
    import_embedding(im);
    if (!im->status && im->used != im->source->n_pieces)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: %zu tensors where the speaker models have %zu", path,
                       im->source->n_pieces, im->used);
    return im->status ? im->status : write_image(im, destination, size, err);
}

/* The file itself, or the one in a folder. */
static bool source_path(const char *source, char path[MAX_PATH]) {
    const size_t length = strlen(source), name = strlen(SOURCE_FILE);
    if (so_infile_exists(source, true)) {
        const int n = snprintf(path, MAX_PATH, "%s/%s", source, SOURCE_FILE);
        return n > 0 && n < MAX_PATH && so_infile_exists(path, false);
    }
    if (length >= MAX_PATH || length < name || strcmp(source + length - name, SOURCE_FILE)) return false;
    memcpy(path, source, length + 1);
    return so_infile_exists(path, false);
}

bool so_speakers_recognise(const char *source) {
    char path[MAX_PATH];
    return source_path(source, path);
}

sotto_status so_speakers_import(const char *source, const char *destination, enum so_precision precision,
                                sotto_error *err) {
    char path[MAX_PATH];
    if (!source_path(source, path)) return so_fail(err, SOTTO_ERR_MODEL, "%s: no " SOURCE_FILE, source);
    struct import *im = so_calloc(1, sizeof *im);
    if (!im) return so_fail_memory(err, sizeof *im, "an import");
    const sotto_status status = run(im, path, destination, precision, err);
    so_foreign_close(im->source);
    so_free(im->image);
    so_free(im);
    return status;
}
