/* Products from submission to result. */
#include "backend/xdna/engine.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/memory.h"

/* The one copy of the activations: into the device's buffer, with zero point 0. */
static void stage(const struct so_product *p, size_t stride, int8_t *out) {
    for (size_t i = 0; i < p->m; i++) {
        int8_t *to = out + i * stride;
        if (p->a_s8) {
            memcpy(to, p->a_s8 + i * p->lda, p->b.k);
        } else {
            const uint8_t *from = p->a + i * p->lda;
            for (size_t k = 0; k < p->b.k; k++) to[k] = (int8_t)(from[k] ^ 0x80);
        }
    }
}

static struct so_ticket *prepare(struct so_xdna_backend *x, const struct so_product *p, sotto_error *err) {
    struct so_gemm_shape shape;
    struct so_xdna_overlay *overlay = so_xdna_overlay_for(x, p->m, p->b.k, so_product_columns(p), &shape);
    if (!overlay) {
        so_fail(err, SOTTO_ERR_DEVICE, "no array configuration serves this product");
        return NULL;
    }
    struct so_xdna_matrix *matrix =
        p->changing ? NULL : so_xdna_matrix_find(x, p, overlay->stock, shape, err);
    if (!p->changing && !matrix) return NULL;
    const struct so_xdna_stream *stream = so_xdna_stream_find(x, overlay, shape, err);
    struct so_ticket *t = stream ? so_xdna_slot_take(x, p, shape, err) : NULL;
    if (!t) return NULL;
    t->matrix = matrix;
    t->overlay = overlay;
    t->stream = stream;
    t->product.beside = NULL; /* the caller's */
    stage(p, shape.k, (int8_t *)t->a.map);
    so_xdna_bo_flush(x->device, &t->a, 0, p->m * shape.k);
    uint64_t counted = !p->trial;
    x->stats.bytes_to += counted * p->m * shape.k;
    if (p->changing) {
        so_xdna_pack(p, shape, overlay->stock, (int8_t *)t->b.map, t->check);
        so_xdna_bo_flush(x->device, &t->b, 0, so_gemm_b_bytes(shape));
        x->stats.bytes_to += counted * so_gemm_b_bytes(shape);
        if (!p->a_s8 && p->a_zero == 0) memcpy(t->sums, p->b.sums, p->b.n * sizeof *t->sums);
    }
    x->counter += counted;
    t->recompute = counted && x->counter % x->check_every == 0;
    struct so_xdna_call call = {.instructions = &stream->bo, .n_words = stream->n_words, .n_buffers = 3};
    call.buffers[overlay->place[0]] = &t->a;
    call.buffers[overlay->place[1]] = matrix ? &matrix->bo : &t->b;
    call.buffers[overlay->place[2]] = &t->c;
    so_xdna_command_call(&overlay->context, &t->command, &call);
    x->stats.tiles +=
        counted * (uint64_t)(shape.m / SO_TILE_M) * (shape.k / SO_TILE_K) * (shape.n / SO_TILE_N);
    return t;
}

/* Every buffer of the tickets and of their streams, each once. */
static size_t collect(struct so_ticket *const *tickets, size_t n, uint32_t *handles) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const struct so_ticket *t = tickets[i];
        uint32_t own[4] = {t->stream->bo.handle, t->a.handle, t->matrix ? t->matrix->bo.handle : t->b.handle,
                           t->c.handle};
        for (size_t j = 0; j < 4; j++) {
            size_t at = 0;
            while (at < used && handles[at] != own[j]) at++;
            if (at == used) handles[used++] = own[j];
        }
    }
    return used;
}

/* Hand prepared products of one configuration over, as one command or as a chain. */
static bool hand_over(struct so_xdna_backend *x, struct so_ticket **tickets, size_t n, sotto_error *err) {
    uint32_t handles[4 * SO_CHAIN_MAX];
    const struct so_xdna_bo *commands[SO_CHAIN_MAX];
    struct so_xdna_overlay *overlay = tickets[0]->overlay;
    if (!so_xdna_overlay_ready(x, overlay, err)) return false;
    struct so_chain *chain = so_xdna_chain_take(x, n > 1, err);
    if (!chain) return false;
    for (size_t i = 0; i < n; i++) commands[i] = &tickets[i]->command;
    if (n > 1) so_xdna_command_chain(&chain->command, commands, n);
    chain->waited = n > 1 ? &chain->command : commands[0];
    size_t n_handles = collect(tickets, n, handles);
    if (so_xdna_submit(x->device, &overlay->context, chain->waited, handles, n_handles, &chain->seq, err) !=
        SOTTO_OK) {
        so_xdna_chain_give(x, chain);
        return false;
    }
    chain->members = n;
    chain->overlay = overlay;
    double now = so_now();
    for (size_t i = 0; i < n; i++) {
        tickets[i]->chain = chain;
        tickets[i]->started = now;
        x->stats.overlapped += (x->under_way || i > 0) && !tickets[i]->product.trial;
    }
    if (x->under_way++ == 0) x->busy_from = now;
    overlay->under_way++;
    bool trial = tickets[0]->product.trial;
    x->stats.submissions += !trial;
    x->stats.dispatches += trial ? 0 : n;
    return true;
}

