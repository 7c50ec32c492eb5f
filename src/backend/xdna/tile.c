#include "backend/xdna/tile.h"

#include <string.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/array.h"
#include "backend/xdna/device.h"
#include "backend/xdna/overlay.h"
#include "util/memory.h"

struct so_tiles {
    unsigned tile;
    uint32_t check_every;
    uint64_t done;
    struct so_xdna *device;
    struct so_xdna_context context;
    struct so_xdna_bo in, out, command, stream;
    size_t n_words;
    void *file;
    struct so_emulator *emulator; /* owned */
};

uint64_t so_tiles_dispatches(unsigned t, size_t m, size_t k, size_t n) {
    return (uint64_t)((m + t - 1) / t) * ((k + t - 1) / t) * ((n + t - 1) / t);
}

bool so_tile_stream(unsigned tile, struct so_txn *txn) {
    uint32_t words = tile * tile / 4, in = so_txn_register(0, 0, SO_SHIM_BD_BASE), out = in + SO_SHIM_BD_BYTES;
    uint32_t bd_in[SO_SHIM_BD_WORDS] = {2 * words, 0, 0, 0, SO_BD_BURST, 0, 0, SO_BD_VALID};
    uint32_t bd_out[SO_SHIM_BD_WORDS] = {words, 0, 0, 0, SO_BD_BURST, 0, 0, SO_BD_VALID};
    so_txn_begin(txn);
    so_txn_mask(txn, so_txn_register(0, 0, SO_SHIM_CONTROL_BASE), SO_SHIM_CONTROLLER, SO_SHIM_CONTROLLER_MASK);
    so_txn_block(txn, out, bd_out, SO_SHIM_BD_WORDS);
    so_txn_patch(txn, out + 4, 1, 0);
    so_txn_write(txn, so_txn_register(0, 0, SO_SHIM_QUEUE_BASE), SO_SHIM_TOKEN | 1);
    so_txn_block(txn, in, bd_in, SO_SHIM_BD_WORDS);
    so_txn_patch(txn, in + 4, 0, 0);
    so_txn_write(txn, so_txn_register(0, 0, SO_SHIM_QUEUE_BASE + 2 * SO_SHIM_QUEUE_STEP), 0);
    so_txn_sync(txn, SO_FROM_ARRAY, 0, 1, 0);
    if (so_txn_end(txn)) return true;
    so_txn_free(txn);
    return false;
}

/* (sum >> 7) towards minus infinity, clipped: written without shifting a negative number. */
static int8_t shift_and_clip(int32_t sum) {
    const int32_t step = 1 << SO_TILE_SHIFT;
    int32_t q = sum / step - (sum % step < 0);
    return (int8_t)(q > 127 ? 127 : q < -128 ? -128 : q);
}

static void model_tile(unsigned t, const int8_t *in, int8_t *out) {
    for (unsigned i = 0; i < t; i++)
        for (unsigned j = 0; j < t; j++) {
            int32_t sum = 0;
            for (unsigned k = 0; k < t; k++) sum += in[i * t + k] * in[t * t + k * t + j];
            out[i * t + j] = shift_and_clip(sum);
        }
}

/* rows x columns of x from (r, c) on into a t x t tile, zero past the edge. */
static void cut(unsigned t, const int8_t *x, size_t rows, size_t columns, size_t r, size_t c, int8_t *tile) {
    memset(tile, 0, (size_t)t * t);
    for (size_t i = 0; i < t && r + i < rows; i++) memcpy(tile + i * t, x + (r + i) * columns + c, so_min(t, columns - c));
}

static void add(unsigned t, const int8_t *tile, size_t m, size_t n, size_t r, size_t c, int32_t *sums) {
    for (size_t i = 0; i < t && r + i < m; i++)
        for (size_t j = 0; j < t && c + j < n; j++) sums[(r + i) * n + c + j] += tile[i * t + j];
}

void so_tiles_model(unsigned t, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c) {
    int8_t in[2 * 64 * 64], out[64 * 64];
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i += t)
        for (size_t j = 0; j < n; j += t)
            for (size_t l = 0; l < k; l += t) {
                cut(t, a, m, k, i, l, in);
                cut(t, b, k, n, l, j, in + t * t);
                model_tile(t, in, out);
                add(t, out, m, n, i, j, c);
            }
}

static sotto_status load(struct so_tiles *x, const struct so_backend_options *o, size_t *size, uint32_t **words, sotto_error *err) {
    *words = NULL;
    if (o->kind == SO_BACKEND_EMULATOR && !o->xclbin) {
        struct so_txn txn;
        sotto_status status = so_emulator_xclbin((enum so_emulator_overlay)x->tile, &x->file, size, err);
        if (status != SOTTO_OK) return status;
        if (!so_tile_stream(x->tile, &txn)) return so_fail_memory(err, 0, "an instruction stream");
        x->n_words = txn.n_words;
        *words = so_alloc(txn.n_words, 4);
        if (*words) memcpy(*words, txn.words, txn.n_words * 4);
        so_txn_free(&txn);
        return *words ? SOTTO_OK : so_fail_memory(err, 0, "an instruction stream");
    }
    struct so_overlay overlay;
    sotto_status status = so_overlay_find(o->xclbin, &overlay, err);
    if (status != SOTTO_OK) return status;
    if ((unsigned)overlay.kind != x->tile)
        return so_fail(err, SOTTO_ERR_DEVICE, "'%s' is not a %ux%u tile kernel", overlay.xclbin, x->tile, x->tile);
    void *text;
    size_t length;
    status = so_xdna_read_file(overlay.instructions, &text, &length, err);
    if (status != SOTTO_OK) return status;
    const char *problem = so_txn_load(text, length, words, &x->n_words);
    so_free(text);
    if (problem) return so_fail(err, SOTTO_ERR_DEVICE, "'%s': %s", overlay.instructions, problem);
    return so_xdna_read_file(overlay.xclbin, &x->file, size, err);
}

