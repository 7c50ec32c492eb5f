/* What the model answers to queries: values seen on a real Phoenix machine, and nothing where its driver is too old. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/emulator/model.h"

static int give(struct so_uapi_get_info *r, const void *data, size_t size) {
    if (!r->buffer) return -EFAULT;
    if (r->buffer_size < size) return -ENOSPC;
    memcpy((void *)(uintptr_t)r->buffer, data, size);
    r->buffer_size = (uint32_t)size;
    return 0;
}

static int give_contexts(const struct so_emulator *e, struct so_uapi_get_info *r) {
    struct so_uapi_hwctx_info all[EMU_CONTEXTS] = {{0}};
    size_t n = 0;
    for (size_t i = 0; i < EMU_CONTEXTS; i++) {
        const struct emu_context *c = &e->context[i];
        if (!c->used) continue;
        all[n++] = (struct so_uapi_hwctx_info){
            .context_id = c->handle,
            .start_col = 1,
            .num_col = c->columns,
            .pid = getpid(),
            .command_submissions = c->commands_in,
            .command_completions = c->commands_done,
            .errors = c->errors,
        };
    }
    return give(r, all, n * sizeof all[0]);
}

int emu_info(struct so_emulator *e, struct so_uapi_get_info *r) {
    static const struct so_uapi_aie_metadata metadata = {
        .col_size = 504,
        .cols = 5,
        .rows = 6,
        .version = {1, 1},
        .core = {.row_count = 4, .row_start = 2, .dma_channel_count = 2, .lock_count = 16},
        .mem = {.row_count = 1, .row_start = 1, .dma_channel_count = 6, .lock_count = 64},
        .shim = {.row_count = 1, .row_start = 0, .dma_channel_count = 2, .lock_count = 16},
    };
    static const struct so_uapi_clocks clocks = {{"MP-NPU Clock", 400, 0}, {"H Clock", 800, 0}};
    struct so_uapi_firmware firmware = {e->options.firmware_major ? e->options.firmware_major : 1, 5, 5, 391};
    static const struct so_uapi_resources resources = {1600, 10, 6, 5, 0};
    static const struct so_uapi_power_mode mode = {0};
    switch (r->param) {
    case SO_INFO_AIE_METADATA: return give(r, &metadata, sizeof metadata);
    case SO_INFO_AIE_VERSION: return give(r, &metadata.version, sizeof metadata.version);
    case SO_INFO_CLOCKS: return give(r, &clocks, sizeof clocks);
    case SO_INFO_HW_CONTEXTS: return give_contexts(e, r);
    case SO_INFO_FIRMWARE: return give(r, &firmware, sizeof firmware);
    case SO_INFO_POWER_MODE: return e->options.driver_minor >= 1 ? give(r, &mode, sizeof mode) : -EINVAL;
    case SO_INFO_RESOURCES: return e->options.driver_minor >= 4 ? give(r, &resources, sizeof resources) : -EINVAL;
    case SO_INFO_SENSORS: return -EOPNOTSUPP; /* no AMD power driver here */
    default: return emu_refuse(e, EINVAL, "GET_INFO: a question that this driver does not know");
    }
}

int emu_version(struct so_emulator *e, struct so_drm_version *r) {
    static const char name[] = SO_XDNA_DRIVER_NAME;
    r->major = 0;
    r->minor = e->options.driver_minor;
    r->patch = 0;
    size_t n = sizeof name - 1;
    if (r->name && r->name_len) memcpy((void *)(uintptr_t)r->name, name, r->name_len < n ? r->name_len : n);
    r->name_len = n;
    return 0;
}
