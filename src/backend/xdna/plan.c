#include "backend/xdna/plan.h"

#include "backend/xdna/gemm_stream.h"
#include "backend/xdna/tile.h"
#include "util/memory.h"

/* Published, not ours: 2 TOPS is what the stock INT8 design reaches (drakosha/whisper-xdna), 0.1 ms a dispatch (mlir-aie #2381,
 * #2944), 0.484 ms a tile (the earlier prototype's report). */
#define OPERATIONS_PER_SECOND 2e12
#define DISPATCH_SECONDS 1e-4
#define TILE_SECONDS 4.84e-4

void so_plan_product(struct so_plan *plan, enum so_overlay_kind kernel, size_t m, size_t k, size_t n, bool resident) {
    plan->products++;
    if (so_overlay_is_tile(kernel)) {
        uint64_t tiles = so_tiles_dispatches(kernel, m, k, n);
        plan->dispatches += tiles;
        plan->bytes += tiles * 3 * kernel * kernel;
        plan->seconds += (double)tiles * TILE_SECONDS;
        return;
    }
    struct so_gemm_shape s = so_gemm_pad(m, k, n);
    plan->dispatches++;
    plan->bytes += m * s.k + m * s.n * sizeof(int32_t) + (resident ? 0 : s.k * s.n);
    plan->seconds += DISPATCH_SECONDS + 2.0 * (double)s.m * (double)s.k * (double)s.n / OPERATIONS_PER_SECOND;
}

/* Rows go in two parts where there are enough (nn/stages.c), cross keys and values side by side (nn/linear_device.c). */
#define PART_LEAST 512
#define BLOCK_COLUMNS 8192

struct list {
    struct so_plan_shape *at;
    size_t n;
};

static void add(struct list *list, size_t m, size_t k, size_t n, size_t times, unsigned logical) {
    list->at[list->n++] = (struct so_plan_shape){.m = m, .k = k, .n = n, .times = (unsigned)times, .logical = logical};
}

/* A linear layer of all positions. Only the first part counts as the logical product. */
static void add_parts(struct list *list, size_t m, size_t k, size_t n, size_t times, unsigned logical) {
    size_t first = m < PART_LEAST ? m : so_round_up((m + 1) / 2, SO_BLOCK_M);
    add(list, first, k, n, times, logical);
    if (m > first) add(list, m - first, k, n, times, 0);
}

static void add_cross(struct list *list, const struct so_hparams *hp) {
    size_t width = 2 * (size_t)hp->n_text_state, most = so_max(BLOCK_COLUMNS / width, 1), layers = hp->n_text_layer;
    if (layers / most) add(list, hp->n_audio_ctx, hp->n_audio_state, so_min(most, layers) * width, layers / most, 2 * (unsigned)most);
    if (layers % most) add(list, hp->n_audio_ctx, hp->n_audio_state, layers % most * width, 1, 2 * (unsigned)(layers % most));
}

size_t so_plan_shapes(const struct so_hparams *hp, struct so_plan_shape *out) {
    struct list list = {out, 0};
    size_t m = hp->n_audio_ctx, state = hp->n_audio_state, text = hp->n_text_state, layers = hp->n_audio_layer;
    add_parts(&list, m, state, 3 * state, layers, 3);
    add_parts(&list, m, state, state, layers, 1);
    add_parts(&list, m, state, 4 * state, layers, 1);
    add_parts(&list, m, 4 * state, state, layers, 1);
    add(&list, m, 3 * state, state, 1, 0); /* the second convolution */
    add_cross(&list, hp);
    size_t heads = list.n;
    add(&list, m, 64, m, layers * hp->n_audio_head, 0);
    add(&list, m, m, 64, layers * hp->n_audio_head, 0);
    for (size_t i = heads; i < list.n; i++) out[i].attention = true;
    size_t steps = list.n;
    add(&list, 1, text, 3 * text, hp->n_text_layer, 3);
    add(&list, 1, text, text, 3 * (size_t)hp->n_text_layer, 1); /* out, the cross query, cross out */
    add(&list, 1, text, 4 * text, hp->n_text_layer, 1);
    add(&list, 1, 4 * text, text, hp->n_text_layer, 1);
    add(&list, 1, text, hp->n_vocab, 1, 0); /* logits */
    for (size_t i = steps; i < list.n; i++) out[i].few = true;
    return list.n;
}

struct so_plan so_plan_window(enum so_overlay_kind kernel, const struct so_hparams *hp) {
    struct so_plan plan = {0};
    struct so_plan_shape shapes[SO_PLAN_SHAPES];
    size_t n = so_plan_shapes(hp, shapes);
    for (size_t i = 0; i < n; i++) {
        const struct so_plan_shape *s = &shapes[i];
        if (s->few || s->attention) continue;
        struct so_plan one = {0};
        so_plan_product(&one, kernel, s->m, s->k, s->n, true);
        plan.products += (uint64_t)s->times * s->logical;
        plan.dispatches += s->times * one.dispatches;
        plan.bytes += s->times * one.bytes;
        plan.seconds += s->times * one.seconds;
    }
    return plan;
}
