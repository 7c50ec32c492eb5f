/**
 * What this machine's multipliers and memory allow for a recording, stage by stage, and the share of it that
 * sotto reaches.
 *
 *   limit RECORDING [MODEL] [THREADS]
 *
 * The model: the encoder and the cross keys and values cost their INT8 multiply-adds at the rate of the
 * dot-product instruction alone, on all threads at once; a step of the decoder costs the reading of its
 * weights, and each sequence in it the reading of its cross keys and values, at the rate at which memory is
 * read by all threads. All else (softmax, norms, log-mel, detection, media) is free in it, so that no program
 * reaches the limit. Windows are encoded in full, so that their cost is known.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels_peak.h"
#include "sotto.h"

enum { MAX_THREADS = 64, REPEATS = 40, MEMORY = 96 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct probe {
    const uint64_t *memory; /* [n], NULL: multiply */
    size_t n;
    double done; /* multiply-adds or bytes */
    uint64_t sum;
};

static void *run_probe(void *argument) {
    struct probe *p = argument;
    p->done = 0;
    p->sum = 0;
    if (!p->memory) {
        for (int i = 0; i < REPEATS; i++) p->done += peak_dot_products(sotto_cpu_level());
        return NULL;
    }
    for (size_t i = 0; i < p->n; i++) p->sum += p->memory[i];
    p->done = (double)p->n * sizeof *p->memory;
    return NULL;
}

/** The best rate, in units of 1e9 a second, of all threads at once out of a few tries. */
static double rate(size_t threads, const uint64_t *memory) {
    double best = 0;
    for (int t = 0; t < 7; t++) {
        struct probe probes[MAX_THREADS];
        pthread_t ids[MAX_THREADS];
        size_t part = MEMORY / sizeof *memory / threads, started = 1;
        for (size_t i = 0; i < threads; i++)
            probes[i] = (struct probe){.memory = memory ? memory + i * part : NULL, .n = part};
        double from = now(), done = 0;
        while (started < threads && pthread_create(&ids[started], NULL, run_probe, &probes[started]) == 0)
            started++;
        run_probe(&probes[0]);
        for (size_t i = 1; i < started; i++) pthread_join(ids[i], NULL);
        for (size_t i = 0; i < started; i++) done += probes[i].done;
        double found = done / (now() - from) * 1e-9;
        if (found > best) best = found;
    }
    return best;
}

static void line(const char *what, double limit, double measured) {
    printf("%-34s%10.3f%12.3f%11.1f %%\n", what, limit, measured, 100 * limit / measured);
}

static void report(const sotto_model_info *m, const sotto_result *r, double multiply, double memory) {
    double positions = m->n_audio_ctx, state = m->n_audio_state, text = m->n_text_state;
    double windows = (double)(r->products.encoder.cpu + r->products.encoder.npu) / (6.0 * m->n_audio_layer);
    double steps = (double)(r->products.logits.cpu + r->products.logits.npu);
    double sequences = 0; /* tokens sampled, with the one that ends each window */
    for (size_t i = 0; i < r->n_segments; i++) sequences += (double)r->segments[i].n_tokens;
    sequences += windows;

    double linear = m->n_audio_layer * 12.0 * state * state * positions,
           attention = m->n_audio_layer * 2.0 * state * positions * positions;
    double convolution = 3.0 * state * state * positions,
           cross = m->n_text_layer * 2.0 * state * text * positions;
    double encode = windows * (linear + attention + convolution + cross) / (multiply * 1e9);
    double weights =
        m->n_text_layer * 14.0 * text * text + (double)m->n_vocab * text; /* bytes read at each step */
    double keys = m->n_text_layer * 2.0 * text * positions;               /* and for each sequence */
    double decode = (steps * weights + sequences * keys) / (memory * 1e9);

    printf("%.0f windows, %.0f steps of the decoder, %.1f sequences in a step\n\n", windows, steps,
           steps > 0 ? sequences / steps : 0);
    printf("%-34s%10s%12s%13s\n", "seconds", "limit", "measured", "reached");
    line("encoder, cross keys and values", encode, r->timing.encode);
    line("decoder", decode, r->timing.decode);
    line("all", encode + decode, r->timing.total - r->timing.load);
    printf("%-34s%9.1fx%11.1fx\n", "speed", r->duration / (encode + decode),
           r->duration / (r->timing.total - r->timing.load));
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: limit RECORDING [MODEL] [THREADS]\n");
        return 2;
    }
    long asked = argc > 3 ? strtol(argv[3], NULL, 10) : 2;
    size_t threads = asked >= 1 && asked <= MAX_THREADS ? (size_t)asked : 2;
    uint64_t *memory = malloc(MEMORY);
    if (!memory) return 1;
    memset(memory, 1, MEMORY);
    double multiply = rate(threads, NULL), bytes = rate(threads, memory);
    free(memory);
    printf("%s, %zu threads: %.0f G multiply-adds/s, memory %.1f GB/s\n", sotto_cpu_level(), threads,
           multiply, bytes);
    if (multiply <= 0) {
        fprintf(stderr, "limit: this level has no dot-product instruction to measure\n");
        return 1;
    }

    sotto_error err;
    sotto_model *model;
    sotto_result *result = NULL;
    sotto_options options;
    sotto_options_init(&options);
    options.threads = (uint32_t)threads;
    options.full_context = true;
    options.device = SOTTO_DEVICE_CPU;
    sotto_status status = sotto_model_open(argc > 2 ? argv[2] : "base", &model, &err);
    if (!status) status = sotto_transcribe_file(model, argv[1], &options, &result, &err);
    if (status) {
        fprintf(stderr, "limit: %s\n", err.message);
        return 1;
    }
    sotto_model_info info;
    sotto_model_describe(model, &info);
    report(&info, result, multiply, bytes);
    sotto_result_free(result);
    sotto_model_close(model);
    return 0;
}
