#include "whisper/fidelity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "features/logmel.h"
#include "model/pack.h"
#include "util/memory.h"
#include "whisper/encoder.h"

#define FRAMES 1000 /* 10 s */

/** The encoder in float32: everything but its matrices is the model's own. */
struct twin {
    struct so_model model;
    const struct so_weights *weights;
    float *rows;      /* [16][4 * state] */
    float *turned;    /* [4 * state] */
    float *panels[4]; /* of a layer's matrices, the widest [4 * state][state] */
};

static void twin_release(struct twin *twin) {
    so_free(twin->rows);
    so_free(twin->turned);
    for (size_t i = 0; i < SO_COUNT(twin->panels); i++) so_free(twin->panels[i]);
}

static sotto_status twin_init(struct twin *twin, const struct so_model *model,
                              const struct so_weights *weights, sotto_error *err) {
    const size_t state = model->hp.n_audio_state;
    *twin = (struct twin){.model = *model, .weights = weights};
    twin->model.precision = SO_F32;
    twin->rows = so_alloc(SO_PANEL * 4 * state, sizeof(float));
    twin->turned = so_alloc(4 * state, sizeof(float));
    bool all = twin->rows && twin->turned;
    for (size_t i = 0; i < SO_COUNT(twin->panels); i++) {
        twin->panels[i] = so_alloc(4 * state * state, sizeof(float));
        all &= twin->panels[i] != NULL;
    }
    if (all) return SOTTO_OK;
    twin_release(twin);
    return so_fail_memory(err, 16 * state * state * sizeof(float), "a layer in float32");
}

/** `matrix`, which has its bias already, gets the float weights of an item. */
static sotto_status load(struct twin *twin, const char *name, bool conv, struct so_matrix *matrix,
                         float *panels, sotto_error *err) {
    struct so_item item = {
        .kind = conv ? SO_ITEM_CONV : SO_ITEM_MATRIX, .precision = SO_F32, .n = matrix->n, .k = matrix->k};
    const size_t k = item.k;
    snprintf(item.name, sizeof item.name, "%s", name);
    for (uint32_t n = 0; n < item.n; n += SO_PANEL) {
        const uint32_t count = item.n - n < SO_PANEL ? item.n - n : SO_PANEL;
        sotto_status status =
            twin->weights->rows(twin->weights->context, &item, SO_PART_WEIGHT, n, count, twin->rows, err);
        if (status) return status;
        for (uint32_t i = 0; conv && i < count; i++) {
            so_pack_taps(twin->rows + i * k, k / 3, twin->turned);
            memcpy(twin->rows + i * k, twin->turned, k * sizeof(float));
        }
        so_pack_f32(twin->rows, count, k, panels + (size_t)n * k);
    }
    matrix->precision = SO_F32;
    matrix->f = panels;
    return SOTTO_OK;
}

static sotto_status load_layer(struct twin *twin, uint32_t index, struct so_encoder_layer *layer,
                               sotto_error *err) {
    static const char *const names[] = {"qkv", "out", "fc1", "fc2"};
    *layer = twin->model.encoder[index];
    struct so_matrix *const matrices[] = {&layer->qkv, &layer->out, &layer->fc1, &layer->fc2};
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; !status && i < SO_COUNT(names); i++) {
        char name[32];
        snprintf(name, sizeof name, "encoder.%u.%s", (unsigned)index, names[i]);
        status = load(twin, name, false, matrices[i], twin->panels[i], err);
    }
    return status;
}

/** States of the window in float32; [FRAMES / 2][state], the encoder's own. */
static sotto_status run_twin(struct twin *twin, struct so_encoder *encoder, const float *mel,
                             const float **states, sotto_error *err) {
    sotto_status status = load(twin, "encoder.conv2", true, &twin->model.conv2, twin->panels[0], err);
    if (!status) status = so_encoder_begin(encoder, mel, FRAMES, err);
    for (uint32_t i = 0; !status && i < twin->model.hp.n_audio_layer; i++) {
        struct so_encoder_layer layer;
        status = load_layer(twin, i, &layer, err);
        if (!status) so_encoder_layer(encoder, &layer, FRAMES / 2);
    }
    if (!status) *states = so_encoder_end(encoder, FRAMES / 2);
    return status;
}

static double correlate(const float *a, const float *b, size_t positions, size_t state) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t c = 0; c < state; c++) {
        double mean_a = 0, mean_b = 0;
        for (size_t p = 0; p < positions; p++) mean_a += a[p * state + c], mean_b += b[p * state + c];
        mean_a /= (double)positions, mean_b /= (double)positions;
        for (size_t p = 0; p < positions; p++) {
            const double x = a[p * state + c] - mean_a, y = b[p * state + c] - mean_b;
            ab += x * y, aa += x * x, bb += y * y;
        }
    }
    return aa * bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/** Encode with the model itself and keep the states. */
static sotto_status run_model(const struct so_model *model, struct so_pool *pool, const float *mel,
                              float *kept, sotto_error *err) {
    struct so_encoder *encoder;
    const float *states;
    sotto_status status = so_encoder_create(model, pool, &encoder, err);
    if (!status) status = so_encoder_run(encoder, mel, FRAMES, &states, err);
    if (!status) memcpy(kept, states, FRAMES / 2 * (size_t)model->hp.n_audio_state * sizeof *kept);
    so_encoder_free(encoder);
    return status;
}

static sotto_status make_mel(const struct so_model *model, struct so_pool *pool, float *mel,
                             sotto_error *err) {
    const size_t n = (size_t)FRAMES * SO_MEL_HOP;
    struct so_logmel *logmel = NULL;
    float *samples = so_alloc(n, sizeof *samples);
    sotto_status status = samples ? so_logmel_create(model->mel_filters, model->hp.n_mels, &logmel, err)
                                  : so_fail_memory(err, n * sizeof *samples, "a window");
    if (!status) {
        so_made_up_speech(samples, n);
        status = so_logmel_window(logmel, pool, samples, n, FRAMES, mel, err);
    }
    so_logmel_free(logmel);
    so_free(samples);
    return status;
}

sotto_status so_fidelity(const struct so_model *model, const struct so_weights *weights, struct so_pool *pool,
                         double *correlation, sotto_error *err) {
    const size_t state = model->hp.n_audio_state, positions = FRAMES / 2;
    struct twin twin;
    struct so_encoder *encoder = NULL;
    const float *states;
    *correlation = 0;
    sotto_status status = twin_init(&twin, model, weights, err);
    if (status) return status;
    float *mel = so_alloc((size_t)FRAMES * model->hp.n_mels, sizeof *mel),
          *kept = so_alloc(positions * state, sizeof *kept);
    if (!mel || !kept) status = so_fail_memory(err, positions * state * sizeof *kept, "a window");
    if (!status) status = make_mel(model, pool, mel, err);
    if (!status) status = run_model(model, pool, mel, kept, err);
    if (!status) status = so_encoder_create(&twin.model, pool, &encoder, err);
    if (!status) status = run_twin(&twin, encoder, mel, &states, err);
    if (!status) *correlation = correlate(kept, states, positions, state);
    so_encoder_free(encoder);
    so_free(mel);
    so_free(kept);
    twin_release(&twin);
    return status;
}
