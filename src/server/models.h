/** The models a server offers: a list of names made at the start, each opened once and replaced without a gap on reload. */
#ifndef SO_SERVER_MODELS_H
#define SO_SERVER_MODELS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "server/limits.h"
#include "sotto.h"

/** One opened file; kept until its last user lets go. */
struct so_model_use {
    sotto_model *model;
    sotto_model_info info;
    atomic_uint users;
    time_t opened; /**< wall clock */
};

struct so_offer {
    const char *asked;  /**< name or path as the operator gave it */
    char name[64];      /**< by which clients ask: the last part of a path, without .sotto */
    struct so_model_use *current;
    double cost; /**< seconds of work for a second of sound, as measured lately */
};

struct so_models {
    pthread_mutex_t lock;
    struct so_offer offers[SO_MAX_MODELS]; /**< the first is the default */
    size_t n;
};

/** Open all of them; an error names the model. so_models_free is needed in any case. */
sotto_status so_models_open(struct so_models *models, const char *const *names, size_t n, sotto_error *err);
void so_models_free(struct so_models *models);

/** Open every file again. A model that cannot be opened keeps its old file; the error is the last one. */
sotto_status so_models_reload(struct so_models *models, sotto_error *err);

/** The offer a client means: NULL, "", and OpenAI's own names are the default. -1: there is none of that name. */
int so_models_find(const struct so_models *models, const char *name);

/** The offer's model, to be given back by so_models_release. */
struct so_model_use *so_models_use(struct so_models *models, int offer);
void so_models_release(struct so_model_use *use); /**< NULL is allowed */

/** Seconds of work to expect for a second of sound, and what a finished request teaches about it. */
double so_models_cost(struct so_models *models, int offer);
void so_models_learn(struct so_models *models, int offer, double sound, double work);

#endif
