#include "backend/emulator/emulator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/emulator/context.h"
#include "backend/emulator/model.h"
#include "util/memory.h"

int emu_refuse(struct so_emulator *e, int error, const char *reason) {
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    return -error;
}

/* Counts a call; a negative errno if it is to fail. Calls that give things back only count: a kernel lets nobody leak. */
static int admit(struct so_emulator *e, bool gives_back) {
    e->counts.calls++;
    e->fault_calls++;
    if (e->fault.kind == SO_FAULT_GONE && e->fault_calls >= e->fault.at) {
        if (!e->gone) e->counts.faults_hit++;
        e->gone = true;
        return -ENODEV;
    }
    if (e->fault.kind == SO_FAULT_ERRNO && e->fault_calls == e->fault.at && !gives_back) {
        e->counts.faults_hit++;
        return -(int)e->fault.value;
    }
    return 0;
}

static int call_open(void *context, const char *path, int flags) {
    struct so_emulator *e = context;
    (void)flags;
    pthread_mutex_lock(&e->lock);
    int result = admit(e, false);
    if (result == 0 && strcmp(path, SO_EMULATOR_NODE) != 0) result = -ENOENT;
    if (result == 0 && e->open) result = -EBUSY; /* one client is all that the model keeps apart */
    if (result == 0) {
        e->open = true;
        e->counts.open_files++;
        result = EMU_FD;
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}

static int dispatch(struct so_emulator *e, unsigned long request, void *argument) {
    switch (request) {
    case SO_IOCTL_VERSION: return emu_version(e, argument);
    case SO_IOCTL_CREATE_HWCTX: return emu_context_create(e, argument);
    case SO_IOCTL_DESTROY_HWCTX: return emu_context_destroy(e, argument);
    case SO_IOCTL_CONFIG_HWCTX: return emu_context_config(e, argument);
    case SO_IOCTL_CREATE_BO: return emu_bo_create(e, argument);
    case SO_IOCTL_GET_BO_INFO: return emu_bo_info(e, argument);
    case SO_IOCTL_SYNC_BO: return emu_bo_sync(e, argument);
    case SO_IOCTL_EXEC_CMD: return emu_exec(e, argument);
    case SO_IOCTL_GET_INFO: return emu_info(e, argument);
    case SO_IOCTL_GEM_CLOSE: return emu_bo_close(e, ((struct so_drm_gem_close *)argument)->handle);
    case SO_IOCTL_SYNCOBJ_DESTROY: return emu_syncobj_destroy(e, argument);
    case SO_IOCTL_TIMELINE_WAIT: return emu_wait(e, argument);
    default: return emu_refuse(e, ENOTTY, "an ioctl that this driver does not have");
    }
}

static int call_ioctl(void *context, int fd, unsigned long request, void *argument) {
    struct so_emulator *e = context;
    pthread_mutex_lock(&e->lock);
    bool gives_back = request == SO_IOCTL_GEM_CLOSE || request == SO_IOCTL_DESTROY_HWCTX || request == SO_IOCTL_SYNCOBJ_DESTROY;
    int result = admit(e, gives_back);
    /* A device that is gone still lets its files give back what they hold. */
    if (result == -ENODEV && gives_back && e->gone) result = 0;
    if (result == 0) result = fd == EMU_FD && e->open ? dispatch(e, request, argument) : -EBADF;
    pthread_mutex_unlock(&e->lock);
    return result;
}

static int call_map(void *context, void *address, size_t size, int protection, int flags, int fd, uint64_t offset, void **out) {
    struct so_emulator *e = context;
    pthread_mutex_lock(&e->lock);
    int result = admit(e, false);
    if (result == 0) result = emu_map(e, address, size, protection, flags, fd, offset, out);
    pthread_mutex_unlock(&e->lock);
    return result;
}

static int call_unmap(void *context, void *address, size_t size) {
    struct so_emulator *e = context;
    pthread_mutex_lock(&e->lock);
    admit(e, true);
    int result = emu_unmap(e, address, size);
    pthread_mutex_unlock(&e->lock);
    return result;
}

/* Closing the file frees whatever it still held, as the kernel does; the counts show what the caller forgot. */
static int call_close(void *context, int fd) {
    struct so_emulator *e = context;
    pthread_mutex_lock(&e->lock);
    admit(e, true);
    int result = fd == EMU_FD && e->open ? 0 : -EBADF;
    if (result == 0) {
        e->open = false;
        e->counts.open_files--;
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}

static int call_poll(void *context, int fd, int events, int timeout_ms) {
    struct so_emulator *e = context;
    (void)fd;
    (void)events;
    (void)timeout_ms;
    pthread_mutex_lock(&e->lock);
    int result = admit(e, false);
    pthread_mutex_unlock(&e->lock);
    return result;
}

static void call_flush(void *context, const void *pointer, size_t size) {
    struct so_emulator *e = context;
    pthread_mutex_lock(&e->lock);
    emu_flush(e, pointer, size);
    pthread_mutex_unlock(&e->lock);
}

struct so_emulator *so_emulator_create(const struct so_emulator_options *options) {
    struct so_emulator *e = so_calloc(1, sizeof *e);
    if (!e) return NULL;
    if (pthread_mutex_init(&e->lock, NULL) != 0) {
        so_free(e);
        return NULL;
    }
    if (options) e->options = *options;
    e->next_address = UINT64_C(0x100000000);
    e->next_context = e->next_syncobj = 1;
    e->sys = (struct so_sys){e, call_open, call_ioctl, call_map, call_unmap, call_close, call_poll, call_flush};
    return e;
}

void so_emulator_free(struct so_emulator *e) {
    if (!e) return;
    for (size_t i = 0; i < EMU_CONTEXTS; i++) emu_abandon(e, &e->context[i]);
    for (size_t i = 0; i < EMU_MAX_BOS; i++) {
        if (e->bo[i].host) munmap(e->bo[i].host, e->bo[i].size);
        if (e->bo[i].device) munmap(e->bo[i].device, e->bo[i].size);
        if (e->bo[i].agreed) munmap(e->bo[i].agreed, e->bo[i].size);
    }
    so_free(e->scratch);
    pthread_mutex_destroy(&e->lock);
    so_free(e);
}

const struct so_sys *so_emulator_sys(struct so_emulator *e) { return &e->sys; }

void so_emulator_set_fault(struct so_emulator *e, const struct so_emulator_fault *fault) {
    pthread_mutex_lock(&e->lock);
    e->fault = *fault;
    e->fault_calls = e->fault_commands = 0;
    pthread_mutex_unlock(&e->lock);
}

void so_emulator_count(struct so_emulator *e, struct so_emulator_counts *out) {
    pthread_mutex_lock(&e->lock);
    *out = e->counts;
    pthread_mutex_unlock(&e->lock);
}

uint64_t so_emulator_trace(struct so_emulator *e) {
    uint64_t hash = 0;
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < EMU_CONTEXTS; i++)
        for (unsigned c = 0; c < SO_ARRAY_COLUMNS; c++)
            for (unsigned n = 0; n < SO_SHIM_CHANNELS; n++) {
                struct emu_channel *channel = &e->context[i].array.shim[c].channel[n];
                hash = hash * 31 + emu_trace_take(channel);
                channel->trace_at = channel->trace_end = channel->trace_hash = 0;
            }
    pthread_mutex_unlock(&e->lock);
    return hash;
}

const char *so_emulator_reason(struct so_emulator *e) { return e->reason; }
