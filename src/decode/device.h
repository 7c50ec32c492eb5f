/** Which device a transcription runs its INT8 products on: the option, then the environment, then the CPU. */
#ifndef SO_DECODE_DEVICE_H
#define SO_DECODE_DEVICE_H

#include "backend/backend.h"
#include "model/model.h"

/**
 * --device, then NPU_MATMUL_ENABLED, then the CPU. A device that was asked for by name and cannot be used is an error that says
 * what is missing; one asked for by the environment is a line in the log, and *out is NULL: the CPU does it all.
 */
sotto_status so_device_open(const struct so_model *model, const sotto_options *options, struct so_backend **out, sotto_error *err);

#endif
