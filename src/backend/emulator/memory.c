/* Buffers, mappings and caches of the model. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/emulator/model.h"
#include "util/memory.h"

#define LINE 64

static char *pages(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

struct emu_bo *emu_bo(struct so_emulator *e, uint32_t handle) {
    if (handle == 0 || handle > EMU_MAX_BOS || !e->bo[handle - 1].used) return NULL;
    return &e->bo[handle - 1];
}

/* First free place for a DEV buffer in the heap, at its alignment. */
static bool place_in_heap(const struct so_emulator *e, size_t size, size_t *offset) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < EMU_MAX_BOS; i++) {
            const struct emu_bo *b = &e->bo[i];
            if (!b->used || b->type != SO_BO_DEV) continue;
            if (at < b->heap_offset + b->size && b->heap_offset < at + size) {
                at = so_round_up(b->heap_offset + b->size, EMU_DEV_ALIGN);
                moved = true;
            }
        }
    }
    *offset = at;
    return size <= SO_XDNA_HEAP_BYTES && at <= SO_XDNA_HEAP_BYTES - size;
}

int emu_bo_create(struct so_emulator *e, struct so_uapi_create_bo *r) {
    if (r->flags || r->vaddr) return emu_refuse(e, EINVAL, "CREATE_BO: flags and vaddr must be zero");
    if (r->size == 0 || r->size > (UINT64_C(1) << 32)) return emu_refuse(e, EINVAL, "CREATE_BO: impossible size");
    struct emu_bo bo = {.used = true, .type = (enum so_bo_type)r->type, .size = so_round_up((size_t)r->size, 4096)};
    bo.address = SO_XDNA_NO_ADDRESS;
    size_t slot = 0;
    while (slot < EMU_MAX_BOS && e->bo[slot].used) slot++;
    if (slot == EMU_MAX_BOS) return -ENOMEM;
    const struct emu_bo *heap = e->heap ? emu_bo(e, e->heap) : NULL;
    switch (r->type) {
    case SO_BO_DEV_HEAP:
        if (r->size % SO_XDNA_HEAP_BYTES) return emu_refuse(e, EINVAL, "CREATE_BO: a heap is a multiple of 64 MiB");
        if (r->size != SO_XDNA_HEAP_BYTES) return emu_refuse(e, EINVAL, "CREATE_BO: XDNA1's heap is at most 64 MiB");
        if (heap) return emu_refuse(e, EBUSY, "CREATE_BO: a second heap");
        bo.address = EMU_HEAP_ADDRESS;
        break;
    case SO_BO_DEV:
        if (!heap) return emu_refuse(e, EINVAL, "CREATE_BO: a DEV buffer before the heap");
        if (!heap->host) return emu_refuse(e, EAGAIN, "CREATE_BO: a DEV buffer before the heap is mapped");
        if (!place_in_heap(e, bo.size, &bo.heap_offset)) return -ENOMEM;
        bo.address = EMU_HEAP_ADDRESS + bo.heap_offset;
        break;
    case SO_BO_SHARE:
        if (e->options.device_addresses) {
            bo.address = e->next_address;
            e->next_address += so_round_up(bo.size, 1 << 20) + (1 << 20);
        }
        break;
    case SO_BO_CMD:
        if (bo.size != SO_COMMAND_BYTES) return emu_refuse(e, EINVAL, "CREATE_BO: a CMD buffer is 4 KiB");
        break;
    default: return emu_refuse(e, EINVAL, "CREATE_BO: unknown type");
    }
    if (bo.type == SO_BO_SHARE || bo.type == SO_BO_DEV_HEAP) {
        bo.device = pages(bo.size);
        bo.agreed = pages(bo.size);
        if (!bo.device || !bo.agreed) {
            if (bo.device) munmap(bo.device, bo.size);
            if (bo.agreed) munmap(bo.agreed, bo.size);
            return -ENOMEM;
        }
    }
    e->bo[slot] = bo;
    e->counts.buffers++;
    r->handle = (uint32_t)slot + 1;
    if (bo.type == SO_BO_DEV_HEAP) e->heap = r->handle;
    return 0;
}

int emu_bo_info(struct so_emulator *e, struct so_uapi_get_bo_info *r) {
    const struct emu_bo *bo = emu_bo(e, r->handle);
    if (r->ext || r->ext_flags || r->pad) return emu_refuse(e, EINVAL, "GET_BO_INFO: ext, ext_flags and pad must be zero");
    if (!bo) return emu_refuse(e, ENOENT, "GET_BO_INFO: no such buffer");
    r->map_offset = bo->type == SO_BO_DEV ? SO_XDNA_NO_ADDRESS : (uint64_t)r->handle << 36;
    r->vaddr = bo->type == SO_BO_DEV ? 0 : (uint64_t)(uintptr_t)bo->host;
    r->xdna_addr = bo->address;
    return 0;
}

int emu_bo_sync(struct so_emulator *e, const struct so_uapi_sync_bo *r) {
    const struct emu_bo *bo = emu_bo(e, r->handle);
    if (!bo) return emu_refuse(e, ENOENT, "SYNC_BO: no such buffer");
    if (r->direction != SO_SYNC_TO_DEVICE) return emu_refuse(e, EINVAL, "SYNC_BO: newer drivers take FROM_DEVICE for debug buffers only");
    if (r->offset > bo->size || r->size > bo->size - r->offset) return emu_refuse(e, EINVAL, "SYNC_BO: outside the buffer");
    if (bo->host) emu_flush(e, bo->host + r->offset, (size_t)r->size);
    return 0;
}

