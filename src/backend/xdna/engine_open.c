/* Opening and closing the engine. */
#include <stdlib.h>
#include <string.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/engine.h"
#include "util/memory.h"

#define CHECK_EVERY 1000
#define RETRY_MS 1000

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
    x->retry_pause = o->retry_ms < 0 ? -1 : (o->retry_ms ? o->retry_ms : RETRY_MS) * 1e-3;
    x->log = o->log;
    x->log_user = o->log_user;
    sotto_status status = SOTTO_OK;
    if (emulated && !o->emulator) status = so_emulator_for_program(&x->emulator, err);
    const struct so_sys *sys = so_sys_native();
    if (emulated && status == SOTTO_OK) sys = so_emulator_sys(o->emulator ? o->emulator : x->emulator);
    if (status == SOTTO_OK) status = so_xdna_open(sys, o->node, &x->device, err);
    if (status == SOTTO_OK) status = check_firmware(x->device, err);
    if (status == SOTTO_OK) status = so_xdna_overlays_load(x, o, err);
    if (status == SOTTO_OK) status = so_xdna_known_answers(x, err);
    if (status != SOTTO_OK) {
        so_xdna_engine_close(&x->base);
        return status;
    }
    so_backend_reset(&x->base);
    *out = &x->base;
    return SOTTO_OK;
}

/* Waits for nothing: the contexts are gone. */
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
        so_xdna_contexts_destroy(x);
        free_slots(x);
        for (struct so_xdna_matrix *m = x->matrices, *next; m; m = next) {
            next = m->next;
            so_xdna_matrix_free(x, m);
        }
        for (struct so_xdna_stream *s = x->streams, *next; s; s = next) {
            next = s->next;
            so_xdna_bo_free(x->device, &s->bo);
            so_free(s);
        }
        so_xdna_close(x->device);
    }
    so_emulator_free(x->emulator);
    so_xdna_overlays_free(x);
    pthread_cond_destroy(&x->chain_done);
    pthread_mutex_destroy(&x->lock);
    so_free(x);
}
