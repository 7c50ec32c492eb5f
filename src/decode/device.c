#include "decode/device.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/xdna/plan.h"
#include "util/clock.h"
#include "util/memory.h"

#define LINES 16 /* of a device's log; a device has few things to say */

struct so_device {
    struct so_device *next;
    struct so_backend_options how;
    struct so_backend *backend;
    bool lossy;
    pthread_mutex_t lock; /* of what follows */
    size_t n_lines;
    char lines[LINES][700];
};

struct so_devices {
    const struct so_model *model;
    pthread_mutex_t lock; /* of what follows; held while a device is opened, so that there is one of each */
    struct so_device *first;
    bool complained; /* that the environment's wish cannot be had */
};

sotto_status so_devices_create(const struct so_model *model, struct so_devices **out, sotto_error *err) {
    *out = NULL;
    struct so_devices *devices = so_calloc(1, sizeof *devices);
    if (!devices) return so_fail_memory(err, sizeof *devices, "the devices");
    if (pthread_mutex_init(&devices->lock, NULL) != 0) {
        so_free(devices);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for the devices");
    }
    devices->model = model;
    *out = devices;
    return SOTTO_OK;
}

static void device_free(struct so_device *device) {
    so_backend_close(device->backend);
    pthread_mutex_destroy(&device->lock);
    so_free(device);
}

void so_devices_free(struct so_devices *devices) {
    if (!devices) return;
    for (struct so_device *d = devices->first, *next; d; d = next) {
        next = d->next;
        device_free(d);
    }
    pthread_mutex_destroy(&devices->lock);
    so_free(devices);
}

/* From whatever thread the device failed on. */
static void keep_line(void *user, const char *line) {
    struct so_device *device = user;
    pthread_mutex_lock(&device->lock);
    if (device->n_lines < LINES) snprintf(device->lines[device->n_lines++], sizeof device->lines[0], "%s", line);
    pthread_mutex_unlock(&device->lock);
}

void so_device_tell(struct so_device_use *use, const sotto_options *options) {
    if (!use->device) return;
    for (;;) {
        char line[sizeof use->device->lines[0]];
        pthread_mutex_lock(&use->device->lock);
        bool more = use->told < use->device->n_lines;
        if (more) memcpy(line, use->device->lines[use->told++], sizeof line);
        pthread_mutex_unlock(&use->device->lock);
        if (!more) return;
        if (options->on_log) options->on_log(options->user, SOTTO_LOG_WARNING, line);
    }
}

static bool enabled_by_environment(void) {
    const char *value = getenv("NPU_MATMUL_ENABLED");
    return value && strcmp(value, "1") == 0;
}

/* The kernel that was asked for, or that the only overlay at hand has. */
static unsigned choose_kernel(const sotto_options *options) {
    if (options->npu_kernel || options->device == SOTTO_DEVICE_EMULATOR) return options->npu_kernel;
    struct so_overlay *overlay = so_alloc(1, sizeof *overlay);
    unsigned tile = 0;
    if (overlay && so_overlay_find(NULL, overlay, NULL) == SOTTO_OK && so_overlay_is_tile(overlay->kind)) tile = overlay->kind;
    so_free(overlay);
    return tile;
}

/* A tile kernel is nothing that somebody should run into: it takes an hour and loses information. */
static sotto_status allow_tiles(const struct so_model *model, unsigned tile, sotto_error *err) {
    struct so_plan plan = so_plan_window((enum so_overlay_kind)tile, &model->hp);
    return so_fail(err, SOTTO_ERR_DEVICE,
                   "the tile%u kernel would take %" PRIu64 " dispatches for each 30 s of speech, about %.0f s by published figures, and its results are lossy; build the gemm overlay with npu/build.sh, or say --force",
                   tile, plan.dispatches, plan.seconds);
}

/* Known answers on every shape that will be used. */
static sotto_status prove(const struct so_model *model, const struct so_backend_options *how, struct so_backend *backend, sotto_error *err) {
    struct so_plan_shape shapes[SO_PLAN_SHAPES];
    size_t n = so_plan_shapes(&model->hp, shapes);
    for (size_t i = 0; i < n; i++) {
        const struct so_plan_shape *s = &shapes[i];
        if ((s->few && !how->all) || (s->attention && !how->attention)) continue;
        /* A part of a layer's rows may be short; the planner is asked about the whole. */
        if (!so_backend_wants(backend, so_max(s->m, SO_PLAN_ROWS), s->k, s->n, s->attention)) continue;
        if (!so_backend_prove(backend, s->m, s->k, s->n))
            return so_fail(err, SOTTO_ERR_DEVICE, "a known answer of %zu x %zu x %zu came out wrong", s->m, s->k, s->n);
    }
    so_backend_reset(backend);
    return SOTTO_OK;
}

