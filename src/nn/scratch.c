#include <string.h>

#include "nn/nn.h"
#include "nn/shape.h"
#include "util/memory.h"

sotto_status so_nn_init(struct so_nn *nn, struct so_pool *pool, size_t max_width, size_t max_keys, sotto_error *err) {
    memset(nn, 0, sizeof *nn);
    nn->kernels = so_kernels();
    nn->pool = pool;
    /* The most that one worker holds at a time: a block of a linear layer's sums and one float row, or a block of
     * attention: scores, probabilities, quantised queries and sums of one head. */
    size_t width = so_round_up(so_max(max_width, SO_COLUMN_BLOCK), SO_LANES), keys = so_round_up(max_keys, SO_LANES);
    size_t linear = SO_ROW_BLOCK * width * sizeof(int32_t) + width * sizeof(float);
    size_t attention = SO_QUERY_BLOCK * (keys * (sizeof(float) + 1) + 2 * SO_HEAD * sizeof(float) + SO_HEAD + 2 * SO_ALIGNMENT);
    nn->scratch_bytes = so_round_up(so_max(linear, attention) + 4 * SO_ALIGNMENT, 4096);
    nn->scratch = so_alloc(so_pool_threads(pool), nn->scratch_bytes);
    if (!nn->scratch) return so_fail_memory(err, nn->scratch_bytes, "scratch of the layers");
    return SOTTO_OK;
}

void so_nn_release(struct so_nn *nn) {
    so_free(nn->scratch);
    nn->scratch = NULL;
}

void *so_nn_scratch(const struct so_nn *nn, size_t worker) { return nn->scratch + worker * nn->scratch_bytes; }

static void add(struct so_tally *sum, struct so_tally now, struct so_tally before) {
    sum->all += now.all - before.all;
    sum->device += now.device - before.device;
}

void so_products_add(struct so_products *sum, const struct so_products *now, const struct so_products *before) {
    add(&sum->linear, now->linear, before->linear);
    add(&sum->cross, now->cross, before->cross);
    add(&sum->convolution, now->convolution, before->convolution);
    add(&sum->qk, now->qk, before->qk);
    add(&sum->pv, now->pv, before->pv);
    add(&sum->logits, now->logits, before->logits);
    sum->fallbacks += now->fallbacks - before->fallbacks;
}
