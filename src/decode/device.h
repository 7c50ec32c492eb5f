/**
 * Devices that a model's INT8 products run on: opened when a transcription first asks for one, and kept, with the weights on it,
 * until the model is closed. One for each way of asking.
 */
#ifndef SO_DECODE_DEVICE_H
#define SO_DECODE_DEVICE_H

#include "backend/backend.h"
#include "model/model.h"
#include "sotto.h"

struct so_devices; /**< shared by the threads that use a model */

/** `model` must outlive the devices. */
sotto_status so_devices_create(const struct so_model *model, struct so_devices **out, sotto_error *err);
void so_devices_free(struct so_devices *devices); /**< NULL is allowed; no transcription may be using it */

/** A transcription's use of a device. Zero-initialised: the CPU does it all. */
struct so_device_use {
    struct so_device *device;
    struct so_backend *backend; /**< NULL: the CPU does it all */
    size_t told;                /**< lines of its log that this transcription passed on */
    bool lossy;
    bool counts;          /**< the driver says how many commands it completed: */
    uint64_t completions; /**< before this transcription */
    uint64_t retries;     /**< before this transcription */
    uint64_t mismatches;  /**< before this transcription */
    double seconds;       /**< that asking took */
};

/**
 * --device, then NPU_MATMUL_ENABLED, then the CPU. A device that was asked for by name and cannot be used is an error that says
 * what is missing, or what a run would cost; one asked for by the environment is one line in the log, and the CPU does it all.
 */
sotto_status so_device_use(struct so_devices *devices, const sotto_options *options, struct so_device_use *out, sotto_error *err);

/** Pass on to options->on_log what the device said meanwhile. On the transcription's own thread. */
void so_device_tell(struct so_device_use *use, const sotto_options *options);

#endif
