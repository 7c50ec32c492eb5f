/**
 * The sound of a live session, divided into turns: where one begins and ends, its text as it is recognised,
 * and the events that tell of both. It knows nothing of sockets.
 */
#ifndef SO_SERVER_LIVE_TURNS_H
#define SO_SERVER_LIVE_TURNS_H

#include "server/live_event.h"
#include "server/live_gate.h"

/** Where events go: takes the object over (NULL: memory was short). */
typedef void so_live_emit(void *user, json_t *event);

struct so_live_turns {
    const struct so_live_config *config;
    struct so_models *models;
    struct so_live_gate *gate;
    uint32_t threads;
    so_live_emit *emit;
    bool (*cancel)(void *user); /**< asked while text is recognised */
    void *user;
    bool old; /**< events in the words of the older dialect */

    struct so_model_use *use; /**< from the first sound on, until the model is changed */
    int offer;                /**< that `use` is of */
    uint32_t rate;            /**< that `resampler` is for */
    sotto_resampler *resampler;
    sotto_detector *detector;
    sotto_live *live; /**< of the turn; NULL: there is none */
    struct so_live_config own; /**< what it began with: its passes read the texts */
    float *before;    /**< [SO_LIVE_BEFORE] the last n_before samples before a turn */
    float *feed;      /**< [SO_LIVE_FEED] n_feed samples of the turn that were not pushed yet */
    size_t n_before, n_feed;
    float frame[SOTTO_DETECTOR_FRAME]; /**< n_frame samples of the next frame */
    size_t n_frame;
    uint64_t heard, began; /**< samples of the session; those before the turn */
    unsigned loud;         /**< frames of speech in a row, before a turn */
    double silent;         /**< seconds without speech, in a turn */
    char item[40], previous[40];
    char *text; /**< of the turn: n_text bytes and NUL */
    size_t n_text;
    sotto_status status; /**< of a callback */
};

enum { SO_LIVE_BEFORE = 16000 * SO_LIVE_MOST_PREFIX + 4 * SOTTO_DETECTOR_FRAME, SO_LIVE_FEED = 16000 };

/** The fields up to `old` are the caller's to set; false: memory is short. so_live_turns_free is needed in
 * any case. */
bool so_live_turns_init(struct so_live_turns *turns);
void so_live_turns_free(struct so_live_turns *turns);

/** More sound, as it came. An error ends the session. */
sotto_status so_live_turns_append(struct so_live_turns *turns, const uint8_t *sound, size_t n,
                                  sotto_error *err);

/** The turn ends here. *empty: there was no sound, and nothing was told. */
sotto_status so_live_turns_commit(struct so_live_turns *turns, bool *empty, sotto_error *err);

/** The turn never was. */
void so_live_turns_clear(struct so_live_turns *turns);

#endif
