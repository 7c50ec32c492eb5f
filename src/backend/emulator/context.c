#include "backend/emulator/context.h"

#include <errno.h>
#include <string.h>

static struct emu_context *find(struct so_emulator *e, uint32_t handle) {
    for (size_t i = 0; i < EMU_CONTEXTS; i++)
        if (e->context[i].used && e->context[i].handle == handle) return &e->context[i];
    return NULL;
}

int emu_context_create(struct so_emulator *e, struct so_uapi_create_hwctx *r) {
    if (r->ext || r->ext_flags) return emu_refuse(e, EINVAL, "CREATE_HWCTX: ext and ext_flags must be zero");
    if (!r->qos_p) return emu_refuse(e, EFAULT, "CREATE_HWCTX: qos_p must be readable");
    if (r->umq_bo || r->log_buf_bo) return emu_refuse(e, EINVAL, "CREATE_HWCTX: XDNA1 has no user queues");
    if (r->num_tiles == 0 || r->num_tiles % SO_ARRAY_CORE_ROWS || r->num_tiles / SO_ARRAY_CORE_ROWS > SO_ARRAY_COLUMNS)
        return emu_refuse(e, EINVAL, "CREATE_HWCTX: tiles are whole columns, at most four");
    if (r->max_opc == 0) return emu_refuse(e, EINVAL, "CREATE_HWCTX: operations per cycle");
    const struct emu_bo *heap = emu_bo(e, e->heap);
    if (!heap) return emu_refuse(e, ENOENT, "CREATE_HWCTX: the device heap does not exist");
    if (!heap->host) return emu_refuse(e, EAGAIN, "CREATE_HWCTX: the device heap is not mapped");
    size_t slot = 0;
    while (slot < EMU_CONTEXTS && e->context[slot].used) slot++;
    if (slot == EMU_CONTEXTS) return emu_refuse(e, EINVAL, "CREATE_HWCTX: no hardware context is free");
    struct emu_context *context = &e->context[slot];
    *context = (struct emu_context){.used = true, .columns = r->num_tiles / SO_ARRAY_CORE_ROWS};
    context->handle = r->handle = e->next_context++;
    context->syncobj = r->syncobj_handle = e->next_syncobj++;
    r->umq_doorbell = ~UINT32_C(0);
    e->counts.contexts++;
    return 0;
}

int emu_context_destroy(struct so_emulator *e, const struct so_uapi_destroy_hwctx *r) {
    struct emu_context *context = find(e, r->handle);
    if (r->pad) return emu_refuse(e, EINVAL, "DESTROY_HWCTX: pad must be zero");
    if (!context) return emu_refuse(e, EINVAL, "DESTROY_HWCTX: no such context");
    emu_abandon(e, context);
    *context = (struct emu_context){0};
    e->counts.contexts--;
    return 0;
}

int emu_context_config(struct so_emulator *e, const struct so_uapi_config_hwctx *r) {
    struct emu_context *context = find(e, r->handle);
    if (!context) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: no such context");
    if (r->pad || r->param_type != SO_HWCTX_CONFIG_CU || !r->param_val) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: type or pad");
    if (r->param_val_size < 16 || r->param_val_size > 4096) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: size of the parameter");
    if (context->configured) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: a context is configured once");
    struct so_uapi_config_cu units = {0};
    size_t size = r->param_val_size < sizeof units ? r->param_val_size : sizeof units;
    memcpy(&units, (const void *)(uintptr_t)r->param_val, size);
    if (units.num_cus != 1 || units.pad[0] || units.pad[1] || units.pad[2] || size != 8 + 8u * units.num_cus)
        return emu_refuse(e, EINVAL, "CONFIG_HWCTX: number of compute units");
    const struct emu_bo *bo = emu_bo(e, units.cus[0].cu_bo);
    if (!bo || bo->type != SO_BO_DEV) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: the PDI must be in a DEV buffer");
    if (units.cus[0].pad[0] || units.cus[0].pad[1] || units.cus[0].pad[2]) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: pad");
    /* As the device sees it: a PDI that was not flushed is not there. */
    const char *image = emu_bo(e, e->heap)->device + bo->heap_offset;
    uint32_t overlay;
    memcpy(&overlay, image + 8, sizeof overlay);
    if (memcmp(image, EMU_PDI_MAGIC, 8) != 0) return emu_refuse(e, EINVAL, "CONFIG_HWCTX: not a configuration that the model can run");
    context->array.overlay = overlay;
    if (overlay == SO_OVERLAY_STOCK) {
        uint32_t counts[2];
        memcpy(counts, image + 12, sizeof counts);
        if (counts[0] == 0 || counts[0] > 1024 || counts[1] == 0)
            return emu_refuse(e, EINVAL, "CONFIG_HWCTX: impossible counts");
        emu_array_set_counts(&context->array, counts);
    }
    context->pdi = units.cus[0].cu_bo;
    context->configured = true;
    return 0;
}

int emu_syncobj_destroy(struct so_emulator *e, const struct so_drm_syncobj_destroy *r) {
    if (r->pad || r->handle == 0 || r->handle >= e->next_syncobj) return emu_refuse(e, EINVAL, "SYNCOBJ_DESTROY: no such object");
    return 0;
}
