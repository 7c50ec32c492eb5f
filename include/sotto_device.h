/**
 * NPUs: what is there, whether it computes right, what a file for it holds, what a run would cost. All answers are text for
 * people, allocated with malloc. What a driver does not say is "not available", never a guess.
 */
#ifndef SOTTO_DEVICE_H
#define SOTTO_DEVICE_H

#include "sotto.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Nodes, driver, firmware, array, clocks, contexts, power, utilisation of every NPU, or why there is none. */
SOTTO_EXPORT sotto_status sotto_device_list(char **text, sotto_error *err);

/**
 * Open the device (XDNA or EMULATOR), load the array configuration (NULL: the default), and compare known answers and the shapes
 * of a Whisper encoder with the CPU. SOTTO_ERR_DEVICE says what is missing or wrong.
 */
SOTTO_EXPORT sotto_status sotto_device_check(sotto_device device, const char *xclbin, char **text, sotto_error *err);

/** Everything in an xclbin, or an instruction stream (binary or hexadecimal text) operation by operation. */
SOTTO_EXPORT sotto_status sotto_device_inspect(const char *path, char **text, sotto_error *err);

/** What one window of a model would cost with each kernel: dispatches, bytes, estimated time from published figures. */
SOTTO_EXPORT sotto_status sotto_device_plan(const sotto_model *model, char **text, sotto_error *err);

#ifdef __cplusplus
}
#endif
#endif
