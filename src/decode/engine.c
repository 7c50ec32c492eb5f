#include "decode/engine.h"

#include "decode/turn.h"
#include "features/logmel.h"
#include "util/clock.h"
#include "util/memory.h"

/** Add the time since `from` to a stage; returns now. */
static double charge(double *stage, double from) {
    double now = so_now();
    *stage += now - from;
    return now;
}

sotto_status so_engine_create(const struct so_model *model, struct so_machines *machines, size_t threads, bool brief,
                              struct so_engine *engine, sotto_error *err) {
    double from = so_now();
    pthread_condattr_t clock;
    *engine = (struct so_engine){.model = model, .machines = machines, .brief = brief, .away = true};
    sotto_status status = so_machine_acquire(machines, threads, &engine->machine, err);
    if (status) return status;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->wake, &clock);
    pthread_condattr_destroy(&clock);
    so_turn_join(engine);
    charge(&engine->timing.load, from);
    return SOTTO_OK;
}

void so_engine_free(struct so_engine *engine) {
    if (!engine->machine) return;
    so_turn_leave(engine);
    pthread_cond_destroy(&engine->wake);
    so_machine_release(engine->machines, engine->machine);
    *engine = (struct so_engine){0};
}

size_t so_engine_share(struct so_engine *engine) {
    pthread_mutex_lock(&engine->machine->lock);
    size_t n = engine->machine->n_engines;
    pthread_mutex_unlock(&engine->machine->lock);
    return so_max(1, SO_MACHINE_WINDOWS / n);
}

/** Begin a turn: the machine works for this transcription, on its device. Returns when it began. */
static double begin_turn(struct so_engine *e) {
    so_turn_take(e);
    so_encoder_use(e->machine->encoder, e->device.backend);
    so_decoder_use(e->machine->decoder, e->device.backend);
    e->encoder_from = so_encoder_products(e->machine->encoder);
    e->decoder_from = so_decoder_products(e->machine->decoder);
    return so_now();
}

static void end_turn(struct so_engine *e, double from) {
    struct so_products encoder = so_encoder_products(e->machine->encoder), decoder = so_decoder_products(e->machine->decoder);
    so_products_add(&e->encoder, &encoder, &e->encoder_from);
    so_products_add(&e->decoder, &decoder, &e->decoder_from);
    so_turn_give(e, so_now() - from);
}

void so_engine_take(struct so_engine *engine) { engine->taken = begin_turn(engine); }

void so_engine_give(struct so_engine *engine) {
    charge(&engine->timing.decode, engine->taken);
    end_turn(engine, engine->taken);
}

sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, size_t positions, struct so_cross *cross,
                            sotto_error *err) {
    struct so_machine *m = engine->machine;
    double began = begin_turn(engine), from = began;
    size_t frames = so_min(SO_MEL_FRAMES, 2 * positions);
    n_samples = so_min(n_samples, frames * SO_MEL_HOP);
    sotto_status status = so_logmel_window(m->logmel, m->pool, samples, n_samples, frames, m->mel, err);
    from = charge(&engine->timing.features, from);
    const float *states = NULL;
    so_usage_begin(&engine->meter);
    if (!status) status = so_encoder_run(m->encoder, m->mel, frames, &states, err);
    from = charge(&engine->timing.encode, from);
    so_usage_end(&engine->meter, &engine->encoder_usage);
    so_usage_begin(&engine->meter);
    if (!status) status = so_cross_fill(m->decoder, cross, states, frames / 2, err);
    charge(&engine->timing.decode, from); /* the decoder's weights, once for each window */
    so_usage_end(&engine->meter, &engine->decoder_usage);
    end_turn(engine, began);
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
    so_engine_take(engine);
    so_usage_begin(&engine->meter);
    sotto_status status = so_decoder_step(engine->machine->decoder, l->rows, n, err);
    so_usage_end(&engine->meter, &engine->decoder_usage);
    so_engine_give(engine);
    return status;
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

void so_engine_use(struct so_engine *engine, const struct so_device_use *device) {
    engine->device = *device;
    engine->meter.backend = device->backend;
    engine->timing.load += device->seconds;
}

static sotto_products apart(struct so_tally tally) {
    return (sotto_products){tally.all - tally.device, tally.device};
}

void so_engine_products(const struct so_engine *engine, sotto_result *result) {
    struct so_products encoder = engine->encoder, decoder = engine->decoder;
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
    result->mismatches = stats.mismatches - engine->device.mismatches;
    if (!(result->matmuls_npu + apart_npu)) return;
    result->device_path = so_backend_name(engine->device.backend);
    result->lossy = engine->device.lossy;
    uint64_t completions;
    if (engine->device.counts && so_backend_completions(engine->device.backend, &completions) && completions >= engine->device.completions)
        result->npu_commands = (int64_t)(completions - engine->device.completions);
}
