/* The CPU behind the backend's interface: the product is computed when it is submitted. */
#include <pthread.h>
#include <string.h>

#include "backend/backend.h"
#include "util/clock.h"
#include "util/memory.h"

struct cpu_backend {
    struct so_backend base;
    pthread_mutex_t lock; /* of the statistics */
    struct so_backend_stats stats;
};

struct so_ticket {
    int32_t *c;
    size_t ldc;
};

static struct cpu_backend *self(struct so_backend *b) { return (struct cpu_backend *)b; }

static void cpu_close(struct so_backend *b) {
    pthread_mutex_destroy(&self(b)->lock);
    so_free(b);
}

static void cpu_describe(const struct so_backend *b, struct so_capabilities *out) {
    (void)b;
    *out = (struct so_capabilities){
        .usable = true,
        .tile_m = 1,
        .tile_k = 4,
        .tile_n = SO_LANES,
        .max_k = SO_GEMM_MAX_K,
        .in_flight = 1,
        .chain = 1,
    };
}

/* Callers have the same kernels at hand and can fuse their epilogue: going through here would only copy. */
static bool cpu_wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention) {
    (void)b;
    (void)m;
    (void)k;
    (void)n;
    (void)attention;
    return false;
}

static bool cpu_register(struct so_backend *b, const struct so_panels *panels) {
    (void)b;
    return panels->k <= SO_GEMM_MAX_K;
}

static struct so_ticket *compute(struct cpu_backend *cpu, const struct so_product *p) {
    size_t ldc = so_round_up(p->b.n, SO_LANES), bytes;
    struct so_ticket *t = so_calloc(1, sizeof *t);
    if (!t) return NULL;
    t->ldc = ldc;
    t->c = so_mul_size(p->m, ldc * sizeof(int32_t), &bytes) ? so_alloc(bytes, 1) : NULL;
    if (!t->c) {
        so_free(t);
        return NULL;
    }
    double start = so_now();
    so_backend_compute(&cpu->base, p, t->c, ldc);
    pthread_mutex_lock(&cpu->lock);
    so_times_add(&cpu->stats.time, so_now() - start);
    cpu->stats.products++;
    pthread_mutex_unlock(&cpu->lock);
    return t;
}

static void cpu_release(struct so_backend *b, struct so_ticket *t) {
    (void)b;
    so_free(t->c);
    so_free(t);
}

static bool cpu_submit(struct so_backend *b, const struct so_product *products, size_t n, struct so_ticket **tickets) {
    for (size_t i = 0; i < n; i++) {
        tickets[i] = compute(self(b), &products[i]);
        if (tickets[i]) continue;
        while (i--) cpu_release(b, tickets[i]);
        return false;
    }
    return true;
}

static bool cpu_wait(struct so_backend *b, struct so_ticket *t, int32_t **c, size_t *ldc) {
    (void)b;
    *c = t->c;
    *ldc = t->ldc;
    return true;
}

static void cpu_statistics(struct so_backend *b, struct so_backend_stats *out) {
    pthread_mutex_lock(&self(b)->lock);
    *out = self(b)->stats;
    pthread_mutex_unlock(&self(b)->lock);
}

static void cpu_reset(struct so_backend *b) {
    pthread_mutex_lock(&self(b)->lock);
    self(b)->stats = (struct so_backend_stats){0};
    pthread_mutex_unlock(&self(b)->lock);
}

static bool cpu_completions(struct so_backend *b, uint64_t *completions) {
    (void)b;
    *completions = 0;
    return false;
}

sotto_status so_backend_cpu(const struct so_backend_options *options, struct so_backend **out, sotto_error *err) {
    static const struct so_backend_ops ops = {
        "cpu",     cpu_close,   cpu_describe,   cpu_wants, cpu_register,    cpu_submit,
        cpu_wait,  cpu_release, cpu_statistics, cpu_reset, cpu_completions,
    };
    struct cpu_backend *cpu = so_calloc(1, sizeof *cpu);
    if (!cpu) return so_fail_memory(err, sizeof *cpu, "a backend");
    if (pthread_mutex_init(&cpu->lock, NULL) != 0) {
        so_free(cpu);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for a backend");
    }
    cpu->base = (struct so_backend){&ops, options->kernels ? options->kernels : so_kernels()};
    *out = &cpu->base;
    return SOTTO_OK;
}
