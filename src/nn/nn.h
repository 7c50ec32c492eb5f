/**
 * Layers: what shapes they take and in what order they compute. No vector code (that is backend/cpu), no weights'
 * origin (model), no knowledge of Whisper's architecture (whisper).
 *
 * A layer computes each row by itself, with the same operations in the same order whatever the number of rows,
 * threads or blocks: that is what makes results equal to the bit at every batch size.
 */
#ifndef SO_NN_NN_H
#define SO_NN_NN_H

#include <stdbool.h>

#include "backend/cpu/kernels.h"
#include "model/model.h"
#include "util/error.h"
#include "util/pool.h"

struct so_backend;

/** Matrix products of one name: all of them, and those that a device computed. */
struct so_tally {
    uint64_t all, device;
};

struct so_rows;

/** Matrix products done so far, counted by the logical product (a fused QKV product counts three). */
struct so_products {
    struct so_tally linear;      /**< Q, K, V, out, fc1, fc2, and the cross attention's query and out */
    struct so_tally cross;       /**< cross keys and values: once for each window */
    struct so_tally convolution; /**< the second one; the first is float */
    struct so_tally qk, pv;      /**< of attention: one of each for a layer's, all its heads together */
    struct so_tally logits;
    uint64_t fallbacks; /**< that the planner gave to a device and the CPU did */
};

/** Count `n` logical products; by_device is what the layer said. */
static inline void so_count(struct so_tally *tally, uint64_t n, bool by_device) {
    tally->all += n;
    tally->device += by_device ? n : 0;
}

/** sum += what was counted between two readings. */
void so_products_add(struct so_products *sum, const struct so_products *now, const struct so_products *before);

/** What every layer needs: kernels, threads, scratch. One user at a time. */
struct so_nn {
    const struct so_kernels *kernels;
    struct so_pool *pool;
    size_t scratch_bytes; /**< of each worker */
    char *scratch;        /**< [threads][scratch_bytes], 64-byte aligned */
    struct so_products products;
    /** Told of each linear layer that the CPU computes, before it does; NULL: nobody is. */
    void (*observe)(void *observer, const struct so_matrix *w, size_t rows, const struct so_rows *in);
    void *observer;
    struct so_backend *backend; /**< a device for INT8 products, borrowed; NULL: the CPU does them all */
};

/** `max_width`: the widest layer output; `max_keys`: the most positions that attention looks at. */
sotto_status so_nn_init(struct so_nn *nn, struct so_pool *pool, size_t max_width, size_t max_keys, sotto_error *err);
void so_nn_release(struct so_nn *nn);

/** A worker's scratch, at least so_nn_init's promise. */
void *so_nn_scratch(const struct so_nn *nn, size_t worker);

/**
 * Rows of activations in the precision of the layer that reads them: INT8 rows with a scale each, or float rows.
 */
struct so_rows {
    enum so_precision precision;
    uint8_t *q;   /**< SO_INT8: [rows][stride] */
    float *scale; /**< SO_INT8: [rows] */
    float *f;     /**< SO_F32: [rows][stride] */
    size_t stride;
};

/** Allocate rows x cols; false for want of memory. */
bool so_rows_create(struct so_rows *rows, enum so_precision precision, size_t n_rows, size_t cols);
void so_rows_free(struct so_rows *rows);
/** The same rows from `first` on. */
struct so_rows so_rows_from(const struct so_rows *rows, size_t first);

/** out = the rows x[rows][cols] in out's precision. cols is a multiple of 16 here and below. */
void so_quantize(struct so_nn *nn, size_t rows, size_t cols, const float *x, size_t ldx, struct so_rows *out);

/** out = layer norm of x [rows][cols]. */
void so_norm(struct so_nn *nn, const struct so_norm *norm, size_t rows, size_t cols, const float *x, size_t ldx, struct so_rows *out);

/*
 * A device (nn->backend) may compute the sums of INT8 layers; the integers are the same, and so is everything after them. The
 * linear layers return whether one did.
 */

/** Products of in [rows][W->k] with W and what follows them. y: float [rows][ldy], ldy >= 16*ceil(n/16). */
bool so_linear(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy);
/** y += W in + bias. */
bool so_linear_add(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy);
/** out = gelu(W in + bias), in out's precision. wide: float [rows][n] scratch, used when the rows are few. */
bool so_linear_gelu(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *wide,
                    struct so_rows *out);
/** y = gelu(W in + bias). */
bool so_linear_gelu_f32(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in, float *y, size_t ldy);
/**
 * y = W[i] in + bias for each of n matrices of one input, and then each(context, i) before the next one overwrites y. Where a
 * device claims them side by side, they are one product. Returns whether a device computed them all.
 */
bool so_linear_each(struct so_nn *nn, const struct so_matrix *const *w, size_t n, size_t rows, const struct so_rows *in, float *y, size_t ldy,
                    void (*each)(void *context, size_t i), void *context);

/**
 * A linear layer and what comes before it, for so_stages. First x [rows][cols] is normed (norm) or quantised (no norm) into `in`;
 * x NULL: `in` is filled already. Then y = W in, y += W in (add), or out = gelu(W in) (out not NULL).
 */
struct so_stage {
    const struct so_norm *norm;
    const float *x; /**< [rows][ldx] */
    size_t cols, ldx;
    struct so_rows *in;
    const struct so_matrix *w;
    bool add;
    float *y; /**< [rows][ldy]; with out: float [rows][n] scratch, used when the rows are few */
    size_t ldy;
    struct so_rows *out;
};

/** Layers that one so_stages takes. */
#define SO_STAGES_MAX 8

/**
 * Layers one after another. No row sees another, so where a device computes, the rows go in two parts: the host finishes one and
 * prepares its next layer while the device computes the other's product. by_device[n]: whether a device computed all of it.
 */
void so_stages(struct so_nn *nn, const struct so_stage *stages, size_t n, size_t rows, bool *by_device);

/** y[r] = W in + bias to scattered rows: y[r] is float [16*ceil(n/16)]. For logits. */
bool so_linear_scatter(struct so_nn *nn, const struct so_matrix *w, size_t rows, const struct so_rows *in,
                       float *const *y);

#endif
