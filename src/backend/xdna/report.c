/* The public questions about devices, answered as text. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/emulator/emulator.h"
#include "backend/xdna/device.h"
#include "backend/xdna/gemm_stream.h"
#include "backend/xdna/inspect.h"
#include "backend/xdna/plan.h"
#include "sotto_device.h"
#include "util/clock.h"
#include "util/memory.h"
#include "util/meter.h"

/* The stream knows its buffer only once it is closed. */
static sotto_status finish(FILE *out, char **text, char **buffer, sotto_status status, sotto_error *err) {
    if (fclose(out) != 0 && status == SOTTO_OK) status = so_fail(err, SOTTO_ERR_MEMORY, "out of memory for a report");
    *text = *buffer;
    return status;
}

static void print_sensors(const struct so_xdna_facts *f, FILE *out) {
    static const char *const names[] = {"power", "column utilisation", "temperature"};
    for (unsigned type = 0; type < 3; type++) {
        bool any = false;
        for (size_t i = 0; i < f->n_sensors; i++) {
            const struct so_uapi_sensor *s = &f->sensors[i];
            if (s->type != type) continue;
            fprintf(out, "  %s: %.3g %.16s (%.64s)\n", names[type], (double)s->input * pow(10, s->unitm), (const char *)s->units, (const char *)s->label);
            any = true;
        }
        if (!any) fprintf(out, "  %s: not available\n", names[type]);
    }
}

