/* Products from submission to result. */
#include "backend/xdna/engine.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/memory.h"

void so_xdna_retire(struct so_xdna_backend *x, const char *why) {
    x->stats.failures++;
    if (x->retired) return;
    x->retired = true;
    if (!x->log) return;
    char line[700];
    snprintf(line, sizeof line, "the %s is not used any more, the CPU does its work: %s", x->base.ops->name, why);
    x->log(x->log_user, line);
}

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
    struct so_gemm_shape shape = so_gemm_pad(p->m, p->b.k, p->b.n);
    struct so_xdna_matrix *matrix = p->changing ? NULL : so_xdna_matrix_find(x, &p->b, err);
    if (!p->changing && !matrix) return NULL;
    const struct so_xdna_stream *stream = so_xdna_stream_find(x, shape, err);
    struct so_ticket *t = stream ? so_xdna_slot_take(x, p, shape, err) : NULL;
    if (!t) return NULL;
    t->matrix = matrix;
    stage(p, shape.k, (int8_t *)t->a.map);
    so_xdna_bo_flush(x->device, &t->a, 0, p->m * shape.k);
    x->stats.bytes_to += p->m * shape.k;
    if (p->changing) {
        if (p->b_rows)
            so_xdna_pack_rows(p->b_rows, p->b.k, p->b.n, shape, (int8_t *)t->b.map, t->check);
        else
            so_xdna_pack(&p->b, shape, (int8_t *)t->b.map, t->check);
        so_xdna_bo_flush(x->device, &t->b, 0, so_gemm_b_bytes(shape));
        x->stats.bytes_to += so_gemm_b_bytes(shape);
        if (!p->a_s8 && p->a_zero == 0) memcpy(t->sums, p->b.sums, p->b.n * sizeof *t->sums);
    }
    x->counter++;
    t->recompute = matrix && x->counter % x->check_every == 0;
    struct so_xdna_call call = {
        .instructions = &stream->bo,
        .n_words = stream->n_words,
        .buffers = {&t->a, matrix ? &matrix->bo : &t->b, &t->c},
        .n_buffers = 3,
    };
    so_xdna_command_call(&x->context, &t->command, &call);
    x->stats.tiles += (uint64_t)(shape.m / SO_TILE_M) * (shape.k / SO_TILE_K) * (shape.n / SO_TILE_N);
    return t;
}

/* Every buffer of the tickets and of their streams, each once. */
static size_t collect(const struct so_xdna_backend *x, struct so_ticket *const *tickets, size_t n, uint32_t *handles) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const struct so_ticket *t = tickets[i];
        uint32_t stream = 0;
        for (const struct so_xdna_stream *s = x->streams; s; s = s->next)
            if (s->shape.m == t->shape.m && s->shape.k == t->shape.k && s->shape.n == t->shape.n) stream = s->bo.handle;
        uint32_t own[4] = {stream, t->a.handle, t->matrix ? t->matrix->bo.handle : t->b.handle, t->c.handle};
        for (size_t j = 0; j < 4; j++) {
            size_t at = 0;
            while (at < used && handles[at] != own[j]) at++;
            if (at == used) handles[used++] = own[j];
        }
    }
    return used;
}

/* Hand prepared products over, as one command or as a chain. */
static bool hand_over(struct so_xdna_backend *x, struct so_ticket **tickets, size_t n, sotto_error *err) {
    uint32_t handles[4 * SO_CHAIN_MAX];
    const struct so_xdna_bo *commands[SO_CHAIN_MAX];
    struct so_chain *chain = so_xdna_chain_take(x, n > 1, err);
    if (!chain) return false;
    for (size_t i = 0; i < n; i++) commands[i] = &tickets[i]->command;
    if (n > 1) so_xdna_command_chain(&chain->command, commands, n);
    chain->waited = n > 1 ? &chain->command : commands[0];
    size_t n_handles = collect(x, tickets, n, handles);
    if (so_xdna_submit(x->device, &x->context, chain->waited, handles, n_handles, &chain->seq, err) != SOTTO_OK) {
        so_xdna_chain_give(x, chain);
        return false;
    }
    chain->members = n;
    double now = so_now();
    for (size_t i = 0; i < n; i++) {
        tickets[i]->chain = chain;
        tickets[i]->started = now;
    }
    x->stats.submissions++;
    x->stats.dispatches += n;
    return true;
}

static bool submit_locked(struct so_xdna_backend *x, const struct so_product *products, size_t n, struct so_ticket **tickets,
                          sotto_error *err) {
    size_t ready = 0, over = 0;
    while (ready < n && (tickets[ready] = prepare(x, &products[ready], err))) ready++;
    while (ready == n && over < n) {
        size_t part = so_min(n - over, SO_CHAIN_MAX);
        if (!hand_over(x, tickets + over, part, err)) break;
        over += part;
    }
    if (over == n) return true;
    so_xdna_retire(x, err->message);
    /* What is on its way still writes to its buffers: those slots stay taken until the device is closed. */
    for (size_t i = over; i < ready; i++) tickets[i]->used = false;
    return false;
}