static sotto_status make_buffers(struct so_tiles *x, const uint32_t *words, sotto_error *err) {
    size_t bytes = (size_t)x->tile * x->tile;
    sotto_status status = so_xdna_bo_create(x->device, SO_BO_SHARE, 2 * bytes, &x->in, err);
    if (status == SOTTO_OK) status = so_xdna_bo_create(x->device, SO_BO_SHARE, bytes, &x->out, err);
    if (status == SOTTO_OK) status = so_xdna_bo_create(x->device, SO_BO_CMD, SO_COMMAND_BYTES, &x->command, err);
    if (status == SOTTO_OK) status = so_xdna_bo_create(x->device, SO_BO_DEV, x->n_words * 4, &x->stream, err);
    if (status != SOTTO_OK) return status;
    memcpy(x->stream.map, words, x->n_words * 4);
    so_xdna_bo_flush(x->device, &x->stream, 0, x->n_words * 4);
    return SOTTO_OK;
}

sotto_status so_tiles_open(const struct so_backend_options *o, unsigned tile, struct so_tiles **out, sotto_error *err) {
    *out = NULL;
    struct so_tiles *x = so_calloc(1, sizeof *x);
    struct so_xclbin *xclbin = so_alloc(1, sizeof *xclbin);
    uint32_t *words = NULL;
    size_t size = 0, kernel = 0;
    sotto_status status = x && xclbin ? SOTTO_OK : so_fail_memory(err, sizeof *xclbin, "a device");
    const struct so_sys *sys = so_sys_native();
    if (status == SOTTO_OK) {
        x->tile = tile;
        x->check_every = o->check_every ? o->check_every : 1000;
        status = load(x, o, &size, &words, err);
    }
    if (status == SOTTO_OK && o->kind == SO_BACKEND_EMULATOR) {
        if (!o->emulator) status = so_emulator_for_program(&x->emulator, err);
        if (status == SOTTO_OK) sys = so_emulator_sys(o->emulator ? o->emulator : x->emulator);
    }
    if (status == SOTTO_OK) status = so_xclbin_read(x->file, size, xclbin, err);
    if (status == SOTTO_OK) status = so_xclbin_usable(xclbin, SO_ARRAY_COLUMNS, &kernel, err);
    if (status == SOTTO_OK) status = so_xdna_open(sys, o->node, &x->device, err);
    if (status == SOTTO_OK) status = so_xdna_context_create(x->device, xclbin, kernel, &x->context, err);
    if (status == SOTTO_OK) status = make_buffers(x, words, err);
    so_free(words);
    so_free(xclbin);
    if (status == SOTTO_OK)
        *out = x;
    else
        so_tiles_close(x);
    return status;
}

void so_tiles_close(struct so_tiles *x) {
    if (!x) return;
    if (x->device) {
        so_xdna_context_destroy(x->device, &x->context);
        so_xdna_bo_free(x->device, &x->in);
        so_xdna_bo_free(x->device, &x->out);
        so_xdna_bo_free(x->device, &x->command);
        so_xdna_bo_free(x->device, &x->stream);
        so_xdna_close(x->device);
    }
    so_emulator_free(x->emulator);
    so_free(x->file);
    so_free(x);
}

/* One dispatch: what lies in x->in gives x->out. */
static sotto_status dispatch(struct so_tiles *x, sotto_error *err) {
    size_t bytes = (size_t)x->tile * x->tile;
    struct so_xdna_call call = {.instructions = &x->stream, .n_words = x->n_words, .buffers = {&x->in, &x->out}, .n_buffers = 2};
    uint32_t handles[] = {x->stream.handle, x->in.handle, x->out.handle};
    uint64_t seq;
    so_xdna_bo_flush(x->device, &x->in, 0, 2 * bytes);
    so_xdna_command_call(&x->context, &x->command, &call);
    sotto_status status = so_xdna_submit(x->device, &x->context, &x->command, handles, 3, &seq, err);
    if (status == SOTTO_OK) status = so_xdna_wait(x->device, &x->context, &x->command, seq, err);
    if (status != SOTTO_OK) return status;
    so_xdna_bo_flush(x->device, &x->out, 0, bytes);
    if (x->done++ % x->check_every == 0) {
        int8_t expected[64 * 64];
        model_tile(x->tile, (const int8_t *)x->in.map, expected);
        if (memcmp(expected, x->out.map, bytes) != 0) return so_fail(err, SOTTO_ERR_DEVICE, "the tile kernel's result is wrong");
    }
    return SOTTO_OK;
}

sotto_status so_tiles_product(struct so_tiles *x, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c,
                              uint64_t *dispatches, sotto_error *err) {
    unsigned t = x->tile;
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i += t)
        for (size_t j = 0; j < n; j += t)
            for (size_t l = 0; l < k; l += t) {
                cut(t, a, m, k, i, l, (int8_t *)x->in.map);
                cut(t, b, k, n, l, j, (int8_t *)x->in.map + t * t);
                sotto_status status = dispatch(x, err);
                if (status != SOTTO_OK) return status;
                add(t, (const int8_t *)x->out.map, m, n, i, j, c);
                ++*dispatches;
            }
    return SOTTO_OK;
}

bool so_tiles_completions(struct so_tiles *x, uint64_t *completions) { return so_xdna_completions(x->device, completions); }
