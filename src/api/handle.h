/** The public handle of a model: the mapped file, and the speech detector's weights, read when they are first needed. */
#ifndef SO_API_HANDLE_H
#define SO_API_HANDLE_H

#include "decode/device.h"
#include "decode/machine.h"
#include "model/model.h"
#include "sotto.h"
#include "vad/weights.h"

struct so_detector; /**< shared by the threads that use a model */

struct sotto_model {
    struct so_model *model;
    struct so_detector *detector;
    struct so_devices *devices;
    struct so_machines *machines;
};

static inline const struct so_model *so_model_of(const sotto_model *handle) { return handle->model; }

sotto_status so_detector_create(struct so_detector **out, sotto_error *err);
void so_detector_free(struct so_detector *detector); /**< NULL is allowed */

/**
 * The weights of the speech detector, which live as long as the model; *out is NULL where the model folder has none. A failure is
 * not remembered: the next call tries again.
 */
sotto_status so_detector_weights(struct so_detector *detector, const struct so_vad_weights **out, sotto_error *err);

#endif
