/** sotto matmul: one product on a device, checked against plain C, timed, with its statistics. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "sotto_matmul.h"

static const char help[] =
    "usage: sotto matmul M K N [options]\n"
    "Multiplies random INT8 matrices (M x K) (K x N) and compares the result with plain C.\n"
    "\n"
    "      --device auto|cpu|xdna|emulator\n"
    "      --kernel gemm|tile16|tile32|tile64   gemm is exact (default); tiles shift each tile to 8 bits: lossy\n"
    "      --xclbin FILE          array configuration\n"
    "      --scale-shift N        of the requantised result, 0 to 31 (default 7)\n"
    "      --rounding floor|nearest\n"
    "      --iterations N         products to time (default 5)\n"
    "      --force                run a tile kernel even if it takes over a minute\n";

struct request {
    sotto_matmul_options options;
    size_t m, k, n;
    unsigned iterations;
    bool force;
};

static int usage(const char *problem) {
    so_console_error("matmul", problem);
    fputs(help, stderr);
    return SO_EXIT_USAGE;
}

static bool number(const char *text, unsigned long low, unsigned long high, size_t *out) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *out = value;
    return *text >= '0' && *text <= '9' && !*end && value >= low && value <= high;
}

static bool choose(const char *text, const char *const *names, unsigned *out) {
    for (*out = 0; names[*out]; ++*out)
        if (strcmp(names[*out], text) == 0) return true;
    return false;
}

static const char *parse(int argc, char **argv, struct request *r) {
    static const struct option options[] = {{"device", 1, NULL, 'd'}, {"kernel", 1, NULL, 'k'}, {"xclbin", 1, NULL, 'x'},
                                            {"scale-shift", 1, NULL, 's'}, {"rounding", 1, NULL, 'r'}, {"iterations", 1, NULL, 'i'},
                                            {"force", 0, NULL, 'f'}, {0}};
    static const char *const devices[] = {"auto", "cpu", "xdna", "emulator", NULL}, *const roundings[] = {"floor", "nearest", NULL},
                            *const kernels[] = {"gemm", "tile16", "tile32", "tile64", NULL};
    static const sotto_matmul_kernel kernel_of[] = {SOTTO_KERNEL_GEMM, SOTTO_KERNEL_TILE16, SOTTO_KERNEL_TILE32, SOTTO_KERNEL_TILE64};
    unsigned choice;
    size_t value;
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            if (!choose(optarg, devices, &choice)) return "--device takes auto, cpu, xdna or emulator";
            r->options.device = (sotto_device)choice;
            break;
        case 'k':
            if (!choose(optarg, kernels, &choice)) return "--kernel takes gemm, tile16, tile32 or tile64";
            r->options.kernel = kernel_of[choice];
            break;
        case 'r':
            if (!choose(optarg, roundings, &choice)) return "--rounding takes floor or nearest";
            r->options.rounding = (sotto_rounding)choice;
            break;
        case 'x': r->options.xclbin = optarg; break;
        case 's':
            if (!number(optarg, 0, 31, &value)) return "--scale-shift takes a number from 0 to 31";
            r->options.scale_shift = (uint32_t)value;
            break;
        case 'i':
            if (!number(optarg, 1, 1000000, &value)) return "--iterations takes a number from 1 to 1000000";
            r->iterations = (unsigned)value;
            break;
        case 'f': r->force = true; break;
        default: return "an option that is not known, or without its value";
        }
    }
    if (argc - optind != 3) return "M, K and N are needed";
    if (!number(argv[optind], 1, 65536, &r->m) || !number(argv[optind + 1], 1, SOTTO_MATMUL_MAX_K, &r->k) ||
        !number(argv[optind + 2], 1, 131072, &r->n))
        return "sizes: M from 1 to 65536, K from 1 to 131071, N from 1 to 131072";
    return NULL;
}

static void fill(int8_t *x, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (int8_t)((int)(seed >> 24) - 128);
    }
}

static void reference(const struct request *r, const int8_t *a, const int8_t *b, int32_t *c) {
    memset(c, 0, r->m * r->n * sizeof *c);
    for (size_t i = 0; i < r->m; i++)
        for (size_t l = 0; l < r->k; l++)
            for (size_t j = 0; j < r->n; j++) c[i * r->n + j] += a[i * r->k + l] * b[l * r->n + j];
}

/* How far the lossy result is from the exact one: correlation, and mean difference in steps of 8 bits. */
static void print_loss(const struct request *r, const int32_t *exact, const int32_t *lossy) {
    double n = (double)(r->m * r->n), sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    for (size_t i = 0; i < r->m * r->n; i++) {
        double x = exact[i] / 128.0, y = lossy[i];
        sx += x;
        sy += y;
        sxx += x * x;
        syy += y * y;
        sxy += x * y;
    }
    double spread = sqrt((sxx - sx * sx / n) * (syy - sy * sy / n));
    printf("lossy: correlation with the exact product %.4f, bias %.2f\n", spread > 0 ? (sxy - sx * sy / n) / spread : 0, (sy - sx) / n);
}