/* How many of the tickets from the first on go in one chain. */
static size_t chain_length(struct so_ticket *const *tickets, size_t n) {
    size_t length = 1;
    while (length < n && length < SO_CHAIN_MAX && tickets[length]->overlay == tickets[0]->overlay) length++;
    return length;
}

static bool submit_locked(struct so_xdna_backend *x, const struct so_product *products, size_t n,
                          struct so_ticket **tickets, sotto_error *err) {
    size_t ready = 0, over = 0;
    while (ready < n && (tickets[ready] = prepare(x, &products[ready], err))) ready++;
    while (ready == n && over < n) {
        size_t part = chain_length(tickets + over, n - over);
        if (!hand_over(x, tickets + over, part, err)) break;
        over += part;
    }
    if (over == n) return true;
    so_xdna_retire(x, err->message, true);
    /* What is on its way still writes to its buffers: those slots rest. */
    for (size_t i = 0; i < over; i++) tickets[i]->lost = true;
    for (size_t i = over; i < ready; i++) tickets[i]->used = false;
    return false;
}

static bool acceptable(const struct so_xdna_backend *x, const struct so_product *p) {
    struct so_gemm_shape shape;
    if (!so_xdna_overlay_for(x, p->m, p->b.k, so_product_columns(p), &shape)) return false;
    if (!p->a_s8 && p->a_zero == 0 && !p->changing) return false;
    return !p->b_rows || (p->changing && p->a_s8);
}

static bool submit(struct so_backend *b, const struct so_product *products, size_t n,
                   struct so_ticket **tickets) {
    struct so_xdna_backend *x = so_xdna_self(b);
    bool trial = n > 0 && products[0].trial, good = n <= SO_XDNA_SLOTS;
    for (size_t i = 0; i < n && good; i++) good = acceptable(x, &products[i]);
    if (!good) return false;
    good = trial || so_xdna_usable(x);
    for (size_t i = 0; i < n && good && !trial; i++) {
        /* Products that follow each other are mostly of one shape. */
        const struct so_product *p = &products[i], *last = i ? p - 1 : NULL;
        if (last && last->m == p->m && last->b.k == p->b.k &&
            so_product_columns(last) == so_product_columns(p))
            continue;
        good = so_xdna_trusted(x, p->m, p->b.k, so_product_columns(p));
    }
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    bool started = good && (trial || !x->retired) && submit_locked(x, products, n, tickets, &err);
    for (size_t i = 0; i < n && !started; i++) x->stats.fallbacks += !products[i].trial;
    pthread_mutex_unlock(&x->lock);
    return started;
}

/* One waiter does it for the whole chain; the others wait for him. */
void so_xdna_chain_finish(struct so_xdna_backend *x, struct so_chain *chain) {
    while (chain->waiting) pthread_cond_wait(&x->chain_done, &x->lock);
    if (chain->done) return;
    chain->waiting = true;
    pthread_mutex_unlock(&x->lock);
    sotto_error err = {0};
    sotto_status status = so_xdna_wait(x->device, &chain->overlay->context, chain->waited, chain->seq, &err);
    pthread_mutex_lock(&x->lock);
    chain->waiting = false;
    chain->done = true;
    chain->good = status == SOTTO_OK;
    chain->overlay->under_way--;
    if (--x->under_way == 0) x->stats.busy += so_now() - x->busy_from;
    if (!chain->good) so_xdna_retire(x, err.message, so_xdna_command_ended(chain->waited));
    pthread_cond_broadcast(&x->chain_done);
}

static bool wait_chain(struct so_xdna_backend *x, struct so_chain *chain) {
    pthread_mutex_lock(&x->lock);
    so_xdna_chain_finish(x, chain);
    bool good = chain->good;
    pthread_mutex_unlock(&x->lock);
    return good;
}

