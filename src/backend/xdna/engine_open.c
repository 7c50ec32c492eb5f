/* Opening and closing the engine. */
#include <stdlib.h>
#include <string.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/engine.h"
#include "backend/xdna/overlay.h"
#include "util/memory.h"

#define CHECK_EVERY 1000

/* The array's configuration: a file's bytes, or for the emulator one that it makes itself. */
static sotto_status load_file(const struct so_backend_options *o, void **bytes, size_t *size, sotto_error *err) {
    if (o->kind == SO_BACKEND_EMULATOR && !o->xclbin) return so_emulator_xclbin(SO_OVERLAY_GEMM, bytes, size, err);
    struct so_overlay overlay;
    sotto_status status = so_overlay_find(o->xclbin, &overlay, err);
    if (status != SOTTO_OK) return status;
    if (overlay.kind != SO_KERNEL_GEMM)
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "'%s' is a %dx%d tile kernel: its results are shifted to 8 bits and a window would take millions of dispatches; build the gemm overlay with npu/build.sh",
                       overlay.xclbin, (int)overlay.kind, (int)overlay.kind);
    return so_xdna_read_file(overlay.xclbin, bytes, size, err);
}

static sotto_status make_context(struct so_xdna_backend *x, const struct so_backend_options *o, sotto_error *err) {
    size_t size, kernel;
    sotto_status status = load_file(o, &x->file, &size, err);
    struct so_xclbin *xclbin = status == SOTTO_OK ? so_alloc(1, sizeof *xclbin) : NULL;
    if (status == SOTTO_OK && !xclbin) status = so_fail_memory(err, sizeof *xclbin, "an array configuration");
    if (status == SOTTO_OK) status = so_xclbin_read(x->file, size, xclbin, err);
    if (status == SOTTO_OK) status = so_xclbin_usable(xclbin, SO_ARRAY_COLUMNS, &kernel, err);
    if (status == SOTTO_OK && xclbin->partition.columns != SO_ARRAY_COLUMNS)
        status = so_fail(err, SOTTO_ERR_DEVICE, "this array configuration has %u columns, gemm has %d", xclbin->partition.columns, SO_ARRAY_COLUMNS);
    if (status == SOTTO_OK) status = so_xdna_context_create(x->device, xclbin, kernel, &x->context, err);
    so_free(xclbin);
    return status;
}

static sotto_status check_firmware(struct so_xdna *device, sotto_error *err) {
    struct so_xdna_facts *facts = so_alloc(1, sizeof *facts);
    if (!facts) return so_fail_memory(err, sizeof *facts, "a device's facts");
    so_xdna_query(device, facts);
    sotto_status status = SOTTO_OK;
    if (!so_xdna_firmware_known(facts))
        status = so_fail(err, SOTTO_ERR_DEVICE, "NPU firmware %u.%u.%u.%u is not known to this program (1.x is; see linux-firmware, amdnpu/1502_00)",
                         facts->firmware.major, facts->firmware.minor, facts->firmware.patch, facts->firmware.build);
    so_free(facts);
    return status;
}

sotto_status so_backend_xdna(const struct so_backend_options *o, struct so_backend **out, sotto_error *err) {
    bool emulated = o->kind == SO_BACKEND_EMULATOR;
    *out = NULL;
    struct so_xdna_backend *x = so_calloc(1, sizeof *x);
    if (!x) return so_fail_memory(err, sizeof *x, "a device");
    if (pthread_mutex_init(&x->lock, NULL) != 0 || pthread_cond_init(&x->chain_done, NULL) != 0) {
        so_free(x);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for a device");
    }
    x->base = (struct so_backend){emulated ? &so_xdna_emulator_ops : &so_xdna_engine_ops, o->kernels ? o->kernels : so_kernels()};
    x->all = o->all;
    x->attention = o->attention;
    x->check_every = o->check_every ? o->check_every : CHECK_EVERY;
    x->log = o->log;
    x->log_user = o->log_user;
    sotto_status status = SOTTO_OK;
    if (emulated && !o->emulator && !(x->emulator = so_emulator_create(NULL))) status = so_fail_memory(err, 0, "the emulator");
    const struct so_sys *sys = so_sys_native();
    if (emulated && status == SOTTO_OK) sys = so_emulator_sys(o->emulator ? o->emulator : x->emulator);
    if (status == SOTTO_OK) status = so_xdna_open(sys, o->node, &x->device, err);
    if (status == SOTTO_OK) status = check_firmware(x->device, err);
    if (status == SOTTO_OK) status = make_context(x, o, err);
    if (status == SOTTO_OK) status = so_xdna_known_answers(x, err);
    if (status != SOTTO_OK) {
        so_xdna_engine_close(&x->base);
        return status;
    }
    so_backend_reset(&x->base);
    *out = &x->base;
    return SOTTO_OK;
}

static void free_slots(struct so_xdna_backend *x) {
    for (size_t i = 0; i < SO_XDNA_SLOTS; i++) {
        struct so_ticket *t = x->slots[i];
        /* Chains of products that nobody could wait for any more. */
        if (t && t->chain && --t->chain->members == 0) so_xdna_chain_give(x, t->chain);
    }
    for (size_t i = 0; i < SO_XDNA_SLOTS; i++) so_xdna_slot_free(x, x->slots[i]);
    while (x->n_free_chains) {
        struct so_chain *chain = x->chains[--x->n_free_chains];
        so_xdna_bo_free(x->device, &chain->command);
        so_free(chain);
    }
}

void so_xdna_engine_close(struct so_backend *b) {
    struct so_xdna_backend *x = so_xdna_self(b);
    if (x->device) {
        /* The context first: after that the device writes nowhere. */
        so_xdna_context_destroy(x->device, &x->context);
        free_slots(x);
        for (struct so_xdna_matrix *m = x->matrices, *next; m; m = next) {
            next = m->next;
            so_xdna_bo_free(x->device, &m->bo);
            so_free(m->check);
            so_free(m);
        }
        for (struct so_xdna_stream *s = x->streams, *next; s; s = next) {
            next = s->next;
            so_xdna_bo_free(x->device, &s->bo);
            so_free(s);
        }
        so_xdna_close(x->device);
    }
    so_emulator_free(x->emulator);
    so_free(x->file);
    pthread_cond_destroy(&x->chain_done);
    pthread_mutex_destroy(&x->lock);
    so_free(x);
}