static void print_statistics(const struct request *r, const sotto_matmul_stats *s) {
    printf("products %" PRIu64 ": %" PRIu64 " on the device, %" PRIu64 " on the CPU, %" PRIu64 " fallbacks, %" PRIu64 " compared byte by byte\n",
           s->calls, s->on_device, s->on_cpu, s->fallbacks, s->checked);
    printf("tiles %" PRIu64 ", dispatches %" PRIu64 ", bytes to the device %" PRIu64 ", from it %" PRIu64 "\n", s->tiles, s->dispatches,
           s->bytes_to, s->bytes_from);
    printf("time (ms): total %.3f, mean %.3f, min %.3f, median %.3f, p95 %.3f, p99 %.3f, max %.3f; %.1f products/s, %.2f GOP/s\n",
           s->total * 1e3, s->mean * 1e3, s->minimum * 1e3, s->p50 * 1e3, s->p95 * 1e3, s->p99 * 1e3, s->maximum * 1e3, s->per_second,
           s->mean > 0 ? 2.0 * (double)r->m * (double)r->k * (double)r->n / s->mean / 1e9 : 0);
}

static int run(const struct request *r, sotto_matmul *x, int8_t *a, int8_t *b, int32_t *got, int32_t *want, int8_t *q) {
    sotto_error err;
    sotto_matmul_stats stats;
    fill(a, r->m * r->k, 1);
    fill(b, r->k * r->n, 2);
    sotto_status status = sotto_matmul_s32(x, r->m, r->k, r->n, a, b, got, &err);
    sotto_matmul_reset(x); /* the first one makes buffers and checks the shape */
    for (unsigned i = 0; !status && i < r->iterations; i++) status = sotto_matmul_s32(x, r->m, r->k, r->n, a, b, got, &err);
    sotto_matmul_statistics(x, &stats);
    if (!status) status = sotto_matmul_s8(x, r->m, r->k, r->n, a, b, q, &err);
    if (status) {
        so_console_error("matmul", err.message);
        return SO_EXIT_FAILURE;
    }
    reference(r, a, b, want);
    size_t wrong = 0, clipped = 0, total = r->m * r->n;
    for (size_t i = 0; i < total; i++) {
        wrong += got[i] != want[i];
        clipped += q[i] == 127 || q[i] == -128;
    }
    printf("%zu x %zu x %zu on %s%s\n", r->m, r->k, r->n, sotto_matmul_device(x), strcmp(sotto_matmul_device(x), "emulator") ? "" : " (its times say nothing about an NPU)");
    if (stats.lossy)
        print_loss(r, want, got);
    else
        printf("check against plain C: %zu of %zu entries differ\n", wrong, total);
    printf("requantised by 2^%" PRIu32 ": %.2f %% at the limits\n", r->options.scale_shift, 100.0 * (double)clipped / (double)total);
    print_statistics(r, &stats);
    return (wrong && !stats.lossy) || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
}

static void log_line(void *user, const char *line) {
    (void)user;
    so_console_error("matmul", line);
}

int so_cli_matmul(int argc, char **argv) {
    struct request r = {.iterations = 5};
    sotto_matmul *x;
    sotto_error err;
    sotto_matmul_options_init(&r.options);
    r.options.on_log = log_line;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) return fputs(help, stdout) < 0 ? SO_EXIT_FAILURE : SO_EXIT_OK;
    const char *problem = parse(argc, argv, &r);
    if (problem) return usage(problem);
    size_t t = r.options.kernel ? (size_t)r.options.kernel : 1;
    double tiles = ceil((double)r.m / (double)t) * ceil((double)r.k / (double)t) * ceil((double)r.n / (double)t);
    if (r.options.kernel && !r.force && tiles * 4.84e-4 * (r.iterations + 2) > 60) {
        char line[200];
        snprintf(line, sizeof line, "%.0f dispatches for each product, about %.0f s each at the published 0.484 ms; say --force", tiles, tiles * 4.84e-4);
        so_console_error("matmul", line);
        return SO_EXIT_FAILURE;
    }
    if (sotto_matmul_open(&r.options, &x, &err)) {
        so_console_error("matmul", err.message);
        return SO_EXIT_FAILURE;
    }
    int8_t *a = malloc(r.m * r.k), *b = malloc(r.k * r.n), *q = malloc(r.m * r.n);
    int32_t *got = malloc(r.m * r.n * 4), *want = malloc(r.m * r.n * 4);
    int status = SO_EXIT_FAILURE;
    if (a && b && q && got && want)
        status = run(&r, x, a, b, got, want, q);
    else
        so_console_error("matmul", "out of memory");
    free(a);
    free(b);
    free(q);
    free(got);
    free(want);
    sotto_matmul_close(x);
    return status;
}
