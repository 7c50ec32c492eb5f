#include "backend/xdna/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "util/memory.h"

#define NODES 16
#define TRIES 100 /* of an interrupted call: a signal each time is no ordinary program */

int so_xdna_ioctl(struct so_xdna *device, unsigned long request, void *argument) {
    int result = -EINTR;
    for (int i = 0; i < TRIES && (result == -EINTR || result == -EAGAIN); i++)
        result = device->sys.ioctl(device->sys.context, device->fd, request, argument);
    if (result == -ENODEV) atomic_store(&device->gone, true);
    return result;
}

/* One node: 0 if it is open and the driver is the right one; else a negative errno. */
static int try_node(struct so_xdna *device, const char *node) {
    int fd = device->sys.open(device->sys.context, node, O_RDWR);
    if (fd < 0) return fd;
    device->fd = fd;
    char name[32] = {0};
    struct so_drm_version version = {.name = (uintptr_t)name, .name_len = sizeof name - 1};
    int result = so_xdna_ioctl(device, SO_IOCTL_VERSION, &version);
    if (result == 0 && strcmp(name, SO_XDNA_DRIVER_NAME) != 0) result = -ENODEV;
    if (result != 0) {
        device->sys.close(device->sys.context, fd);
        device->fd = -1;
        return result;
    }
    atomic_store(&device->gone, false);
    device->driver_major = version.major;
    device->driver_minor = version.minor;
    snprintf(device->node, sizeof device->node, "%s", node);
    return 0;
}

static sotto_status explain_open(const char *node, int result, sotto_error *err) {
    switch (-result) {
    case ENOENT:
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "no NPU: %s does not exist; the amdxdna driver is in Linux 6.14 and later (load it: modprobe amdxdna)", node);
    case EACCES:
    case EPERM:
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "no permission for %s; join the group that owns it (usermod -aG render $USER) and log in again", node);
    case ENODEV: return so_fail(err, SOTTO_ERR_DEVICE, "no NPU: %s belongs to another driver than amdxdna", node);
    case EINVAL:
        return so_fail(err, SOTTO_ERR_DEVICE, "the driver refused to open %s; the IOMMU must be on (firmware set-up, amd_iommu=on)",
                       node);
    default: return so_fail(err, SOTTO_ERR_DEVICE, "cannot open %s: %s", node, strerror(-result));
    }
}

/*
 * The heap's address must be a multiple of its size: reserve twice as much, put the heap on the border inside, and give the
 * rest back.
 */
static int map_heap(struct so_xdna *device, uint64_t map_offset) {
    const struct so_sys *sys = &device->sys;
    const size_t size = SO_XDNA_HEAP_BYTES;
    void *reserved, *at;
    int result = sys->map(sys->context, NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &reserved);
    if (result != 0) return result;
    char *first = reserved, *aligned = (char *)(((uintptr_t)first + size - 1) & ~(uintptr_t)(size - 1));
    result = sys->map(sys->context, aligned, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device->fd, map_offset, &at);
    if (result != 0) {
        sys->unmap(sys->context, first, 2 * size);
        return result;
    }
    if (aligned > first) sys->unmap(sys->context, first, (size_t)(aligned - first));
    sys->unmap(sys->context, aligned + size, size - (size_t)(aligned - first));
    device->heap.map = at;
    return 0;
}

static sotto_status make_heap(struct so_xdna *device, sotto_error *err) {
    struct so_uapi_create_bo create = {.size = SO_XDNA_HEAP_BYTES, .type = SO_BO_DEV_HEAP};
    int result = so_xdna_ioctl(device, SO_IOCTL_CREATE_BO, &create);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "the driver gave no device heap: %s", strerror(-result));
    device->heap = (struct so_xdna_bo){.handle = create.handle, .type = SO_BO_DEV_HEAP, .size = SO_XDNA_HEAP_BYTES};
    struct so_uapi_get_bo_info info = {.handle = create.handle};
    result = so_xdna_ioctl(device, SO_IOCTL_GET_BO_INFO, &info);
    if (result == 0) result = map_heap(device, info.map_offset);
    if (result == -EAGAIN || result == -ENOMEM || result == -EPERM)
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "the 64 MiB device heap cannot be mapped; raise the limit on locked memory (ulimit -l unlimited, or memlock in /etc/security/limits.conf)");
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "the device heap cannot be mapped: %s", strerror(-result));
    device->heap.address = info.xdna_addr;
    return SOTTO_OK;
}

sotto_status so_xdna_open_bare(const struct so_sys *sys, const char *node, struct so_xdna **out, sotto_error *err) {
    *out = NULL;
    struct so_xdna *device = so_calloc(1, sizeof *device);
    if (!device) return so_fail_memory(err, sizeof *device, "a device");
    device->sys = *sys;
    device->fd = -1;
    char path[64] = "/dev/accel/accel0";
    int result = node ? try_node(device, node) : -ENOENT, worst = 0;
    for (int i = 0; !node && i < NODES && result != 0; i++) {
        snprintf(path, sizeof path, "/dev/accel/accel%d", i);
        result = try_node(device, path);
        if (result != 0 && result != -ENOENT && !worst) worst = result;
    }
    if (result != 0) {
        so_free(device);
        return explain_open(node ? node : "/dev/accel/accel0", worst ? worst : result, err);
    }
    *out = device;
    return SOTTO_OK;
}

sotto_status so_xdna_open(const struct so_sys *sys, const char *node, struct so_xdna **out, sotto_error *err) {
    sotto_status status = so_xdna_open_bare(sys, node, out, err);
    if (status != SOTTO_OK) return status;
    status = make_heap(*out, err);
    if (status != SOTTO_OK) {
        so_xdna_close(*out);
        *out = NULL;
    }
    return status;
}

void so_xdna_close(struct so_xdna *device) {
    if (!device) return;
    so_xdna_bo_free(device, &device->heap);
    if (device->fd >= 0) device->sys.close(device->sys.context, device->fd);
    so_free(device);
}
