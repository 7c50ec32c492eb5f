/**
 * Who computes exact INT8 matrix products: the CPU's kernels, an XDNA NPU, or the emulator of one. The layers above see
 * one interface and never learn which it is: whatever a device declines or gets wrong is done by the CPU kernels, to the
 * same integers.
 *
 * A product is C[m][n] = sum over k of (A[m][k] - a_zero) * B[k][n], int32. Activations A are bytes as kernels.h stores them
 * (zero point 128), or probabilities (zero point 0). B is s8 panels: weights, registered once and resident from then on, or
 * an operand that changes with each product.
 *
 * All functions may be called from several threads at once.
 */
#ifndef SO_BACKEND_BACKEND_H
#define SO_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/cpu/kernels.h"
#include "backend/stats.h"
#include "util/error.h"

struct so_backend;
struct so_emulator;
struct so_ticket; /**< a product under way */

enum so_backend_kind { SO_BACKEND_CPU, SO_BACKEND_XDNA, SO_BACKEND_EMULATOR };

struct so_backend_options {
    enum so_backend_kind kind;
    const char *node; /**< NULL: the first NPU */
    const char
        *xclbin; /**< array configuration; NULL: $MATMUL_XCLBIN, the default places, or the emulator's own */
    unsigned tile; /**< 0: gemm, which is exact; 16, 32, 64: a tile kernel, which is lossy */
    bool all;    /**< take products that the planner would leave to the CPU (few rows) */
    bool attention; /**< take products of attention too */
    uint32_t
        check_every;  /**< one product in so many is computed again on the CPU; 0: default 1,000; 1: all */
    int32_t retry_ms; /**< pause before a device whose state allows it is tried again, twice as long each
                         time; 0: 1,000; negative: never */
    struct so_emulator *emulator;     /**< borrowed, for tests; NULL: SO_BACKEND_EMULATOR makes its own */
    const struct so_kernels *kernels; /**< NULL: the best this CPU has */
    void *log_user;
    void (*log)(void *user, const char *line); /**< one line when a device is given up; may be NULL */
};

/** Open, load the array configuration, check known answers. The error says what is missing and how to get it. */
sotto_status so_backend_open(const struct so_backend_options *options, struct so_backend **out, sotto_error *err);
void so_backend_close(struct so_backend *backend); /**< NULL is allowed; no product may be under way */

/** "cpu", "xdna", "emulator". */
const char *so_backend_name(const struct so_backend *backend);

struct so_capabilities {
    bool device;         /**< something else than the CPU computes */
    bool usable;         /**< not given up */
    bool resident;       /**< registered matrices stay on the device */
    size_t tile_m, tile_k, tile_n; /**< sizes are padded to multiples of these */
    size_t max_k;
    size_t in_flight; /**< products worth submitting before waiting */
    size_t chain;     /**< products that one submission can hold */
    bool lossy;       /**< results are not the exact integers: a tile kernel */
};
void so_backend_describe(const struct so_backend *backend, struct so_capabilities *out);

/** s8 panels of B, as kernels.h lays them out, with their sums. */
struct so_panels {
    size_t k, n;
    const int8_t *q;      /**< borrowed; for registered matrices until the backend is closed */
    const int32_t *sums;  /**< int32 [16*ceil(n/16)], -128 * sum over k of B[k][n] */
};

struct so_product {
    size_t m;
    const uint8_t *a; /**< uint8 [m][lda]; read during so_backend_submit only */
    size_t lda;
    int a_zero;       /**< 128 or 0 */
    struct so_panels b;
    bool changing; /**< b is not a weight matrix: it is read during so_backend_submit and not kept resident */
    bool trial;    /**< a check of the device, nobody's product: not counted */
    const struct so_panels *beside; /**< a fused block: further weight matrices of the same k, whose columns
                                       follow, each from a multiple of 16 on */
    size_t n_beside; /**< 0 unless so_backend_claims said yes; beside is read during so_backend_submit only */
    const int8_t
        *b_rows; /**< instead of b's panels: int8 [k][n] row by row, changing; b holds the sizes only */
    const int8_t *a_s8; /**< instead of a: int8 [m][lda] with zero point 0, a_zero ignored */
};