static bool submit(struct so_backend *b, const struct so_product *products, size_t n, struct so_ticket **tickets) {
    struct so_xdna_backend *x = so_xdna_self(b);
    for (size_t i = 0; i < n; i++) {
        struct so_gemm_shape shape = so_gemm_pad(products[i].m, products[i].b.k, products[i].b.n);
        if (n > SO_XDNA_SLOTS || !so_gemm_fits(shape)) return false;
        if (!products[i].a_s8 && products[i].a_zero == 0 && !products[i].changing) return false;
        if (products[i].b_rows && (!products[i].changing || !products[i].a_s8)) return false;
    }
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    bool started = !x->retired && submit_locked(x, products, n, tickets, &err);
    for (size_t i = 0; i < n && !started; i++) x->stats.fallbacks += !products[i].trial;
    pthread_mutex_unlock(&x->lock);
    return started;
}

/* One waiter does it for the whole chain; the others wait for him. */
static bool wait_chain(struct so_xdna_backend *x, struct so_chain *chain) {
    pthread_mutex_lock(&x->lock);
    while (chain->waiting) pthread_cond_wait(&x->chain_done, &x->lock);
    if (!chain->done) {
        chain->waiting = true;
        pthread_mutex_unlock(&x->lock);
        sotto_error err = {0};
        sotto_status status = so_xdna_wait(x->device, &x->context, chain->waited, chain->seq, &err);
        pthread_mutex_lock(&x->lock);
        chain->waiting = false;
        chain->done = true;
        chain->good = status == SOTTO_OK;
        if (!chain->good) so_xdna_retire(x, err.message);
        pthread_cond_broadcast(&x->chain_done);
    }
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
    if (good) x->stats.bytes_from += t->product.m * t->shape.n * sizeof(int32_t);
    if (good && !t->product.trial) {
        x->stats.products++;
        so_times_add(&x->stats.time, ended - t->started);
    }
    x->stats.fallbacks += !good && !t->product.trial;
    if (why) so_xdna_retire(x, why);
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
    /* After a failure the device may still write: the buffers rest until it is closed. */
    t->used = !finished;
    if (--chain->members == 0) so_xdna_chain_give(x, chain);
    pthread_mutex_unlock(&x->lock);
}

static void describe(const struct so_backend *b, struct so_capabilities *out) {
    struct so_xdna_backend *x = (struct so_xdna_backend *)(uintptr_t)b; /* the lock is not part of what const promises */
    pthread_mutex_lock(&x->lock);
    bool usable = !x->retired;
    pthread_mutex_unlock(&x->lock);
    *out = (struct so_capabilities){
        .device = true,
        .usable = usable,
        .resident = true,
        .tile_m = SO_BLOCK_M,
        .tile_k = SO_TILE_K,
        .tile_n = SO_BLOCK_N,
        .max_k = SO_GEMM_K_MAX,
        .in_flight = SO_XDNA_IN_FLIGHT,
        .chain = SO_CHAIN_MAX,
    };
}

/*
 * A dispatch costs 0.1 ms or more and rows are padded to 256, so a product of few rows (a decoder step) is the CPU's. A
 * shape is checked once before it is believed.
 */
#define ENOUGH_ROWS 64

static bool trusted(struct so_xdna_backend *x, struct so_gemm_shape shape) {
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    struct so_xdna_stream *stream = x->retired ? NULL : so_xdna_stream_find(x, shape, &err);
    bool known = stream && stream->trusted;
    if (!stream && !x->retired) so_xdna_retire(x, err.message);
    if (known || !stream) {
        if (!stream) x->stats.fallbacks++;
        pthread_mutex_unlock(&x->lock);
        return known;
    }
    pthread_mutex_unlock(&x->lock);
    bool good = so_xdna_try_shape(x, shape);
    pthread_mutex_lock(&x->lock);
    stream->trusted = good;
    if (!good) {
        x->stats.fallbacks++;
        if (!x->retired) so_xdna_retire(x, "a known answer came out wrong");
    }
    pthread_mutex_unlock(&x->lock);
    return good;
}

static bool wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention) {
    struct so_xdna_backend *x = so_xdna_self(b);
    struct so_gemm_shape shape = so_gemm_pad(m, k, n);
    if ((!x->all && m < ENOUGH_ROWS) || (attention && !x->attention) || !so_gemm_fits(shape)) {
        pthread_mutex_lock(&x->lock);
        x->stats.declined++;
        pthread_mutex_unlock(&x->lock);
        return false;
    }
    return trusted(x, shape);
}

static bool register_matrix(struct so_backend *b, const struct so_panels *panels) {
    struct so_xdna_backend *x = so_xdna_self(b);
    if (!so_gemm_fits(so_gemm_pad(1, panels->k, panels->n))) return false;
    sotto_error err = {0};
    pthread_mutex_lock(&x->lock);
    bool there = !x->retired && so_xdna_matrix_find(x, panels, &err);
    if (!there && !x->retired) so_xdna_retire(x, err.message);
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

static bool completions(struct so_backend *b, uint64_t *out) { return so_xdna_completions(so_xdna_self(b)->device, out); }

const struct so_backend_ops so_xdna_engine_ops = {
    "xdna", so_xdna_engine_close, describe, wants, register_matrix, submit, wait, release, statistics, reset, completions,
};
const struct so_backend_ops so_xdna_emulator_ops = {
    "emulator", so_xdna_engine_close, describe, wants, register_matrix, submit, wait, release, statistics, reset, completions,
};
