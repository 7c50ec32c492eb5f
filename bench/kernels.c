/**
 * Speed of each kernel at each CPU level of this machine: billions of multiply-adds in a second for products,
 * nanoseconds for an element otherwise. With "peak" the dot-product instruction alone, on registers: what a
 * product can reach at most.
 *
 *   bench-kernels [LEVEL|all] [PART-OF-A-KERNEL'S-NAME]
 *
 * The best of many short runs is printed, for a shared machine disturbs and never helps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/cpu/kernels.h"
#include "kernels_peak.h"

enum { MAX_ROWS = 1504, MAX_COLS = 2048 };

/** Operands large enough for every case below. */
static struct {
    uint8_t *bytes, *q;
    int8_t *panels;
    int32_t *acc, *bsum;
    float *x, *y, *vector, *other, *scale;
} data;

struct bench {
    const char *name;
    size_t m, n, k;
    double units; /* multiply-adds or elements of one call */
    void (*call)(const struct so_kernels *kernels, const struct bench *b);
};

static void gemm_q8(const struct so_kernels *s, const struct bench *b) {
    s->gemm_q8_s32(b->m, b->n, b->k, data.bytes, b->k, 128, data.panels, data.bsum, data.acc,
                   (b->n + 15) / 16 * 16);
}
static void gemm_q4(const struct so_kernels *s, const struct bench *b) {
    s->gemm_q4_s32(b->m, b->n, b->k, data.bytes, b->k, (const uint8_t *)data.panels, data.bsum, data.acc,
                   (b->n + 15) / 16 * 16);
}
static void gemm_f32(const struct so_kernels *s, const struct bench *b) {
    s->gemm_f32(b->m, b->n, b->k, data.x, b->k, (const float *)data.panels, data.vector, data.y,
                (b->n + 15) / 16 * 16);
}
static void quantize_q8(const struct so_kernels *s, const struct bench *b) {
    s->quantize_q8(b->m, b->n, data.x, b->n, data.q, b->n, data.scale);
}
static void layernorm_f32(const struct so_kernels *s, const struct bench *b) {
    s->layernorm_f32(b->m, b->n, data.x, b->n, data.vector, data.other, data.y, b->n);
}
static void layernorm_q8(const struct so_kernels *s, const struct bench *b) {
    s->layernorm_q8(b->m, b->n, data.x, b->n, data.vector, data.other, data.q, b->n, data.scale);
}
static void gelu_f32(const struct so_kernels *s, const struct bench *b) {
    s->gelu_f32(b->m, b->n, data.y, b->n);
}
static void dequant_f32(const struct so_kernels *s, const struct bench *b) {
    s->dequant_f32(b->m, b->n, data.acc, b->n, data.scale, data.vector, data.other, data.y, b->n);
}
static void dequant_add_f32(const struct so_kernels *s, const struct bench *b) {
    s->dequant_add_f32(b->m, b->n, data.acc, b->n, data.scale, data.vector, data.other, data.y, b->n);
}
static void dequant_gelu_q8(const struct so_kernels *s, const struct bench *b) {
    s->dequant_gelu_q8(b->m, b->n, data.acc, b->n, data.scale, data.vector, data.other, data.y, data.q, b->n,
                       data.scale + MAX_ROWS);
}
static void softmax_q8(const struct so_kernels *s, const struct bench *b) {
    for (size_t r = 0; r < b->m; r++)
        s->softmax_q8(b->n, data.acc + r * b->n, data.vector, 1e-3f, data.q + r * b->n);
}
static void softmax_s32_f32(const struct so_kernels *s, const struct bench *b) {
    for (size_t r = 0; r < b->m; r++)
        s->softmax_s32_f32(b->n, data.acc + r * b->n, data.vector, 1e-3f, data.y + r * b->n);
}
static void pack_keys_s8(const struct so_kernels *s, const struct bench *b) {
    s->pack_keys_s8(b->m, b->n, data.x, MAX_COLS / 4, (int8_t *)data.q, data.acc, data.y);
}
static void pack_values_s8(const struct so_kernels *s, const struct bench *b) {
    s->pack_values_s8(b->m, b->n, data.x, MAX_COLS / 4, (int8_t *)data.q, data.acc, data.y);
}
static void weighted_sum_s8(const struct so_kernels *s, const struct bench *b) {
    s->weighted_sum_s8(b->m, b->n, data.vector, data.panels, b->n, 1.0f, data.y);
}
static void weighted_sum_f32(const struct so_kernels *s, const struct bench *b) {
    s->weighted_sum_f32(b->m, b->n, data.vector, data.x, b->n, 1.0f, data.y);
}
static void sum_exp_f32(const struct so_kernels *s, const struct bench *b) {
    data.y[0] = s->sum_exp_f32(b->n, data.x, 8.0f);
}
static void max_f32(const struct so_kernels *s, const struct bench *b) {
    data.y[0] = s->max_f32(b->n, data.x);
}

#define GEMM(m, n, k) \
    { "gemm_q8_s32", m, n, k, (double)(m) * (n) * (k), gemm_q8 }
#define GEMM_Q4(m, n, k) \
    { "gemm_q4_s32", m, n, k, (double)(m) * (n) * (k), gemm_q4 }
#define GEMM_F32(m, n, k) \
    { "gemm_f32", m, n, k, (double)(m) * (n) * (k), gemm_f32 }
