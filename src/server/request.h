/** What a client asked for, checked. */
#ifndef SO_SERVER_REQUEST_H
#define SO_SERVER_REQUEST_H

#include "server/chunking.h"
#include "server/form.h"
#include "server/models.h"
#include "sotto.h"

enum so_shape { SO_SHAPE_JSON, SO_SHAPE_TEXT, SO_SHAPE_SRT, SO_SHAPE_VERBOSE, SO_SHAPE_VTT, SO_SHAPE_DIARIZED };

/** Which of the three addresses of one call. */
enum so_call { SO_CALL_OLD, SO_CALL_TRANSCRIBE, SO_CALL_TRANSLATE };

struct so_request {
    enum so_call call;
    enum so_shape shape;
    int offer;               /**< index of the model */
    bool diarize;            /**< who speaks */
    uint32_t min_speakers, max_speakers; /**< 0: as many as there are */
    const char *names[SO_MAX_REFERENCES]; /**< [n_names] the form's, of its references' speakers */
    size_t n_names;
    struct so_chunking chunking;
    bool translate;          /**< into English */
    bool words, segments;    /**< of a verbose answer */
    bool stream;             /**< server-sent events */
    bool asynchronous;       /**< 202 and a job */
    const char *language;    /**< the form's; NULL: detect */
    const char *prompt;      /**< the form's or NULL */
    char *hotwords;          /**< own, separated by commas, or NULL */
    float temperature;       /**< 0: with fallbacks */
    uint32_t beam_size;
    bool vad;
};

/** Fields to a request; they are borrowed. false: `problem` says which field is wrong. so_request_free is needed in any case. */
bool so_request_parse(struct so_request *request, enum so_call call, const struct so_form *form, struct so_models *models,
                      struct so_problem *problem);
/** The same without asking the library whether the model can do it. */
bool so_request_fields(struct so_request *request, enum so_call call, const struct so_form *form, struct so_models *models,
                       struct so_problem *problem);
void so_request_free(struct so_request *request);

/** The library's options for it; callbacks are the caller's to set. */
void so_request_options(const struct so_request *request, sotto_options *options);

#endif
