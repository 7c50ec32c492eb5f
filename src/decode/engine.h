/** Everything that one transcription runs on: threads, features, encoder, decoder. Stages are timed. */
#ifndef SO_DECODE_ENGINE_H
#define SO_DECODE_ENGINE_H

#include "decode/feed.h"
#include "decode/language.h"
#include "decode/window.h"
#include "model/model.h"
#include "util/pool.h"
#include "whisper/encoder.h"

/** Rows that one decoder step can serve: a prompt of 228 tokens takes a few steps. */
#define SO_ENGINE_ROWS 64

struct so_engine {
    const struct so_model *model;
    struct so_pool *pool;
    struct so_logmel *logmel;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    float *mel;                 /**< [SO_MEL_FRAMES][n_mels] */
    struct so_step_row *rows;   /**< [SO_ENGINE_ROWS] */
    sotto_timing timing;        /**< seconds spent so far */
};

sotto_status so_engine_create(const struct so_model *model, size_t threads, struct so_engine *engine, sotto_error *err);
void so_engine_free(struct so_engine *engine);

/** Encode one window and make engine->cross ready. samples: [n_samples], at most SO_FEED_SAMPLES; the rest is silence. */
sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, sotto_error *err);

/** The language of the window heard last. The model is multilingual. */
sotto_status so_engine_language(struct so_engine *engine, struct so_language_guess *guess, sotto_error *err);

/** Run an attempt of a window to its end. cancel: asked between steps, may be NULL; SOTTO_ERR_CANCELLED if it says so. */
sotto_status so_engine_decode(struct so_engine *engine, struct so_window *window, bool (*cancel)(void *), void *user,
                              sotto_error *err);

/** Seconds of a clock that only moves forward. */
double so_engine_clock(void);

#endif
