#include "server/models.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/compiler.h"
#include "util/error.h"
#include "util/memory.h"

/** OpenAI's names, which its clients send by habit. */
static const char *const habits[] = {"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize", "gpt-4o-mini-transcribe-2025-12-15",
                                     "gpt-transcribe", "gpt-live-transcribe", "gpt-realtime-whisper"};

static sotto_status open_use(const char *asked, struct so_model_use **out, sotto_error *err) {
    struct so_model_use *use = so_calloc(1, sizeof *use);
    *out = NULL;
    if (!use) return so_fail_memory(err, sizeof *use, "a model");
    sotto_status status = sotto_model_open(asked, &use->model, err);
    if (status) {
        so_free(use);
        return status;
    }
    sotto_model_describe(use->model, &use->info);
    atomic_init(&use->users, 1);
    use->opened = time(NULL);
    *out = use;
    return SOTTO_OK;
}

static void set_name(struct so_offer *offer) {
    const char *base = strrchr(offer->asked, '/');
    base = base ? base + 1 : offer->asked;
    snprintf(offer->name, sizeof offer->name, "%s", base);
    size_t n = strlen(offer->name);
    if (n > 6 && strcmp(offer->name + n - 6, ".sotto") == 0) offer->name[n - 6] = '\0';
}

sotto_status so_models_open(struct so_models *models, const char *const *names, size_t n, sotto_error *err) {
    memset(models, 0, sizeof *models);
    pthread_mutex_init(&models->lock, NULL);
    if (n > SO_MAX_MODELS) return so_fail(err, SOTTO_ERR_ARGUMENT, "at most %d models can be offered", SO_MAX_MODELS);
    for (size_t i = 0; i < n; i++) {
        struct so_offer *offer = &models->offers[i];
        offer->asked = names[i];
        offer->cost = SO_GUESSED_COST;
        set_name(offer);
        sotto_status status = open_use(names[i], &offer->current, err);
        if (status) return status;
        models->n++;
    }
    return SOTTO_OK;
}

void so_models_release(struct so_model_use *use) {
    if (!use || atomic_fetch_sub(&use->users, 1) != 1) return;
    sotto_model_close(use->model);
    so_free(use);
}

void so_models_free(struct so_models *models) {
    for (size_t i = 0; i < models->n; i++) so_models_release(models->offers[i].current);
    pthread_mutex_destroy(&models->lock);
    models->n = 0;
}

sotto_status so_models_reload(struct so_models *models, sotto_error *err) {
    sotto_status result = SOTTO_OK;
    for (size_t i = 0; i < models->n; i++) {
        struct so_model_use *fresh, *old;
        sotto_status status = open_use(models->offers[i].asked, &fresh, err);
        if (status) {
            result = status;
            continue;
        }
        pthread_mutex_lock(&models->lock);
        old = models->offers[i].current;
        models->offers[i].current = fresh;
        pthread_mutex_unlock(&models->lock);
        so_models_release(old);
    }
    return result;
}

int so_models_find(const struct so_models *models, const char *name) {
    if (!name || !*name) return 0;
    for (size_t i = 0; i < models->n; i++)
        if (strcmp(models->offers[i].name, name) == 0) return (int)i;
    for (size_t i = 0; i < SO_COUNT(habits); i++)
        if (strcmp(habits[i], name) == 0) return 0;
    return -1;
}

struct so_model_use *so_models_use(struct so_models *models, int offer) {
    pthread_mutex_lock(&models->lock);
    struct so_model_use *use = models->offers[offer].current;
    atomic_fetch_add(&use->users, 1);
    pthread_mutex_unlock(&models->lock);
    return use;
}

double so_models_cost(struct so_models *models, int offer) {
    pthread_mutex_lock(&models->lock);
    double cost = models->offers[offer].cost;
    pthread_mutex_unlock(&models->lock);
    return cost;
}

void so_models_learn(struct so_models *models, int offer, double sound, double work) {
    if (!(sound > 1 && work > 0)) return; /* too short to tell */
    double seen = work / sound;
    pthread_mutex_lock(&models->lock);
    struct so_offer *o = &models->offers[offer];
    o->cost += 0.2 * (seen - o->cost);
    pthread_mutex_unlock(&models->lock);
}