int emu_bo_close(struct so_emulator *e, uint32_t handle) {
    struct emu_bo *bo = emu_bo(e, handle);
    if (!bo) return emu_refuse(e, EINVAL, "GEM_CLOSE: no such buffer");
    /* The driver holds a reference for every command under way. */
    for (size_t c = 0; c < EMU_CONTEXTS; c++) emu_drain(e, &e->context[c]);
    if (bo->device) munmap(bo->device, bo->size);
    if (bo->agreed) munmap(bo->agreed, bo->size);
    if (bo->host) e->counts.mappings--;
    if (handle == e->heap) e->heap = 0;
    *bo = (struct emu_bo){0};
    e->counts.buffers--;
    return 0;
}

int emu_map(struct so_emulator *e, void *address, size_t size, int protection, int flags, int fd, uint64_t offset, void **out) {
    if (fd < 0) {
        void *at = mmap(address, size, protection, flags, -1, 0);
        if (at == MAP_FAILED) return -errno;
        *out = at;
        return 0;
    }
    struct emu_bo *bo = emu_bo(e, (uint32_t)(offset >> 36));
    if (fd != EMU_FD || !bo || offset << 28) return emu_refuse(e, EINVAL, "mmap: an offset that GET_BO_INFO did not give");
    if (bo->type == SO_BO_DEV) return emu_refuse(e, EINVAL, "mmap: a DEV buffer is not mappable");
    if (!(flags & MAP_SHARED) || size != bo->size || bo->host) return emu_refuse(e, EINVAL, "mmap: whole buffers, shared, once");
    if (bo->type == SO_BO_DEV_HEAP) {
        if (e->fault.kind == SO_FAULT_HEAP) {
            e->counts.faults_hit++;
            return -EAGAIN;
        }
        if ((uintptr_t)address % SO_XDNA_HEAP_BYTES || !(flags & MAP_FIXED))
            return emu_refuse(e, EINVAL, "mmap: the heap's address must be a multiple of 64 MiB");
    }
    int fixed = flags & MAP_FIXED;
    void *at = mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);
    if (at == MAP_FAILED) return -errno;
    bo->host = *out = at;
    e->counts.mappings++;
    return 0;
}

int emu_unmap(struct so_emulator *e, void *address, size_t size) {
    for (size_t i = 0; i < EMU_MAX_BOS; i++)
        if (e->bo[i].used && e->bo[i].host == address && e->bo[i].size == size) {
            /* A command may still use the process's addresses. */
            for (size_t c = 0; c < EMU_CONTEXTS; c++) emu_drain(e, &e->context[c]);
            e->bo[i].host = NULL;
            e->counts.mappings--;
        }
    return munmap(address, size) < 0 ? -errno : 0;
}

/*
 * What clflush does to each line: a line that the CPU wrote goes to memory, every line is dropped and read again. A line that
 * both sides wrote ends as the CPU's, which is how sharing a line corrupts data on the real machine too.
 */
static void flush_lines(struct emu_bo *bo, size_t first, size_t end) {
    for (size_t at = first; at < end; at += LINE) {
        if (memcmp(bo->host + at, bo->agreed + at, LINE) != 0)
            memcpy(bo->device + at, bo->host + at, LINE);
        else if (memcmp(bo->host + at, bo->device + at, LINE) != 0)
            memcpy(bo->host + at, bo->device + at, LINE);
        else
            continue;
        memcpy(bo->agreed + at, bo->host + at, LINE);
    }
}

void emu_flush(struct so_emulator *e, const void *pointer, size_t size) {
    const char *p = pointer;
    for (size_t i = 0; i < EMU_MAX_BOS && size; i++) {
        struct emu_bo *bo = &e->bo[i];
        if (!bo->used || !bo->host || !bo->device || p < bo->host || p >= bo->host + bo->size) continue;
        size_t first = (size_t)(p - bo->host), end = so_min(first + size, bo->size);
        flush_lines(bo, first & ~(size_t)(LINE - 1), so_round_up(end, LINE));
        return;
    }
}

static char *within(struct so_emulator *e, const struct emu_bo *bo, uint64_t address, size_t size) {
    uint64_t start = bo->address;
    if (start == SO_XDNA_NO_ADDRESS) start = (uint64_t)(uintptr_t)bo->host;
    if (!start || address < start || address - start > bo->size || size > bo->size - (address - start)) return NULL;
    size_t offset = (size_t)(address - start);
    if (bo->type == SO_BO_DEV) return emu_bo(e, e->heap)->device + bo->heap_offset + offset;
    return bo->device ? bo->device + offset : NULL;
}

char *emu_reach(struct so_emulator *e, uint64_t address, size_t size) {
    char *at = e->last ? within(e, e->last, address, size) : NULL;
    for (size_t i = 0; i < e->n_args && !at; i++) {
        const struct emu_bo *bo = emu_bo(e, e->args[i]);
        if (!bo || !(at = within(e, bo, address, size))) continue;
        e->last = bo;
    }
    return at;
}
