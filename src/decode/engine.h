/**
 * One transcription's part of a machine (machine.h): its turns, its windows that are being decoded, what it took. Stages are timed.
 */
#ifndef SO_DECODE_ENGINE_H
#define SO_DECODE_ENGINE_H

#include "decode/device.h"
#include "decode/feed.h"
#include "decode/language.h"
#include "decode/machine.h"
#include "decode/usage.h"
#include "decode/window.h"
#include "model/model.h"

/** A window whose attempt is under way: between so_engine_begin and its end the machine's, else its owner's. */
struct so_run {
    struct so_window *window;
    bool active;         /**< under the machine's lock */
    sotto_status status; /**< how the attempt ended */
    sotto_error error;
    struct so_engine *owner;
    struct so_run *next;
    size_t asked; /**< rows of the step at work */
};

/** What a transcription waits for (turn.h). */
enum so_wants { SO_WANTS_NOTHING, SO_WANTS_WORK, SO_WANTS_STEP };

struct so_engine {
    const struct so_model *model;
    struct so_machines *machines;
    struct so_machine *machine;
    struct so_device_use device; /**< borrowed */
    sotto_timing timing;         /**< seconds spent so far, without waiting; of a step its share */
    struct so_usage_meter meter;
    sotto_usage encoder_usage, decoder_usage; /**< so far */
    struct so_products encoder, decoder;      /**< so far; products of a shared step count for each whom it served */
    struct so_products encoder_from, decoder_from; /**< the machine's at the beginning of the turn */

    double taken;                             /**< when so_engine_take got its turn */

    struct so_engine *next; /**< at the machine; this and what follows under its lock */
    pthread_cond_t wake;
    enum so_wants wants;
    bool brief;        /**< the recording is */
    bool away;         /**< busy with something that may take long */
    double served;     /**< seconds of the machine so far, of a step its share; counted from the least of those who were there before it */
    int mode;          /**< of the present turn (turn.c) */
    bool stepping;     /**< the present turn is a decoder step */
    struct so_run *runs;
    size_t n_active;   /**< of them */
    bool finished;     /**< one of them has ended and its owner has not looked yet */
};

/** brief: the recording is (turn.h). so_engine_free is needed after success only. */
sotto_status so_engine_create(const struct so_model *model, struct so_machines *machines, size_t threads, bool brief,
                              struct so_engine *engine, sotto_error *err);
void so_engine_free(struct so_engine *engine);

/** Let encoder and decoder use a device from now on, if there is one. The time it took to get it counts as loading. */
void so_engine_use(struct so_engine *engine, const struct so_device_use *device);

/** How many windows this transcription should hold at most, for the others' sake; at least 1. */
size_t so_engine_share(struct so_engine *engine);

/**
 * Encode a window of `positions` (at most n_audio_ctx, 20 ms each) into `cross`. samples: [n_samples], the rest is silence; what is
 * beyond the window is not heard.
 */
sotto_status so_engine_hear(struct so_engine *engine, const float *samples, size_t n_samples, size_t positions, struct so_cross *cross,
                            sotto_error *err);

/** The language by the mean probability over `n` windows (at most SO_ENGINE_ROWS). The model is multilingual. */
sotto_status so_engine_language(struct so_engine *engine, struct so_cross *const *windows, size_t n, struct so_language_guess *guess,
                                sotto_error *err);

/** The machine for something else than the above, by the caller's own hand; the time between counts as decoding. */
void so_engine_take(struct so_engine *engine);
void so_engine_give(struct so_engine *engine);

/** Give a window whose attempt has begun to the machine. `run` stays where it is until so_engine_withdraw. */
void so_engine_begin(struct so_engine *engine, struct so_run *run, struct so_window *window);

/** Whether the attempt is over (or none was begun) and the window its owner's again. */
bool so_engine_is_done(struct so_engine *engine, const struct so_run *run);

/** Let the machine go on: comes back when an attempt is over, after a step, and from time to time. */
void so_engine_advance(struct so_engine *engine);

/** Take all windows back, done or not. Always before windows or runs are freed. */
void so_engine_withdraw(struct so_engine *engine);

/** Run an attempt of a window to its end. cancel: asked between steps, may be NULL; SOTTO_ERR_CANCELLED if it says so. */
sotto_status so_engine_decode(struct so_engine *engine, struct so_window *window, bool (*cancel)(void *), void *user,
                              sotto_error *err);

/** The counters of matrix products, and the device that really computed, into a result. */
void so_engine_products(const struct so_engine *engine, sotto_result *result);

#endif
