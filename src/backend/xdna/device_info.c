/* Queries. Drivers differ in what they answer, so each may fail by itself. */
#include <string.h>
#include <unistd.h>

#include "backend/xdna/device.h"

/* Bytes that the driver filled in, 0 if it does not know the question. */
static size_t query(struct so_xdna *device, enum so_xdna_info param, void *buffer, size_t size) {
    struct so_uapi_get_info request = {.param = param, .buffer_size = (uint32_t)size, .buffer = (uintptr_t)buffer};
    memset(buffer, 0, size);
    if (so_xdna_ioctl(device, SO_IOCTL_GET_INFO, &request) != 0) return 0;
    return request.buffer_size < size ? request.buffer_size : size;
}

static size_t query_contexts(struct so_xdna *device, struct so_xdna_facts *out) {
    size_t got = query(device, SO_INFO_HW_CONTEXTS, out->contexts, sizeof out->contexts);
    size_t n = got / sizeof out->contexts[0], used = 0;
    /* Older drivers do not say how much they wrote: an entry with no columns is none. */
    while (used < n && out->contexts[used].num_col) used++;
    return used;
}

void so_xdna_query(struct so_xdna *device, struct so_xdna_facts *out) {
    *out = (struct so_xdna_facts){0};
    out->has_metadata = query(device, SO_INFO_AIE_METADATA, &out->metadata, sizeof out->metadata) >= sizeof out->metadata;
    out->has_clocks = query(device, SO_INFO_CLOCKS, &out->clocks, sizeof out->clocks) >= sizeof out->clocks;
    out->has_firmware = query(device, SO_INFO_FIRMWARE, &out->firmware, sizeof out->firmware) >= sizeof out->firmware;
    out->has_power_mode = query(device, SO_INFO_POWER_MODE, &out->power_mode, sizeof out->power_mode) >= sizeof out->power_mode;
    out->has_resources = query(device, SO_INFO_RESOURCES, &out->resources, sizeof out->resources) >= sizeof out->resources;
    size_t got = query(device, SO_INFO_SENSORS, out->sensors, sizeof out->sensors), n = got / sizeof out->sensors[0];
    while (out->n_sensors < n && out->sensors[out->n_sensors].label[0]) out->n_sensors++;
    out->n_contexts = query_contexts(device, out);
    out->has_contexts = out->n_contexts > 0;
}

bool so_xdna_completions(struct so_xdna *device, uint64_t *completions) {
    struct so_xdna_facts facts = {0};
    size_t n = query_contexts(device, &facts);
    bool found = false;
    *completions = 0;
    for (size_t i = 0; i < n; i++)
        if (facts.contexts[i].pid == getpid()) {
            *completions += facts.contexts[i].command_completions;
            found = true;
        }
    return found;
}

bool so_xdna_firmware_known(const struct so_xdna_facts *facts) { return !facts->has_firmware || facts->firmware.major == 1; }