static void print_facts(const struct so_xdna *d, const struct so_xdna_facts *f, FILE *out) {
    static const char *const modes[] = {"default", "low", "medium", "high", "turbo"};
    fprintf(out, "%s\n  driver: amdxdna %d.%d\n", d->node, d->driver_major, d->driver_minor);
    if (f->has_firmware)
        fprintf(out, "  firmware: %" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", f->firmware.major, f->firmware.minor, f->firmware.patch, f->firmware.build);
    else
        fputs("  firmware: not available\n", out);
    if (f->has_metadata)
        fprintf(out, "  array: %u columns x %u rows, AIE version %" PRIu32 ".%" PRIu32 "\n", f->metadata.cols, f->metadata.rows, f->metadata.version.major,
                f->metadata.version.minor);
    else
        fputs("  array: not available\n", out);
    if (f->has_clocks)
        fprintf(out, "  clocks: NPU %" PRIu32 " MHz, array %" PRIu32 " MHz\n", f->clocks.mp_npu.freq_mhz, f->clocks.h.freq_mhz);
    else
        fputs("  clocks: not available\n", out);
    fprintf(out, "  power mode: %s\n", f->has_power_mode && f->power_mode.mode < 5 ? modes[f->power_mode.mode] : "not available");
    if (f->has_resources)
        fprintf(out, "  rate: %" PRIu64 " of %" PRIu64 " TOPS, %" PRIu64 " of %" PRIu64 " tasks\n", f->resources.npu_tops_curr, f->resources.npu_tops_max,
                f->resources.npu_task_curr, f->resources.npu_task_max);
    else
        fputs("  rate: not available\n", out);
    print_sensors(f, out);
    fprintf(out, "  contexts visible: %zu\n", f->n_contexts);
    for (size_t i = 0; i < f->n_contexts; i++)
        fprintf(out, "    %" PRIu32 ": process %" PRId64 ", columns %" PRIu32 " to %" PRIu32 ", %" PRIu64 " commands submitted, %" PRIu64 " completed, %" PRIu64 " errors\n",
                f->contexts[i].context_id, f->contexts[i].pid, f->contexts[i].start_col, f->contexts[i].start_col + f->contexts[i].num_col - 1,
                f->contexts[i].command_submissions, f->contexts[i].command_completions, f->contexts[i].errors);
}

/* What the model answers to the same questions. */
static void print_emulator(struct so_xdna_facts *facts, FILE *out) {
    struct so_emulator *emulator = so_emulator_create(NULL);
    struct so_xdna *device;
    fputs("emulator: a model of an XDNA1 array behind its driver, on every machine; it answers as ", out);
    if (emulator && so_xdna_open_bare(so_emulator_sys(emulator), NULL, &device, NULL) == SOTTO_OK) {
        so_xdna_query(device, facts);
        print_facts(device, facts, out);
        so_xdna_close(device);
    } else {
        fputs("nobody: out of memory\n", out);
    }
    so_emulator_free(emulator);
}

static void print_cpu(FILE *out) {
    struct so_energy energy;
    so_energy_read(SO_METER_RAPL, &energy);
    fprintf(out, "cpu\n  kernels: %s\n", so_kernels()->level);
    if (!energy.n) fputs("  energy counter (RAPL): not available\n", out);
    for (size_t i = 0; i < energy.n; i++) fprintf(out, "  energy counter (RAPL) of package %zu: %.3f J\n", i, (double)energy.microjoules[i] * 1e-6);
}

sotto_status sotto_device_list(char **text, sotto_error *err) {
    char *buffer = NULL;
    size_t size;
    so_error_clear(err);
    *text = NULL;
    FILE *out = open_memstream(&buffer, &size);
    struct so_xdna_facts *facts = so_alloc(1, sizeof *facts);
    if (!out || !facts) {
        if (out) fclose(out);
        free(buffer);
        so_free(facts);
        return so_fail_memory(err, 0, "a report");
    }
    bool any = false;
    sotto_error why = {0};
    for (int i = 0; i < 16; i++) {
        char node[64];
        struct so_xdna *device;
        sotto_error failed = {0};
        snprintf(node, sizeof node, "/dev/accel/accel%d", i);
        if (so_xdna_open_bare(so_sys_native(), node, &device, &failed) != SOTTO_OK) {
            if (i == 0) why = failed;
            continue;
        }
        so_xdna_query(device, facts);
        print_facts(device, facts, out);
        so_xdna_close(device);
        any = true;
    }
    if (!any) fprintf(out, "%s\n", why.message);
    print_emulator(facts, out);
    print_cpu(out);
    so_free(facts);
    return finish(out, text, &buffer, SOTTO_OK, err);
}

/* Known answers of each shape that a window of base has. */
static sotto_status check_shapes(struct so_backend *b, FILE *out, sotto_error *err) {
    static const struct so_hparams base = {80, 1500, 512, 8, 6, 448, 512, 8, 6, 51865};
    struct so_plan_shape shapes[SO_PLAN_SHAPES];
    size_t n = so_plan_shapes(&base, shapes);
    for (size_t i = 0; i < n; i++) {
        const struct so_plan_shape *s = &shapes[i];
        bool second_part = s->logical == 0 && s->times > 1;
        if (s->few || s->attention || second_part || !so_backend_wants(b, s->m, s->k, s->n, false)) continue;
        double from = so_now();
        if (!so_backend_prove(b, s->m, s->k, s->n))
            return so_fail(err, SOTTO_ERR_DEVICE, "the product %zu x %zu x %zu came out wrong", s->m, s->k, s->n);
        fprintf(out, "  %zu x %zu x %zu: equal to the CPU, byte by byte (%.1f ms with the comparison)\n", s->m, s->k, s->n, (so_now() - from) * 1e3);
    }
    return SOTTO_OK;
}

sotto_status sotto_device_check(sotto_device device, const char *xclbin, char **text, sotto_error *err) {
    char *buffer = NULL;
    size_t size;
    so_error_clear(err);
    *text = NULL;
    if (device != SOTTO_DEVICE_XDNA && device != SOTTO_DEVICE_EMULATOR) return so_fail(err, SOTTO_ERR_ARGUMENT, "only an NPU or the emulator can be checked");
    struct so_backend_options how = {.kind = device == SOTTO_DEVICE_XDNA ? SO_BACKEND_XDNA : SO_BACKEND_EMULATOR, .xclbin = xclbin};
    struct so_backend *backend;
    sotto_status status = so_backend_open(&how, &backend, err);
    if (status != SOTTO_OK) return status;
    FILE *out = open_memstream(&buffer, &size);
    if (!out) {
        so_backend_close(backend);
        return so_fail_memory(err, 0, "a report");
    }
    fprintf(out, "%s: opened, configured; known answers right (identity, extremes, long sums, random numbers)\n", so_backend_name(backend));
    status = check_shapes(backend, out, err);
    uint64_t completions;
    if (so_backend_completions(backend, &completions))
        fprintf(out, "  commands completed, by the driver's count: %" PRIu64 "\n", completions);
    else
        fputs("  commands completed, by the driver's count: not available\n", out);
    so_backend_close(backend);
    return finish(out, text, &buffer, status, err);
}

sotto_status sotto_device_inspect(const char *path, char **text, sotto_error *err) {
    void *bytes;
    size_t length, size;
    char *buffer = NULL;
    so_error_clear(err);
    *text = NULL;
    sotto_status status = so_xdna_read_file(path, &bytes, &length, err);
    if (status != SOTTO_OK) return status;
    FILE *out = open_memstream(&buffer, &size);
    if (out) {
        status = so_xdna_inspect(bytes, length, out, err);
        status = finish(out, text, &buffer, status, err);
    } else {
        status = so_fail_memory(err, 0, "a report");
    }
    so_free(bytes);
    return status;
}

/* The padded shapes, each once: what stock overlays would have to be built for. */
static void print_shapes(const struct so_hparams *hp, FILE *out) {
    struct so_plan_shape shapes[SO_PLAN_SHAPES];
    size_t n = so_plan_shapes(hp, shapes);
    for (size_t i = 0; i < n; i++) {
        struct so_gemm_shape s = so_gemm_pad(shapes[i].m, shapes[i].k, shapes[i].n);
        unsigned times = 0;
        size_t first = n;
        for (size_t j = 0; j < n; j++) {
            struct so_gemm_shape other = so_gemm_pad(shapes[j].m, shapes[j].k, shapes[j].n);
            if (shapes[j].few || shapes[j].attention || other.m != s.m || other.k != s.k || other.n != s.n) continue;
            first = first < j ? first : j;
            times += shapes[j].times;
        }
        if (first == i) fprintf(out, "  shape %zux%zux%zu, %u in a window\n", s.m, s.k, s.n, times);
    }
}

void so_xdna_plan(const struct so_model *m, FILE *out) {
    static const struct {
        enum so_overlay_kind kind;
        const char *name;
    } kernels[] = {{SO_KERNEL_GEMM, "gemm"}, {SO_KERNEL_TILE16, "tile16"}, {SO_KERNEL_TILE32, "tile32"}, {SO_KERNEL_TILE64, "tile64"}};
    fprintf(out, "one window of %s: encoder and cross keys and values; times estimated from published figures, not measured\n", m->name);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        struct so_plan p = so_plan_window(kernels[i].kind, &m->hp);
        fprintf(out, "  %-7s %" PRIu64 " products, %" PRIu64 " dispatches, %.1f MB, about %.3g s%s\n", kernels[i].name, p.products, p.dispatches,
                (double)p.bytes / 1e6, p.seconds, kernels[i].kind == SO_KERNEL_GEMM ? "" : ", lossy: not used for speech");
    }
    print_shapes(&m->hp, out);
    fputs("  left to the CPU: the decoder's steps (a few rows each) and attention, unless --npu-all, --npu-attention\n", out);
}
