#include "decode/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void warn(void *user, const char *line) {
    const sotto_options *options = user;
    if (options->on_log) options->on_log(options->user, SOTTO_LOG_WARNING, line);
}

static bool enabled_by_environment(void) {
    const char *value = getenv("NPU_MATMUL_ENABLED");
    return value && strcmp(value, "1") == 0;
}

sotto_status so_device_open(const struct so_model *model, const sotto_options *options, struct so_backend **out, sotto_error *err) {
    *out = NULL;
    bool automatic = options->device == SOTTO_DEVICE_AUTO;
    if (options->device == SOTTO_DEVICE_CPU || (automatic && !enabled_by_environment())) return SOTTO_OK;
    struct so_backend_options how = {
        .kind = options->device == SOTTO_DEVICE_EMULATOR ? SO_BACKEND_EMULATOR : SO_BACKEND_XDNA,
        .all = options->npu_all,
        .attention = options->npu_attention,
        .log_user = (void *)(uintptr_t)options,
        .log = warn,
    };
    sotto_status status = SOTTO_OK;
    if (model->precision != SO_INT8)
        status = so_fail(err, SOTTO_ERR_DEVICE, "the NPU multiplies INT8 only; this model is float32");
    else
        status = so_backend_open(&how, out, err);
    if (status == SOTTO_OK || !automatic || status == SOTTO_ERR_MEMORY) return status;
    char line[640];
    snprintf(line, sizeof line, "NPU_MATMUL_ENABLED is set, but the CPU does the work: %s", err ? err->message : "no device");
    warn((void *)(uintptr_t)options, line);
    so_error_clear(err);
    return SOTTO_OK;
}
