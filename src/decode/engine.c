#include "decode/engine.h"

#include "features/logmel.h"
#include "util/clock.h"
#include "util/memory.h"

/** Add the time since `from` to a stage; returns now. */
static double charge(double *stage, double from) {
    double now = so_now();
    *stage += now - from;
    return now;
}

sotto_status so_engine_create(const struct so_model *model, size_t threads, struct so_engine *engine, sotto_error *err) {
    double from = so_now();
    *engine = (struct so_engine){.model = model};
    size_t mel_size = (size_t)SO_MEL_FRAMES * model->hp.n_mels;
    engine->mel = so_alloc(mel_size, sizeof *engine->mel);
    engine->rows = so_alloc(SO_ENGINE_ROWS, sizeof *engine->rows);
    sotto_status status = engine->mel && engine->rows ? SOTTO_OK : so_fail_memory(err, mel_size * sizeof(float), "features");
    if (!status) status = so_pool_create(threads, &engine->pool, err);
    if (!status) status = so_logmel_create(model->mel_filters, model->hp.n_mels, &engine->logmel, err);
    if (!status) status = so_encoder_create(model, engine->pool, &engine->encoder, err);
    if (!status) status = so_decoder_create(model, engine->pool, SO_ENGINE_ROWS, &engine->decoder, err);
    if (status) so_engine_free(engine);
    charge(&engine->timing.load, from);
    return status;
}

void so_engine_free(struct so_engine *engine) {
    so_decoder_free(engine->decoder);
    so_encoder_free(engine->encoder);
    so_logmel_free(engine->logmel);
    so_pool_free(engine->pool);
    so_free(engine->mel);
    so_free(engine->rows);
    *engine = (struct so_engine){0};
}

sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, size_t positions, struct so_cross *cross,
                            sotto_error *err) {
    double from = so_now();
    size_t frames = so_min(SO_MEL_FRAMES, 2 * positions);
    n_samples = so_min(n_samples, frames * SO_MEL_HOP);
    sotto_status status = so_logmel_window(engine->logmel, engine->pool, samples, n_samples, frames, engine->mel, err);
    from = charge(&engine->timing.features, from);
    const float *states = NULL;
    so_usage_begin(&engine->meter);
    if (!status) status = so_encoder_run(engine->encoder, engine->mel, frames, &states, err);
    from = charge(&engine->timing.encode, from);
    so_usage_end(&engine->meter, &engine->encoder_usage);
    so_usage_begin(&engine->meter);
    if (!status) status = so_cross_fill(engine->decoder, cross, states, frames / 2, err);
    charge(&engine->timing.decode, from); /* the decoder's weights, once for each window */
    so_usage_end(&engine->meter, &engine->decoder_usage);
    return status;
}

struct listening {
    struct so_seq *seqs[SO_ENGINE_ROWS];
    float *logits[SO_ENGINE_ROWS]; /* each [n_vocab rounded up to 16] */
    struct so_step_row rows[SO_ENGINE_ROWS];
};

static sotto_status listen(struct so_engine *engine, struct listening *l, struct so_cross *const *windows, size_t n, sotto_error *err) {
    size_t n_logits = so_round_up(engine->model->hp.n_vocab, 16);
    for (size_t i = 0; i < n; i++) {
        l->logits[i] = so_alloc(n_logits, sizeof **l->logits);
        if (!l->logits[i]) return so_fail_memory(err, n_logits * sizeof **l->logits, "logits");
        sotto_status status = so_seq_create(engine->model, &l->seqs[i], err);
        if (status) return status;
        so_seq_reset(l->seqs[i], windows[i]);
        l->rows[i] = (struct so_step_row){l->seqs[i], engine->model->vocab.sot, l->logits[i]};
    }
    return so_engine_step(engine, l->rows, n, err);
}

sotto_status so_engine_language(struct so_engine *engine, struct so_cross *const *windows, size_t n, struct so_language_guess *guess,
                                sotto_error *err) {
    struct listening *l = so_calloc(1, sizeof *l);
    if (!l) return so_fail_memory(err, sizeof *l, "language detection");
    sotto_status status = listen(engine, l, windows, n, err);
    if (!status) *guess = so_language_guess(&engine->model->vocab, (const float *const *)l->logits, n);
    for (size_t i = 0; i < n; i++) {
        so_seq_free(l->seqs[i]);
        so_free(l->logits[i]);
    }
    so_free(l);
    return status;
}

sotto_status so_engine_step(struct so_engine *engine, const struct so_step_row *rows, size_t n, sotto_error *err) {
    so_usage_begin(&engine->meter);
    double from = so_now();
    sotto_status status = so_decoder_step(engine->decoder, rows, n, err);
    charge(&engine->timing.decode, from);
    so_usage_end(&engine->meter, &engine->decoder_usage);
    return status;
}

sotto_status so_engine_decode(struct so_engine *engine, struct so_window *window, bool (*cancel)(void *), void *user,
                              sotto_error *err) {
    so_usage_begin(&engine->meter);
    double from = so_now();
    sotto_status status = SOTTO_OK;
    size_t n;
    while (!status && (n = so_window_next(window, engine->rows, SO_ENGINE_ROWS)) > 0) {
        if (cancel && cancel(user)) {
            status = so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
            break;
        }
        status = so_decoder_step(engine->decoder, engine->rows, n, err);
        if (!status) status = so_window_consume(window, err);
    }
    charge(&engine->timing.decode, from);
    so_usage_end(&engine->meter, &engine->decoder_usage);
    return status;
}

void so_engine_use(struct so_engine *engine, const struct so_device_use *device) {
    engine->device = *device;
    engine->meter.backend = device->backend;
    engine->timing.load += device->seconds;
    so_encoder_use(engine->encoder, device->backend);
    so_decoder_use(engine->decoder, device->backend);
}

static sotto_products apart(struct so_tally tally) {
    return (sotto_products){tally.all - tally.device, tally.device};
}

void so_engine_products(const struct so_engine *engine, sotto_result *result) {
    struct so_products encoder = so_encoder_products(engine->encoder),
                       decoder = so_decoder_products(engine->decoder);
    struct sotto_product_counts *p = &result->products;
    *p = (sotto_product_counts){
        .encoder = apart(encoder.linear),
        .cross = apart(decoder.cross),
        .decoder = apart(decoder.linear),
        .convolution = apart(encoder.convolution),
        .qk = apart(encoder.qk),
        .pv = apart(encoder.pv),
        .decoder_qk = apart(decoder.qk),
        .decoder_pv = apart(decoder.pv),
        .logits = apart(decoder.logits),
    };
    result->matmuls_cpu = p->encoder.cpu + p->cross.cpu + p->decoder.cpu;
    result->matmuls_npu = p->encoder.npu + p->cross.npu + p->decoder.npu;
    result->fallbacks = encoder.fallbacks + decoder.fallbacks;
    result->npu_commands = -1;
    uint64_t apart_npu =
        p->convolution.npu + p->qk.npu + p->pv.npu + p->decoder_qk.npu + p->decoder_pv.npu + p->logits.npu;
    if (!engine->device.backend) return;
    struct so_backend_stats stats;
    so_backend_statistics(engine->device.backend, &stats);
    result->retries = stats.retries - engine->device.retries;
    if (!(result->matmuls_npu + apart_npu)) return;
    result->device_path = so_backend_name(engine->device.backend);
    result->lossy = engine->device.lossy;
    uint64_t completions;
    if (engine->device.counts && so_backend_completions(engine->device.backend, &completions) && completions >= engine->device.completions)
        result->npu_commands = (int64_t)(completions - engine->device.completions);
}
