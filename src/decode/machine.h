/**
 * What a model's transcriptions compute on: threads, features, encoder, decoder. Those that run at the same time share one, so that a
 * step of the decoder, which reads all weights, serves the windows of all of them. It does one thing at a time (turn.h).
 */
#ifndef SO_DECODE_MACHINE_H
#define SO_DECODE_MACHINE_H

#include <pthread.h>

#include "features/logmel.h"
#include "util/pool.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

/** Rows that one decoder step can serve: a prompt of 228 tokens takes a few steps. */
#define SO_ENGINE_ROWS 64

/** Windows that all transcriptions at work hold at once, about: each has one in any case. */
#define SO_MACHINE_WINDOWS 16

struct so_engine;

struct so_machine {
    struct so_pool *pool;
    struct so_logmel *logmel;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    float *mel;               /**< [SO_MEL_FRAMES][n_mels] */
    struct so_step_row *rows; /**< [SO_ENGINE_ROWS] */
    size_t threads;           /**< as they were asked for */
    struct so_machine *next;  /**< of the model */
    unsigned users;           /**< under the lock of the model's machines */

    pthread_mutex_t lock;     /**< of what follows */
    struct so_engine *first;  /**< transcriptions at work */
    struct so_engine *holder; /**< whose turn it is; NULL: nobody's */
    size_t n_engines;
    const void *listener;     /**< who runs loops beside the pool's own; NULL: nobody */
    double owed;       /**< seconds that long recordings have to get back from brief ones */
    bool paying;       /**< which they do now */
    size_t next_start; /**< which transcription a step serves first, for their windows may not all fit */
};

struct so_machines; /**< of a model: one machine for each number of threads that is in use */

/** `model` must outlive them. */
sotto_status so_machines_create(const struct so_model *model, struct so_machines **out, sotto_error *err);
void so_machines_free(struct so_machines *machines); /**< NULL is allowed; no transcription may be using it */

/** The machine of so many threads (0: one for each core); made if there is none, and kept as long as somebody uses it. */
sotto_status so_machine_acquire(struct so_machines *machines, size_t threads, struct so_machine **out, sotto_error *err);
void so_machine_release(struct so_machines *machines, struct so_machine *machine); /**< NULL is allowed */

/** A machine that is kept between transcriptions; zero: none. */
struct so_machine_hold {
    struct so_machines *machines;
    struct so_machine *machine;
};

sotto_status so_machine_keep(struct so_machines *machines, size_t threads, struct so_machine_hold *hold, sotto_error *err);
void so_machine_let_go(struct so_machine_hold *hold); /**< zero is allowed */

/** Ask for the right to run loops beside those of the machine's pool, which one at a time can have, and give it back. */
bool so_machine_listen(struct so_machine *machine, const void *who);
void so_machine_unlisten(struct so_machine *machine, const void *who); /**< nothing happens if he has it not */

#endif
