#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "util/memory.h"

#define STREAM_ROOM ((size_t)256 << 10)

static void need(sotto_status status) {
    if (status != SOTTO_OK) abort();
}

void rig_renew(struct rig *r) {
    so_xdna_context_destroy(r->device, &r->context);
    size_t kernel;
    need(so_xclbin_usable(&r->xclbin, SO_ARRAY_COLUMNS, &kernel, NULL));
    need(so_xdna_context_create(r->device, &r->xclbin, kernel, &r->context, NULL));
}

void rig_open(struct rig *r, struct so_gemm_shape shape, uint32_t seed) {
    *r = (struct rig){.shape = shape};
    size_t size;
    r->emulator = so_emulator_create(NULL);
    need(so_xdna_open(so_emulator_sys(r->emulator), NULL, &r->device, NULL));
    need(so_emulator_xclbin(SO_OVERLAY_GEMM, &r->file, &size, NULL));
    need(so_xclbin_read(r->file, size, &r->xclbin, NULL));
    rig_renew(r);
    need(so_xdna_bo_create(r->device, SO_BO_SHARE, so_gemm_a_bytes(shape), &r->a, NULL));
    need(so_xdna_bo_create(r->device, SO_BO_SHARE, so_gemm_b_bytes(shape), &r->b, NULL));
    need(so_xdna_bo_create(r->device, SO_BO_SHARE, so_gemm_c_bytes(shape), &r->c, NULL));
    need(so_xdna_bo_create(r->device, SO_BO_CMD, SO_COMMAND_BYTES, &r->command, NULL));
    need(so_xdna_bo_create(r->device, SO_BO_DEV, STREAM_ROOM, &r->stream, NULL));
    int8_t *a = make_matrix(shape.m, shape.k, FILL_RANDOM, seed);
    r->plain_b = make_matrix(shape.k, shape.n, FILL_RANDOM, seed + 1);
    r->expected = malloc(so_gemm_c_bytes(shape));
    if (!r->expected || !so_gemm_stream(shape, &r->txn)) abort();
    quick_product(shape.m, shape.k, shape.n, a, r->plain_b, r->expected);
    memcpy(r->a.map, a, so_gemm_a_bytes(shape));
    for (size_t k = 0; k < shape.k; k++)
        for (size_t n = 0; n < shape.n; n++) r->b.map[so_gemm_b_at(shape, k, n)] = r->plain_b[k * shape.n + n];
    so_xdna_bo_flush(r->device, &r->a, 0, r->a.size);
    so_xdna_bo_flush(r->device, &r->b, 0, r->b.size);
    free(a);
}

void rig_close(struct rig *r) {
    so_xdna_context_destroy(r->device, &r->context);
    so_xdna_bo_free(r->device, &r->a);
    so_xdna_bo_free(r->device, &r->b);
    so_xdna_bo_free(r->device, &r->c);
    so_xdna_bo_free(r->device, &r->command);
    so_xdna_bo_free(r->device, &r->stream);
    so_xdna_close(r->device);
    so_emulator_free(r->emulator);
    so_txn_free(&r->txn);
    so_free(r->file);
    free(r->plain_b);
    free(r->expected);
}

void rig_prepare(struct rig *r, const uint32_t *words, size_t n) {
    memcpy(r->stream.map, words, n * 4);
    so_xdna_bo_flush(r->device, &r->stream, 0, n * 4);
    struct so_xdna_call call = {.instructions = &r->stream, .n_words = n, .buffers = {&r->a, &r->b, &r->c}, .n_buffers = 3};
    so_xdna_command_call(&r->context, &r->command, &call);
}

enum outcome rig_run(struct rig *r) {
    uint32_t handles[] = {r->stream.handle, r->a.handle, r->b.handle, r->c.handle};
    uint64_t seq;
    if (so_xdna_submit(r->device, &r->context, &r->command, handles, 4, &seq, NULL) != SOTTO_OK) return REFUSED;
    if (so_xdna_wait(r->device, &r->context, &r->command, seq, NULL) != SOTTO_OK) return REFUSED;
    so_xdna_bo_flush(r->device, &r->c, 0, r->c.size);
    return memcmp(r->c.map, r->expected, so_gemm_c_bytes(r->shape)) == 0 ? RIGHT : WRONG;
}

void rig_poison(struct rig *r) {
    memset(r->c.map, 0x7e, r->c.size);
    so_xdna_bo_flush(r->device, &r->c, 0, r->c.size);
}