static sotto_status open_device(struct so_devices *devices, const struct so_backend_options *how, struct so_device **out, sotto_error *err) {
    struct so_device *device = so_calloc(1, sizeof *device);
    if (!device) return so_fail_memory(err, sizeof *device, "a device");
    if (pthread_mutex_init(&device->lock, NULL) != 0) {
        so_free(device);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for a device");
    }
    device->how = *how;
    struct so_backend_options own = *how;
    own.log = keep_line;
    own.log_user = device;
    sotto_status status = so_backend_open(&own, &device->backend, err);
    if (status == SOTTO_OK) status = prove(devices->model, how, device->backend, err);
    /* What the device itself said is nearer to the cause. */
    if (status != SOTTO_OK && device->n_lines) status = so_fail(err, status, "%.400s", device->lines[0]);
    if (status != SOTTO_OK) {
        device_free(device);
        return status;
    }
    struct so_capabilities can;
    so_backend_describe(device->backend, &can);
    device->lossy = can.lossy;
    if (can.lossy) keep_line(device, "a tile kernel multiplies: it shifts each result to 8 bits, so what follows is lossy");
    device->next = devices->first;
    devices->first = *out = device;
    return SOTTO_OK;
}

static bool same_way(const struct so_backend_options *a, const struct so_backend_options *b) {
    return a->kind == b->kind && a->all == b->all && a->attention == b->attention && a->tile == b->tile;
}

/* With the lock. */
static sotto_status find(struct so_devices *devices, const sotto_options *options, struct so_device **out, sotto_error *err) {
    struct so_backend_options how = {
        .kind = options->device == SOTTO_DEVICE_EMULATOR ? SO_BACKEND_EMULATOR : SO_BACKEND_XDNA,
        .all = options->npu_all,
        .attention = options->npu_attention,
        .tile = choose_kernel(options),
    };
    if (devices->model->precision != SO_INT8)
        return so_fail(err, SOTTO_ERR_DEVICE, "the NPU multiplies INT8 only; this model is float32");
    if (how.tile && !options->npu_force) return allow_tiles(devices->model, how.tile, err);
    for (*out = devices->first; *out; *out = (*out)->next)
        if (same_way(&(*out)->how, &how)) return SOTTO_OK;
    return open_device(devices, &how, out, err);
}

sotto_status so_device_use(struct so_devices *devices, const sotto_options *options, struct so_device_use *out, sotto_error *err) {
    bool automatic = options->device == SOTTO_DEVICE_AUTO;
    double from = so_now();
    *out = (struct so_device_use){0};
    if (options->device == SOTTO_DEVICE_CPU || (automatic && !enabled_by_environment())) return SOTTO_OK;
    sotto_error why = {0};
    struct so_device *device = NULL;
    pthread_mutex_lock(&devices->lock);
    bool known = automatic && devices->complained; /* said once, and not asked for again */
    sotto_status status = known ? SOTTO_ERR_DEVICE : find(devices, options, &device, &why);
    if (automatic && status != SOTTO_OK) devices->complained = true;
    pthread_mutex_unlock(&devices->lock);
    if (status == SOTTO_OK) {
        *out = (struct so_device_use){.device = device, .backend = device->backend, .lossy = device->lossy, .seconds = so_now() - from};
        struct so_backend_stats stats;
        so_backend_statistics(device->backend, &stats);
        out->retries = stats.retries;
        out->mismatches = stats.mismatches;
        out->counts = so_backend_completions(device->backend, &out->completions);
        so_device_tell(out, options);
        if (!options->npu_all && options->on_log)
            options->on_log(options->user, SOTTO_LOG_INFO, "the decoder's steps, a few rows each, stay on the CPU (npu_all sends them too)");
        return SOTTO_OK;
    }
    if (!automatic || status == SOTTO_ERR_MEMORY) {
        if (err) *err = why;
        return status;
    }
    char line[640];
    snprintf(line, sizeof line, "NPU_MATMUL_ENABLED is set, but the CPU does the work: %s", why.message);
    if (!known && options->on_log) options->on_log(options->user, SOTTO_LOG_WARNING, line);
    return SOTTO_OK;
}
