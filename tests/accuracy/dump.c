/**
 * dump MODEL RECORDING OUT [TOKEN...]
 *
 * What the engine computes on the way, for comparison with another engine: the first 30 s of the recording as
 * OUT.samples (float [480000]), OUT.mel (float [3000][n_mels]) and OUT.states (float [1500][n_audio_state]),
 * and, for each TOKEN fed in turn, the logits after it as a row of OUT.logits (float [tokens][n_vocab]).
 */
#include <stdio.h>
#include <stdlib.h>

#include "audio/audio.h"
#include "features/logmel.h"
#include "model/model.h"
#include "util/memory.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

enum { WINDOW_SAMPLES = SO_MEL_FRAMES * SO_MEL_HOP, MAX_TOKENS = 448 };

struct dump {
    struct so_model *model;
    struct so_pool *pool;
    struct so_logmel *logmel;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    struct so_seq *seq;
    float *samples; /* [WINDOW_SAMPLES] */
    float *mel;     /* [SO_MEL_FRAMES][n_mels] */
    float *logits;  /* [n_vocab rounded up to 16] */
};

static sotto_status write_floats(const char *out, const char *suffix, const char *mode, const float *x,
                                 size_t n, sotto_error *err) {
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s.%s", out, suffix);
    if (length < 0 || (size_t)length >= sizeof path)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the output's name is too long");
    FILE *file = fopen(path, mode);
    if (!file) return so_fail(err, SOTTO_ERR_IO, "%s cannot be opened", path);
    const bool good = fwrite(x, sizeof *x, n, file) == n;
    return fclose(file) == 0 && good ? SOTTO_OK : so_fail(err, SOTTO_ERR_IO, "%s cannot be written", path);
}

/** The first 30 s of a recording; *n: how many samples it has of them. */
static sotto_status read_window(const char *path, float *samples, size_t *n, sotto_error *err) {
    const struct so_audio_options options = {.channel = -1, .stream = -1};
    struct so_audio *audio = NULL;
    sotto_status status = so_audio_open(path, &options, &audio, err);
    *n = 0;
    while (!status && *n < WINDOW_SAMPLES) {
        size_t got = 0;
        status = so_audio_read(audio, samples + *n, WINDOW_SAMPLES - *n, &got, err);
        if (got == 0) break;
        *n += got;
    }
    so_audio_close(audio);
    return status;
}

static sotto_status prepare(struct dump *d, const char *model, sotto_error *err) {
    sotto_status status = so_model_map(model, &d->model, err);
    if (!status) status = so_pool_create(0, &d->pool, err);
    if (!status) status = so_logmel_create(d->model->mel_filters, d->model->hp.n_mels, &d->logmel, err);
    if (!status) status = so_encoder_create(d->model, d->pool, &d->encoder, err);
    if (!status) status = so_decoder_create(d->model, d->pool, 1, &d->decoder, err);
    if (!status) status = so_cross_create(d->model, &d->cross, err);
    if (!status) status = so_seq_create(d->model, &d->seq, err);
    if (status) return status;
    d->samples = so_calloc(WINDOW_SAMPLES, sizeof *d->samples);
    d->mel = so_calloc((size_t)SO_MEL_FRAMES * d->model->hp.n_mels, sizeof *d->mel);
    d->logits = so_calloc(so_round_up(d->model->hp.n_vocab, 16), sizeof *d->logits);
    if (!d->samples || !d->mel || !d->logits)
        return so_fail_memory(err, WINDOW_SAMPLES * sizeof(float), "a window");
    return SOTTO_OK;
}

static sotto_status run(struct dump *d, const char *recording, const char *out, const int32_t *tokens,
                        size_t n_tokens, sotto_error *err) {
    const struct so_hparams *hp = &d->model->hp;
    size_t n_samples = 0;
    const float *states = NULL; /* [1500][n_audio_state] */
    sotto_status status = read_window(recording, d->samples, &n_samples, err);
    if (!status) status = write_floats(out, "samples", "wb", d->samples, WINDOW_SAMPLES, err);
    if (!status)
        status = so_logmel_window(d->logmel, d->pool, d->samples, n_samples, SO_MEL_FRAMES, d->mel, err);
    if (!status) status = write_floats(out, "mel", "wb", d->mel, (size_t)SO_MEL_FRAMES * hp->n_mels, err);
    if (!status) status = so_encoder_run(d->encoder, d->mel, SO_MEL_FRAMES, &states, err);
    if (!status)
        status =
            write_floats(out, "states", "wb", states, (size_t)SO_MEL_FRAMES / 2 * hp->n_audio_state, err);
    if (!status) status = so_cross_fill(d->decoder, d->cross, states, SO_MEL_FRAMES / 2, err);
    if (!status) so_seq_reset(d->seq, d->cross);
    if (!status) status = write_floats(out, "logits", "wb", d->mel, 0, err);
    for (size_t i = 0; i < n_tokens && !status; i++) {
        const struct so_step_row row = {d->seq, tokens[i], d->logits};
        status = so_decoder_step(d->decoder, &row, 1, err);
        if (!status) status = write_floats(out, "logits", "ab", d->logits, hp->n_vocab, err);
    }
    return status;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 4 + MAX_TOKENS) {
        fprintf(stderr, "usage: dump MODEL.sotto RECORDING OUT [TOKEN...]\n");
        return 2;
    }
    int32_t tokens[MAX_TOKENS];
    for (int i = 4; i < argc; i++) tokens[i - 4] = (int32_t)strtol(argv[i], NULL, 10);

    struct dump d = {0};
    sotto_error err;
    sotto_status status = prepare(&d, argv[1], &err);
    if (!status) status = run(&d, argv[2], argv[3], tokens, (size_t)(argc - 4), &err);
    if (status) fprintf(stderr, "dump: %s\n", err.message);

    so_free(d.logits);
    so_free(d.mel);
    so_free(d.samples);
    so_seq_free(d.seq);
    so_cross_free(d.cross);
    so_decoder_free(d.decoder);
    so_encoder_free(d.encoder);
    so_logmel_free(d.logmel);
    so_pool_free(d.pool);
    so_model_unmap(d.model);
    return status ? 1 : 0;
}
