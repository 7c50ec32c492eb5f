#include "backend/xdna/plan.h"

#include "backend/xdna/gemm_stream.h"
#include "backend/xdna/tile.h"

/* Published, not ours: 2 TOPS is what the stock INT8 design reaches (drakosha/whisper-xdna), 0.1 ms a dispatch (mlir-aie #2381,
 * #2944), 0.484 ms a tile (the earlier prototype's report). */
#define OPERATIONS_PER_SECOND 2e12
#define DISPATCH_SECONDS 1e-4
#define TILE_SECONDS 4.84e-4

void so_plan_product(struct so_plan *plan, enum so_overlay_kind kernel, size_t m, size_t k, size_t n, bool resident) {
    plan->products++;
    if (kernel != SO_KERNEL_GEMM) {
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

struct so_plan so_plan_window(enum so_overlay_kind kernel, const struct so_hparams *hp) {
    struct so_plan plan = {0};
    size_t m = hp->n_audio_ctx, state = hp->n_audio_state, text = hp->n_text_state;
    for (uint32_t i = 0; i < hp->n_audio_layer; i++) {
        so_plan_product(&plan, kernel, m, state, 3 * state, true);
        so_plan_product(&plan, kernel, m, state, state, true);
        so_plan_product(&plan, kernel, m, state, 4 * state, true);
        so_plan_product(&plan, kernel, m, 4 * state, state, true);
        plan.products += 2; /* queries, keys and values are three */
    }
    for (uint32_t i = 0; i < hp->n_text_layer; i++) {
        so_plan_product(&plan, kernel, m, state, 2 * text, true);
        plan.products++;
    }
    return plan;
}