/* Unsigned activations were staged less 128: give back 128 times each column's sum. */
static void compensate(struct so_ticket *t) {
    for (size_t i = 0; i < t->product.m; i++) {
        int32_t *c = (int32_t *)t->c.map + i * t->shape.n;
        for (size_t j = 0; j < t->product.b.n; j++) c[j] -= t->sums[j];
    }
    t->compensated = true;
}

static bool wait(struct so_backend *b, struct so_ticket *t, int32_t **c, size_t *ldc) {
    struct so_xdna_backend *x = so_xdna_self(b);
    bool good = wait_chain(x, t->chain), compared = false;
    const char *why = NULL;
    double ended = so_now();
    if (good) {
        so_xdna_bo_flush(x->device, &t->c, 0, t->product.m * t->shape.n * sizeof(int32_t));
        if (!so_xdna_sums_match(t)) why = "a product's checksums are wrong";
        if (!why && t->recompute) {
            compared = true;
            if (!so_xdna_bytes_match(x, t)) why = "a product differs from the CPU's";
        }
        good = why == NULL;
    }
    if (good && !t->product.a_s8 && t->product.a_zero == 0) compensate(t);
    pthread_mutex_lock(&x->lock);
    if (compared) x->stats.checked++;
    if (good && !t->product.trial) x->stats.bytes_from += t->product.m * t->shape.n * sizeof(int32_t);
    if (good && !t->product.trial) {
        x->stats.products++;
        so_times_add(&x->stats.time, ended - t->started);
    }
    x->stats.fallbacks += !good && !t->product.trial;
    x->stats.mismatches += why != NULL;
    if (why) so_xdna_retire(x, why, false);
    pthread_mutex_unlock(&x->lock);
    *c = (int32_t *)t->c.map;
    *ldc = t->shape.n;
    return good;
}

static void release(struct so_backend *b, struct so_ticket *t) {
    struct so_xdna_backend *x = so_xdna_self(b);
    /* Lines that the host wrote must not be written back over the next result. */
    if (t->compensated) so_xdna_bo_flush(x->device, &t->c, 0, t->product.m * t->shape.n * sizeof(int32_t));
    bool finished = wait_chain(x, t->chain);
    pthread_mutex_lock(&x->lock);
    struct so_chain *chain = t->chain;
    t->chain = NULL;
    /* After a failure the device may still write: the buffers rest until the context is gone. */
    t->used = t->lost = !finished;
    if (--chain->members == 0) so_xdna_chain_give(x, chain);
    pthread_mutex_unlock(&x->lock);
}

static bool register_matrix(struct so_backend *b, const struct so_panels *panels) {
    struct so_xdna_backend *x = so_xdna_self(b);
    struct so_product product = {.m = 1, .b = *panels};
    struct so_gemm_shape shape;
    struct so_xdna_overlay *overlay = so_xdna_overlay_for(x, 1, panels->k, panels->n, &shape);
    if (!overlay) return false;
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    bool there = !x->retired && so_xdna_matrix_find(x, &product, overlay->stock, shape, &err);
    if (!there && !x->retired) so_xdna_retire(x, err.message, true);
    pthread_mutex_unlock(&x->lock);
    return there;
}

static void statistics(struct so_backend *b, struct so_backend_stats *out) {
    struct so_xdna_backend *x = so_xdna_self(b);
    pthread_mutex_lock(&x->lock);
    *out = x->stats;
    pthread_mutex_unlock(&x->lock);
}

static void reset(struct so_backend *b) {
    struct so_xdna_backend *x = so_xdna_self(b);
    pthread_mutex_lock(&x->lock);
    x->stats = (struct so_backend_stats){.resident = x->stats.resident};
    pthread_mutex_unlock(&x->lock);
}

static bool completions(struct so_backend *b, uint64_t *out) {
    return so_xdna_completions(so_xdna_self(b)->device, out);
}

/* The device and its emulator differ in nothing but their names. */
#define ENGINE_OPS(name)                                                                                     \
    {                                                                                                        \
        name, so_xdna_engine_close, so_xdna_describe, so_xdna_wants, register_matrix, submit, wait, release, \
            statistics, reset, completions, so_xdna_claims, so_xdna_prove                                    \
    }
const struct so_backend_ops so_xdna_engine_ops = ENGINE_OPS("xdna");
const struct so_backend_ops so_xdna_emulator_ops = ENGINE_OPS("emulator");
