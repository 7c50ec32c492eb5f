#include "decode/engine.h"

#include <time.h>

#include "features/logmel.h"
#include "util/memory.h"

double so_engine_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/** Add the time since `from` to a stage; returns now. */
static double charge(double *stage, double from) {
    double now = so_engine_clock();
    *stage += now - from;
    return now;
}

sotto_status so_engine_create(const struct so_model *model, size_t threads, struct so_engine *engine, sotto_error *err) {
    double from = so_engine_clock();
    *engine = (struct so_engine){.model = model};
    size_t mel_size = (size_t)SO_MEL_FRAMES * model->hp.n_mels;
    engine->mel = so_alloc(mel_size, sizeof *engine->mel);
    engine->rows = so_alloc(SO_ENGINE_ROWS, sizeof *engine->rows);
    sotto_status status = engine->mel && engine->rows ? SOTTO_OK : so_fail_memory(err, mel_size * sizeof(float), "features");
    if (!status) status = so_pool_create(threads, &engine->pool, err);
    if (!status) status = so_logmel_create(model->mel_filters, model->hp.n_mels, &engine->logmel, err);
    if (!status) status = so_encoder_create(model, engine->pool, &engine->encoder, err);
    if (!status) status = so_decoder_create(model, engine->pool, SO_ENGINE_ROWS, &engine->decoder, err);
    if (!status) status = so_cross_create(model, &engine->cross, err);
    if (status) so_engine_free(engine);
    charge(&engine->timing.load, from);
    return status;
}

void so_engine_free(struct so_engine *engine) {
    so_cross_free(engine->cross);
    so_decoder_free(engine->decoder);
    so_encoder_free(engine->encoder);
    so_logmel_free(engine->logmel);
    so_pool_free(engine->pool);
    so_free(engine->mel);
    so_free(engine->rows);
    *engine = (struct so_engine){0};
}

sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, sotto_error *err) {
    double from = so_engine_clock();
    size_t frames = so_min(SO_MEL_FRAMES, 2 * (size_t)engine->model->hp.n_audio_ctx);
    n_samples = so_min(n_samples, frames * SO_MEL_HOP);
    sotto_status status = so_logmel_window(engine->logmel, engine->pool, samples, n_samples, frames, engine->mel, err);
    from = charge(&engine->timing.features, from);
    const float *states = NULL;
    if (!status) status = so_encoder_run(engine->encoder, engine->mel, frames, &states, err);
    if (!status) status = so_cross_fill(engine->decoder, engine->cross, states, frames / 2, err);
    charge(&engine->timing.encode, from);
    return status;
}

sotto_status so_engine_language(struct so_engine *engine, struct so_language_guess *guess, sotto_error *err) {
    double from = so_engine_clock();
    size_t n_logits = so_round_up(engine->model->hp.n_vocab, 16);
    float *logits = so_alloc(n_logits, sizeof *logits);
    if (!logits) return so_fail_memory(err, n_logits * sizeof *logits, "logits");
    struct so_seq *seq = NULL;
    sotto_status status = so_seq_create(engine->model, &seq, err);
    if (!status) {
        so_seq_reset(seq, engine->cross);
        struct so_step_row row = {seq, engine->model->vocab.sot, logits};
        status = so_decoder_step(engine->decoder, &row, 1, err);
    }
    if (!status) *guess = so_language_guess(&engine->model->vocab, logits);
    so_seq_free(seq);
    so_free(logits);
    charge(&engine->timing.decode, from);
    return status;
}

sotto_status so_engine_decode(struct so_engine *engine, struct so_window *window, bool (*cancel)(void *), void *user,
                              sotto_error *err) {
    double from = so_engine_clock();
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
    return status;
}
