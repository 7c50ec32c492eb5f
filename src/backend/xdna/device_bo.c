/* Buffers of the device. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/xdna/device.h"
#include "util/memory.h"

static void close_handle(struct so_xdna *device, uint32_t handle) {
    struct so_drm_gem_close request = {.handle = handle};
    so_xdna_ioctl(device, SO_IOCTL_GEM_CLOSE, &request);
}

/* Where the CPU and the device see it: inside the heap, or a mapping of its own. */
static int place(struct so_xdna *device, struct so_xdna_bo *bo, const struct so_uapi_get_bo_info *info) {
    if (bo->type == SO_BO_DEV) {
        uint64_t offset = info->xdna_addr - device->heap.address;
        if (info->xdna_addr < device->heap.address || offset > device->heap.size || bo->size > device->heap.size - offset)
            return -ERANGE;
        bo->map = device->heap.map + offset;
        bo->address = info->xdna_addr;
        return 0;
    }
    void *at;
    int result = device->sys.map(device->sys.context, NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
                                 info->map_offset, &at);
    if (result != 0) return result;
    bo->map = at;
    bo->address = info->xdna_addr != SO_XDNA_NO_ADDRESS ? info->xdna_addr : (uint64_t)(uintptr_t)at;
    return 0;
}

sotto_status so_xdna_bo_create(struct so_xdna *device, enum so_bo_type type, size_t size, struct so_xdna_bo *out, sotto_error *err) {
    *out = (struct so_xdna_bo){0};
    size = so_round_up(size, 4096);
    struct so_uapi_create_bo create = {.size = size, .type = type};
    int result = so_xdna_ioctl(device, SO_IOCTL_CREATE_BO, &create);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "no device buffer of %zu bytes: %s", size, strerror(-result));
    struct so_xdna_bo bo = {.handle = create.handle, .type = type, .size = size};
    struct so_uapi_get_bo_info info = {.handle = create.handle};
    result = so_xdna_ioctl(device, SO_IOCTL_GET_BO_INFO, &info);
    if (result == 0) result = place(device, &bo, &info);
    if (result != 0) {
        close_handle(device, create.handle);
        return so_fail(err, SOTTO_ERR_DEVICE, "a device buffer of %zu bytes cannot be mapped: %s", size, strerror(-result));
    }
    /* Fresh pages may have lines in the cache that would later be written over what the device stores. */
    if (type == SO_BO_SHARE) so_xdna_bo_flush(device, &bo, 0, size);
    *out = bo;
    return SOTTO_OK;
}

void so_xdna_bo_free(struct so_xdna *device, struct so_xdna_bo *bo) {
    if (!bo->handle) return;
    if (bo->map && bo->type != SO_BO_DEV) device->sys.unmap(device->sys.context, bo->map, bo->size);
    close_handle(device, bo->handle);
    *bo = (struct so_xdna_bo){0};
}

void so_xdna_bo_flush(const struct so_xdna *device, const struct so_xdna_bo *bo, size_t offset, size_t size) {
    device->sys.flush(device->sys.context, bo->map + offset, size);
}
