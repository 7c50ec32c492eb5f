/* Array configurations side by side, and the contexts that they share. */
#include <string.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/engine.h"
#include "backend/xdna/overlay.h"
#include "util/memory.h"

/* The file's bytes, checked: one that this array can run. */
static sotto_status take_file(struct so_xdna_overlay *o, void *bytes, size_t size, sotto_error *err) {
    o->file = bytes;
    o->xclbin = so_alloc(1, sizeof *o->xclbin);
    if (!o->xclbin) return so_fail_memory(err, sizeof *o->xclbin, "an array configuration");
    sotto_status status = so_xclbin_read(bytes, size, o->xclbin, err);
    if (status == SOTTO_OK) status = so_xclbin_usable(o->xclbin, SO_ARRAY_COLUMNS, &o->kernel, err);
    if (status == SOTTO_OK && o->xclbin->partition.columns != SO_ARRAY_COLUMNS)
        status = so_fail(err, SOTTO_ERR_DEVICE, "this array configuration has %u columns, gemm has %d",
                         o->xclbin->partition.columns, SO_ARRAY_COLUMNS);
    return status;
}

/* A stock configuration's stream is somebody else's: read to its end before it is believed to be one. */
static sotto_status take_stream(struct so_xdna_overlay *o, const char *path, sotto_error *err) {
    void *bytes;
    size_t size;
    struct so_txn_reader reader;
    struct so_txn_op op;
    sotto_status status = so_xdna_read_file(path, &bytes, &size, err);
    if (status != SOTTO_OK) return status;
    const char *problem = so_txn_load(bytes, size, &o->words, &o->n_words);
    so_free(bytes);
    if (!problem && so_txn_open(&reader, o->words, o->n_words))
        while (so_txn_next(&reader, &op)) {
        }
    if (!problem) problem = reader.problem;
    return problem ? so_fail(err, SOTTO_ERR_DEVICE, "'%s': %s", path, problem) : SOTTO_OK;
}

static sotto_status load_one(struct so_xdna_backend *x, const struct so_overlay *entry, sotto_error *err) {
    struct so_xdna_overlay *o = &x->overlays[x->n_overlays++];
    void *bytes;
    size_t size;
    sotto_status status = so_xdna_read_file(entry->xclbin, &bytes, &size, err);
    if (status == SOTTO_OK) status = take_file(o, bytes, size, err);
    o->stock = entry->kind == SO_KERNEL_STOCK;
    for (unsigned i = 0; i < 3; i++) o->place[i] = i;
    if (status != SOTTO_OK || !o->stock) return status;
    o->shape = (struct so_gemm_shape){entry->m, entry->k, entry->n};
    for (unsigned i = 0; i < 3; i++) o->place[entry->order[i] - 'A'] = i;
    if (!so_gemm_fits(o->shape))
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "'%s': a shape of %zu x %zu x %zu is not made of whole blocks of %d x %d x %d",
                       entry->xclbin, entry->m, entry->k, entry->n, SO_BLOCK_M, SO_TILE_K, SO_BLOCK_N);
    return take_stream(o, entry->instructions, err);
}

/* The emulator needs no file: it makes a configuration itself. */
static sotto_status load_own(struct so_xdna_backend *x, sotto_error *err) {
    struct so_xdna_overlay *o = &x->overlays[x->n_overlays++];
    void *bytes;
    size_t size;
    sotto_status status = so_emulator_xclbin(SO_OVERLAY_GEMM, &bytes, &size, err);
    for (unsigned i = 0; i < 3; i++) o->place[i] = i;
    return status == SOTTO_OK ? take_file(o, bytes, size, err) : status;
}

/* The file that was asked for, and the stock ones of the catalogue beside it. */
static sotto_status load_files(struct so_xdna_backend *x, const char *xclbin, struct so_overlay *entries,
                               sotto_error *err) {
    sotto_status status = so_overlay_find(xclbin, &entries[0], err);
    if (status != SOTTO_OK) return status;
    if (so_overlay_is_tile(entries[0].kind))
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "'%s' is a %dx%d tile kernel: its results are shifted to 8 bits and a window would "
                       "take millions of dispatches; build the gemm overlay with npu/build.sh",
                       entries[0].xclbin, (int)entries[0].kind, (int)entries[0].kind);
    size_t n = 1 + so_overlay_stock(entries[0].xclbin, entries + 1, SO_XDNA_OVERLAYS - 1);
    for (size_t i = 0; status == SOTTO_OK && i < n; i++)
        if (i == 0 || strcmp(entries[i].xclbin, entries[0].xclbin) != 0)
            status = load_one(x, &entries[i], err);
    return status;
}

