/**
 * What a client of a live session says: one JSON object a message, as in OpenAI's realtime transcription.
 * Both dialects are understood: `session.update` with `audio.input`, and the older
 * `transcription_session.update`.
 */
#ifndef SO_SERVER_LIVE_EVENT_H
#define SO_SERVER_LIVE_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/models.h"
#include "server/problem.h"

enum { SO_LIVE_LANGUAGE = 16, SO_LIVE_TEXT = 4096, SO_LIVE_EVENT_ID = 64 };

/** What a session was told. */
struct so_live_config {
    uint32_t rate;                                     /**< of the samples, Hz: 8000, 16000 or 24000 */
    int offer;                                         /**< index of the model */
    char language[SO_LIVE_LANGUAGE];                   /**< "": detect */
    char prompt[SO_LIVE_TEXT], keywords[SO_LIVE_TEXT]; /**< "": none; keywords separated by commas */
    bool automatic;                                    /**< turns end by themselves when nobody speaks */
    double threshold;       /**< probability from which a frame is speech, 0 to 1 */
    double prefix, silence; /**< seconds: heard before a turn's first speech; without speech that end it */
};

enum so_live_kind { SO_LIVE_UPDATE, SO_LIVE_UPDATE_OLD, SO_LIVE_APPEND, SO_LIVE_COMMIT, SO_LIVE_CLEAR };

struct so_live_event {
    enum so_live_kind kind;
    char id[SO_LIVE_EVENT_ID]; /**< the client's name of it, "": none */
    uint8_t *sound;            /**< [n_sound] of an append: 16-bit little-endian samples, own */
    size_t n_sound;
};

void so_live_config_init(struct so_live_config *config);

/**
 * Read a message. An update changes *config, whole or not at all. false: `problem`; event->id is valid all
 * the same. so_live_event_free is needed in any case.
 */
bool so_live_event_parse(struct so_live_event *event, const char *text, size_t n,
                         const struct so_models *models, struct so_live_config *config,
                         struct so_problem *problem);
void so_live_event_free(struct so_live_event *event);

/** The session as its client is told. old: in the words of the older dialect. NULL without memory. */
json_t *so_live_config_json(const struct so_live_config *config, const struct so_models *models,
                            const char *id, bool old);

#endif
