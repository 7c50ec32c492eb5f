/** Everything that one transcription runs on: threads, features, encoder, decoder. Stages are timed. */
#ifndef SO_DECODE_ENGINE_H
#define SO_DECODE_ENGINE_H

#include "decode/device.h"
#include "decode/feed.h"
#include "decode/language.h"
#include "decode/usage.h"
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
    struct so_device_use device; /**< borrowed */
    float *mel;                 /**< [SO_MEL_FRAMES][n_mels] */
    struct so_step_row *rows;   /**< [SO_ENGINE_ROWS] */
    sotto_timing timing;        /**< seconds spent so far */
    struct so_usage_meter meter;
    sotto_usage encoder_usage, decoder_usage; /**< so far */
};

sotto_status so_engine_create(const struct so_model *model, size_t threads, struct so_engine *engine, sotto_error *err);
void so_engine_free(struct so_engine *engine);

/** Let encoder and decoder use a device from now on, if there is one. The time it took to get it counts as loading. */
void so_engine_use(struct so_engine *engine, const struct so_device_use *device);

/**
 * Encode a window of `positions` (at most n_audio_ctx, 20 ms each) into `cross`. samples: [n_samples], the rest is silence; what is
 * beyond the window is not heard.
 */
sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, size_t positions, struct so_cross *cross,
                            sotto_error *err);

/** The language by the mean probability over `n` windows (at most SO_ENGINE_ROWS). The model is multilingual. */
sotto_status so_engine_language(struct so_engine *engine, struct so_cross *const *windows, size_t n, struct so_language_guess *guess,
                                sotto_error *err);

/** One decoder step, timed. */
sotto_status so_engine_step(struct so_engine *engine, const struct so_step_row *rows, size_t n, sotto_error *err);

/** Run an attempt of a window to its end. cancel: asked between steps, may be NULL; SOTTO_ERR_CANCELLED if it says so. */
sotto_status so_engine_decode(struct so_engine *engine, struct so_window *window, bool (*cancel)(void *), void *user,
                              sotto_error *err);

/** The counters of matrix products, and the device that really computed, into a result. */
void so_engine_products(const struct so_engine *engine, sotto_result *result);

#endif
