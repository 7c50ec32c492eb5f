#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "api/handle.h"
#include "util/memory.h"

/** The longest path of a file in the model folder. */
#define MAX_PATH 4096

struct so_detector {
    pthread_mutex_t lock;
    struct so_vad_weights *weights; /**< NULL until they are read */
};

sotto_status so_detector_create(struct so_detector **out, sotto_error *err) {
    *out = NULL;
    struct so_detector *detector = so_calloc(1, sizeof *detector);
    if (!detector || pthread_mutex_init(&detector->lock, NULL) != 0) {
        so_free(detector);
        return so_fail_memory(err, sizeof *detector, "speech detection");
    }
    *out = detector;
    return SOTTO_OK;
}

void so_detector_free(struct so_detector *detector) {
    if (!detector) return;
    pthread_mutex_destroy(&detector->lock);
    so_vad_weights_free(detector->weights);
    so_free(detector);
}

static sotto_status load(struct so_vad_weights **out, sotto_error *err) {
    char folder[MAX_PATH], path[MAX_PATH + sizeof SO_VAD_FILE + 1];
    sotto_status status = so_model_folder(folder, sizeof folder, err);
    if (status) return status;
    snprintf(path, sizeof path, "%s/%s", folder, SO_VAD_FILE);
    return access(path, F_OK) == 0 ? so_vad_weights_load(path, out, err) : SOTTO_OK;
}

sotto_status so_detector_weights(struct so_detector *detector, const struct so_vad_weights **out,
                                 sotto_error *err) {
    pthread_mutex_lock(&detector->lock);
    sotto_status status = detector->weights ? SOTTO_OK : load(&detector->weights, err);
    *out = detector->weights;
    pthread_mutex_unlock(&detector->lock);
    return status;
}
