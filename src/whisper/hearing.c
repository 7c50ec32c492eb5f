#include "whisper/hearing.h"

#include "features/logmel.h"
#include "util/memory.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

#define WINDOW ((size_t)SO_MEL_FRAMES * SO_MEL_HOP)
#define MOST_TOKENS 200

struct hearing {
    const struct so_model *model;
    struct so_logmel *logmel;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    struct so_seq *seq;
    float *mel;    /* [SO_MEL_FRAMES][n_mels] */
    float *logits; /* [16 * ceil(n_vocab / 16)] */
};

static void release(struct hearing *h) {
    so_seq_free(h->seq);
    so_cross_free(h->cross);
    so_decoder_free(h->decoder);
    so_encoder_free(h->encoder);
    so_logmel_free(h->logmel);
    so_free(h->mel);
    so_free(h->logits);
}

static sotto_status prepare(struct hearing *h, const struct so_model *model, struct so_pool *pool,
                            sotto_error *err) {
    const size_t mel = (size_t)SO_MEL_FRAMES * model->hp.n_mels;
    *h = (struct hearing){.model = model};
    h->mel = so_alloc(mel, sizeof *h->mel);
    h->logits = so_alloc(so_round_up(model->hp.n_vocab, 16), sizeof *h->logits);
    if (!h->mel || !h->logits) return so_fail_memory(err, mel * sizeof *h->mel, "a window");
    sotto_status status = so_logmel_create(model->mel_filters, model->hp.n_mels, &h->logmel, err);
    if (!status) status = so_encoder_create(model, pool, &h->encoder, err);
    if (!status) status = so_decoder_create(model, pool, 1, &h->decoder, err);
    if (!status) status = so_cross_create(model, &h->cross, err);
    return status ? status : so_seq_create(model, &h->seq, err);
}

/** One token in, the likeliest of [first, end) out. */
static sotto_status step(struct hearing *h, int32_t token, int32_t first, int32_t end, int32_t *next,
                         sotto_error *err) {
    const struct so_step_row row = {h->seq, token, h->logits};
    sotto_status status = so_decoder_step(h->decoder, &row, 1, err);
    *next = first;
    for (int32_t i = first; !status && i < end; i++)
        if (h->logits[i] > h->logits[*next]) *next = i;
    return status;
}

static sotto_status write_down(struct hearing *h, sotto_error *err) {
    const struct so_vocab *v = &h->model->vocab;
    int32_t token;
    so_seq_reset(h->seq, h->cross);
    sotto_status status =
        step(h, v->sot, v->first_language,
             v->first_language + (v->multilingual ? (int32_t)v->n_languages : 1), &token, err);
    if (v->multilingual) {
        if (!status) status = step(h, token, v->eot, v->eot + 1, &token, err);
        if (!status) status = step(h, v->transcribe, v->eot, v->eot + 1, &token, err);
    }
    token = v->no_timestamps;
    for (size_t i = 0; !status && i < MOST_TOKENS && token != v->eot; i++)
        status = step(h, token, 0, v->eot + 1, &token, err);
    return status;
}

sotto_status so_hear_and_write(const struct so_model *model, struct so_pool *pool, const float *samples,
                               size_t n, size_t most,
                               void (*observe)(void *, const struct so_matrix *, size_t,
                                               const struct so_rows *),
                               void *observer, sotto_error *err) {
    struct hearing h;
    sotto_status status = prepare(&h, model, pool, err);
    if (!status) {
        so_encoder_observe(h.encoder, observe, observer);
        so_decoder_observe(h.decoder, observe, observer);
    }
    for (size_t i = 0; !status && i < most && i * WINDOW < n; i++) {
        const size_t length = so_min(n - i * WINDOW, WINDOW),
                     frames = so_round_up(so_max(length / SO_MEL_HOP, 2), 2);
        const float *states;
        status = so_logmel_window(h.logmel, pool, samples + i * WINDOW, length, so_min(frames, SO_MEL_FRAMES),
                                  h.mel, err);
        if (!status) status = so_encoder_run(h.encoder, h.mel, so_min(frames, SO_MEL_FRAMES), &states, err);
        if (!status)
            status = so_cross_fill(h.decoder, h.cross, states, so_min(frames, SO_MEL_FRAMES) / 2, err);
        if (!status) status = write_down(&h, err);
    }
    release(&h);
    return status;
}