sotto_status so_xdna_overlays_load(struct so_xdna_backend *x, const struct so_backend_options *o,
                                   sotto_error *err) {
    x->overlays = so_calloc(SO_XDNA_OVERLAYS, sizeof *x->overlays);
    if (!x->overlays)
        return so_fail_memory(err, SO_XDNA_OVERLAYS * sizeof *x->overlays, "array configurations");
    if (o->kind == SO_BACKEND_EMULATOR && !o->xclbin) return load_own(x, err);
    struct so_overlay *entries = so_alloc(SO_XDNA_OVERLAYS, sizeof *entries);
    sotto_status status = entries ? load_files(x, o->xclbin, entries, err)
                                  : so_fail_memory(err, sizeof *entries, "array configurations");
    so_free(entries);
    return status;
}

void so_xdna_contexts_destroy(struct so_xdna_backend *x) {
    for (size_t i = 0; i < x->n_overlays; i++) so_xdna_context_destroy(x->device, &x->overlays[i].context);
    x->n_contexts = 0;
}

void so_xdna_overlays_free(struct so_xdna_backend *x) {
    for (size_t i = 0; i < x->n_overlays; i++) {
        so_free(x->overlays[i].words);
        so_free(x->overlays[i].xclbin);
        so_free(x->overlays[i].file);
    }
    so_free(x->overlays);
}

static uint64_t volume(struct so_gemm_shape s) {
    return (uint64_t)s.m * s.k * s.n;
}

struct so_xdna_overlay *so_xdna_overlay_for(const struct so_xdna_backend *x, size_t m, size_t k, size_t n,
                                            struct so_gemm_shape *shape) {
    struct so_xdna_overlay *best = NULL;
    struct so_gemm_shape padded = so_gemm_pad(m, k, n);
    for (size_t i = 0; i < x->n_overlays; i++) {
        struct so_xdna_overlay *o = &x->overlays[i];
        bool serves = o->stock ? o->shape.m >= m && o->shape.k >= k && o->shape.n >= n : so_gemm_fits(padded);
        struct so_gemm_shape own = o->stock ? o->shape : padded;
        if (!serves) continue;
        /* The least work; what was built for the shape before what serves all. */
        if (best &&
            (volume(own) > volume(*shape) || (volume(own) == volume(*shape) && !(o->stock && !best->stock))))
            continue;
        best = o;
        *shape = own;
    }
    return best;
}

/* The context that was not used for the longest time, one at rest before one at work. */
static struct so_xdna_overlay *oldest(const struct so_xdna_backend *x) {
    struct so_xdna_overlay *oldest = NULL;
    for (size_t i = 0; i < x->n_overlays; i++) {
        struct so_xdna_overlay *o = &x->overlays[i];
        if (!o->context.handle) continue;
        bool rests = o->under_way == 0, other_rests = oldest && oldest->under_way == 0;
        if (!oldest || (rests != other_rests ? rests : o->used < oldest->used)) oldest = o;
    }
    return oldest;
}

static void finish_one(struct so_xdna_backend *x, const struct so_xdna_overlay *overlay) {
    for (size_t i = 0; i < SO_XDNA_SLOTS; i++) {
        struct so_chain *chain = x->slots[i] ? x->slots[i]->chain : NULL;
        if (!chain || chain->overlay != overlay || chain->done) continue;
        so_xdna_chain_finish(x, chain);
        return;
    }
}

bool so_xdna_overlay_ready(struct so_xdna_backend *x, struct so_xdna_overlay *overlay, sotto_error *err) {
    overlay->used = ++x->clock;
    while (!overlay->context.handle) {
        if (x->n_contexts < SO_XDNA_CONTEXTS) {
            if (so_xdna_context_create(x->device, overlay->xclbin, overlay->kernel, &overlay->context, err) ==
                SOTTO_OK) {
                x->n_contexts++;
                continue;
            }
            /* Other programs may hold the rest: give up one of ours, if there is one. */
            if (x->n_contexts == 0) return false;
        }
        struct so_xdna_overlay *victim = oldest(x);
        if (victim->under_way) { /* its results must arrive first; others may change everything meanwhile */
            finish_one(x, victim);
            if (x->retired && !x->reviving) {
                so_fail(err, SOTTO_ERR_DEVICE, "the device failed while a context was awaited");
                return false;
            }
            continue;
        }
        so_xdna_context_destroy(x->device, &victim->context);
        x->n_contexts--;
        x->stats.contexts_lost++;
    }
    return true;
}