#define ROWS(name, m, n) \
    { #name, m, n, 0, (double)(m) * (n), name }
static const struct bench benches[] = {GEMM(48, 512, 512),
                                       GEMM(48, 1536, 512),
                                       GEMM(48, 2048, 512),
                                       GEMM(48, 512, 2048),
                                       GEMM(96, 2048, 512),
                                       GEMM(1500, 512, 512),
                                       GEMM(1500, 2048, 512),
                                       GEMM(1500, 512, 2048),
                                       GEMM(48, 1504, 64),
                                       GEMM(48, 64, 1504),
                                       GEMM(1, 2048, 512),
                                       GEMM(2, 2048, 512),
                                       GEMM(4, 2048, 512),
                                       GEMM(8, 2048, 512),
                                       GEMM(16, 2048, 512),
                                       GEMM(1, 51872, 512),
                                       GEMM(4, 51872, 512),
                                       GEMM(8, 51872, 512),
                                       GEMM(16, 51872, 512),
                                       GEMM_Q4(48, 512, 512),
                                       GEMM_Q4(48, 2048, 512),
                                       GEMM_Q4(48, 512, 2048),
                                       GEMM_Q4(96, 2048, 512),
                                       GEMM_Q4(1, 2048, 512),
                                       GEMM_Q4(4, 2048, 512),
                                       GEMM_Q4(8, 2048, 512),
                                       GEMM_Q4(16, 2048, 512),
                                       GEMM_F32(48, 512, 240),
                                       GEMM_F32(48, 512, 512),
                                       GEMM_F32(1, 512, 512),
                                       ROWS(quantize_q8, 48, 512),
                                       ROWS(layernorm_f32, 48, 512),
                                       ROWS(layernorm_q8, 48, 512),
                                       ROWS(gelu_f32, 48, 512),
                                       ROWS(dequant_f32, 48, 512),
                                       ROWS(dequant_add_f32, 48, 512),
                                       ROWS(dequant_gelu_q8, 48, 2048),
                                       ROWS(softmax_q8, 48, 1500),
                                       ROWS(softmax_s32_f32, 48, 1500),
                                       ROWS(pack_keys_s8, 1500, 64),
                                       ROWS(pack_values_s8, 1500, 64),
                                       ROWS(weighted_sum_s8, 448, 64),
                                       ROWS(weighted_sum_f32, 448, 64),
                                       ROWS(max_f32, 1, 51865),
                                       ROWS(sum_exp_f32, 1, 51865)};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/** Seconds of the fastest of the runs that fit into a tenth of a second, each of `inner` calls. */
static double fastest(const struct so_kernels *kernels, const struct bench *b) {
    double best = 1e9;
    const double end = now() + 0.1;
    const size_t inner = b->units < 1e6 ? 20 : 1;
    do {
        const double from = now();
        for (size_t i = 0; i < inner; i++) b->call(kernels, b);
        const double took = (now() - from) / (double)inner;
        best = took < best ? took : best;
    } while (now() < end);
    return best;
}

static double peak(const char *level) {
    double best = 1e9;
    for (int i = 0; i < 50; i++) {
        const double from = now();
        if (!peak_dot_products(level)) return 0;
        const double took = now() - from;
        best = took < best ? took : best;
    }
    return peak_dot_products(level) / best * 1e-9;
}

static void run_level(const struct so_kernels *kernels, const char *part) {
    const double limit = peak(kernels->level);
    printf("%s", kernels->level);
    if (limit > 0) printf(": peak %.1f G multiply-adds/s of the dot-product instruction", limit);
    printf("\n");
    for (size_t i = 0; i < sizeof benches / sizeof *benches; i++) {
        const struct bench *b = &benches[i];
        if (!strstr(b->name, part)) continue;
        /* The plain level is there to be right; its long cases would take minutes. */
        if (strcmp(kernels->level, "ref") == 0 && b->units > 2e7) continue;
        const double seconds = fastest(kernels, b);
        printf("  %-18s %5zu x %5zu", b->name, b->m, b->n);
        if (b->k) {
            printf(" x %4zu  %8.2f G/s", b->k, b->units / seconds * 1e-9);
            if (limit > 0 && b->call == gemm_q8)
                printf("  %5.1f %% of peak", 100 * b->units / seconds * 1e-9 / limit);
        } else
            printf("         %8.3f ns/element", seconds / b->units * 1e9);
        printf("\n");
    }
}

static void *filled(size_t size) {
    uint8_t *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "bench-kernels: out of memory\n");
        exit(1);
    }
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (uint8_t)(state >> 24);
    }
    return p;
}

/** Floats in [-8, 8). */
static float *filled_floats(size_t count) {
    float *x = filled(count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        x[i] = (float)(bits >> 8) * 0x1p-20f - 8.0f;
    }
    return x;
}

int main(int argc, char **argv) {
    const size_t area = (size_t)MAX_ROWS * MAX_COLS;
    const char *level = argc > 1 ? argv[1] : "all", *part = argc > 2 ? argv[2] : "";
    data.bytes = filled(area), data.q = filled(area), data.panels = filled((size_t)51872 * 512);
    data.acc = filled(area * 4), data.bsum = filled(51872 * 4);
    for (size_t i = 0; i < area; i++) data.acc[i] >>= 12;
    data.x = filled_floats(area), data.y = filled_floats(area), data.vector = filled_floats(51872);
    data.other = filled_floats(51872), data.scale = filled_floats(2 * MAX_ROWS);
    for (const char *const *name = so_kernels_levels(); *name; name++) {
        const struct so_kernels *kernels = so_kernels_level(*name);
        if (kernels && (strcmp(level, "all") == 0 || strcmp(level, *name) == 0)) run_level(kernels, part);
    }
    return 0;
}