/** Columns of a product's result; for a fused block from the first matrix' first to the last's last. */
size_t so_product_columns(const struct so_product *product);

/** Whether the planner gives products of this size to the device. What it wants and does not do is a
 * fallback, and counted. */
bool so_backend_wants(struct so_backend *backend, size_t m, size_t k, size_t n, bool attention);

/**
 * Whether the backend computes these matrices side by side, in one product, as one would compute them one by
 * one. A block that nobody claims is done matrix by matrix: that changes no bit of the results. product->a is
 * not looked at.
 */
bool so_backend_claims(struct so_backend *backend, const struct so_product *product);

/**
 * Compare known answers of this size with the CPU: done once for each shape, here or before its first product. False: wrong, and
 * the device is given up.
 */
bool so_backend_prove(struct so_backend *backend, size_t m, size_t k, size_t n);

/** Put a weight matrix on the device ahead of its first product. Known by its pointer; false: it will be done
 * by the CPU. */
bool so_backend_register(struct so_backend *backend, const struct so_panels *b);

/**
 * Start n products, in one submission where the device can. False: none was started (declined, or the device failed, which is
 * counted), and the caller computes them with the CPU's kernels.
 */
bool so_backend_submit(struct so_backend *backend, const struct so_product *products, size_t n, struct so_ticket **tickets);

/**
 * Wait for a product. True: *c is int32 [m][*ldc], valid until so_backend_release and only to be read: the
 * device writes its next result over it, and the host's own lines in the cache would come back over that one. False: the
 * device failed or its answer was wrong (counted); the caller computes the product with the CPU's kernels.
 */
bool so_backend_wait(struct so_backend *backend, struct so_ticket *ticket, int32_t **c, size_t *ldc);

/** Every ticket is released, whatever so_backend_wait said. */
void so_backend_release(struct so_backend *backend, struct so_ticket *ticket);

/**
 * The whole of it for one product: by the device, or by the CPU's kernels if not. c: int32 [m][ldc], ldc >= 16*ceil(n/16), all
 * of which are written. Returns whether the device computed it.
 */
bool so_backend_compute(struct so_backend *backend, const struct so_product *product, int32_t *c, size_t ldc);

void so_backend_statistics(struct so_backend *backend, struct so_backend_stats *out);
void so_backend_reset(struct so_backend *backend);

/** Commands that the device's driver says it completed for this process; false where it does not say. */
bool so_backend_completions(struct so_backend *backend, uint64_t *completions);

/* ---- for implementations ---- */

struct so_backend_ops {
    const char *name;
    void (*close)(struct so_backend *backend);
    void (*describe)(const struct so_backend *backend, struct so_capabilities *out);
    bool (*wants)(struct so_backend *backend, size_t m, size_t k, size_t n, bool attention);
    bool (*register_matrix)(struct so_backend *backend, const struct so_panels *b);
    bool (*submit)(struct so_backend *backend, const struct so_product *products, size_t n, struct so_ticket **tickets);
    bool (*wait)(struct so_backend *backend, struct so_ticket *ticket, int32_t **c, size_t *ldc);
    void (*release)(struct so_backend *backend, struct so_ticket *ticket);
    void (*statistics)(struct so_backend *backend, struct so_backend_stats *out);
    void (*reset)(struct so_backend *backend);
    bool (*completions)(struct so_backend *backend, uint64_t *completions);
    bool (*claims)(struct so_backend *backend,
                   const struct so_product *product);                        /**< NULL: no fused blocks */
    bool (*prove)(struct so_backend *backend, size_t m, size_t k, size_t n); /**< NULL: nothing to prove */
};

/** First member of every implementation. */
struct so_backend {
    const struct so_backend_ops *ops;
    const struct so_kernels *kernels;
};

sotto_status so_backend_cpu(const struct so_backend_options *options, struct so_backend **out, sotto_error *err);
sotto_status so_backend_tiles(const struct so_backend_options *options, struct so_backend **out, sotto_error *err);
sotto_status so_backend_xdna(const struct so_backend_options *options, struct so_backend **out, sotto_error *err);

#endif
