/* Contexts: columns of the array with a configuration loaded. */
#include <errno.h>
#include <string.h>

#include "backend/xdna/array.h"
#include "backend/xdna/device.h"

static sotto_status configure(struct so_xdna *device, const struct so_xclbin *xclbin, size_t kernel, struct so_xdna_context *context,
                              sotto_error *err) {
    const struct so_xclbin_kernel *k = &xclbin->kernels[kernel];
    const struct so_xclbin_pdi *pdi = &xclbin->pdis[k->pdi];
    sotto_status status = so_xdna_bo_create(device, SO_BO_DEV, pdi->size, &context->pdi, err);
    if (status != SOTTO_OK) return status;
    memcpy(context->pdi.map, pdi->image, pdi->size);
    so_xdna_bo_flush(device, &context->pdi, 0, pdi->size);
    struct so_uapi_config_cu units = {.num_cus = 1, .cus = {{.cu_bo = context->pdi.handle, .cu_func = k->function}}};
    struct so_uapi_config_hwctx config = {
        .handle = context->handle,
        .param_type = SO_HWCTX_CONFIG_CU,
        .param_val = (uintptr_t)&units,
        .param_val_size = (uint32_t)(offsetof(struct so_uapi_config_cu, cus) + sizeof units.cus[0]),
    };
    int result = so_xdna_ioctl(device, SO_IOCTL_CONFIG_HWCTX, &config);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "the array configuration was refused: %s", strerror(-result));
    context->cu = 0;
    return SOTTO_OK;
}

sotto_status so_xdna_context_create(struct so_xdna *device, const struct so_xclbin *xclbin, size_t kernel,
                                    struct so_xdna_context *out, sotto_error *err) {
    *out = (struct so_xdna_context){0};
    struct so_uapi_qos qos = {.priority = SO_XDNA_PRIORITY_NORMAL};
    struct so_uapi_create_hwctx create = {
        .qos_p = (uintptr_t)&qos,
        .max_opc = xclbin->partition.operations_per_cycle,
        .num_tiles = (uint32_t)xclbin->partition.columns * SO_ARRAY_CORE_ROWS,
    };
    int result = so_xdna_ioctl(device, SO_IOCTL_CREATE_HWCTX, &create);
    if (result == -EINVAL || result == -ENOSPC)
        return so_fail(err, SOTTO_ERR_DEVICE, "no free context on the NPU: it has %d, other programs may hold them", SO_XDNA_CONTEXTS);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "no context on the NPU: %s", strerror(-result));
    struct so_xdna_context context = {.handle = create.handle, .syncobj = create.syncobj_handle};
    sotto_status status = configure(device, xclbin, kernel, &context, err);
    if (status != SOTTO_OK)
        so_xdna_context_destroy(device, &context);
    else
        *out = context;
    return status;
}

void so_xdna_context_destroy(struct so_xdna *device, struct so_xdna_context *context) {
    if (context->handle) {
        struct so_uapi_destroy_hwctx destroy = {.handle = context->handle};
        so_xdna_ioctl(device, SO_IOCTL_DESTROY_HWCTX, &destroy);
    }
    if (context->syncobj) {
        struct so_drm_syncobj_destroy destroy = {.handle = context->syncobj};
        so_xdna_ioctl(device, SO_IOCTL_SYNCOBJ_DESTROY, &destroy);
    }
    so_xdna_bo_free(device, &context->pdi);
    *context = (struct so_xdna_context){0};
}
