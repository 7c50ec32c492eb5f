/**
 * Exact INT8 matrix products on the CPU, an XDNA NPU, or the emulator of one. C [m][n] = A [m][k] B [k][n]; all matrices are
 * row by row without gaps. Any m, k, n from 1; k at most SOTTO_MATMUL_MAX_K, so that no sum leaves int32.
 *
 * A handle serves any number of threads at once. Whatever a device declines or gets wrong is done by the CPU, to the same
 * integers, and counted.
 */
#ifndef SOTTO_MATMUL_H
#define SOTTO_MATMUL_H

#include "sotto.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_MATMUL_MAX_K 131071

typedef struct sotto_matmul sotto_matmul;

typedef enum sotto_matmul_kernel {
    SOTTO_KERNEL_GEMM = 0,    /**< whole products, int32: exact */
    SOTTO_KERNEL_TILE16 = 16, /**< one dispatch for each 16 x 16 tile, its result shifted right by 7 and clipped to 8 bits: lossy */
    SOTTO_KERNEL_TILE32 = 32,
    SOTTO_KERNEL_TILE64 = 64,
} sotto_matmul_kernel;

typedef enum sotto_rounding {
    SOTTO_ROUND_FLOOR,   /**< towards minus infinity, as an arithmetic shift does */
    SOTTO_ROUND_NEAREST, /**< to the nearest, halves upwards */
} sotto_rounding;

typedef struct sotto_matmul_options {
    uint32_t version;    /**< set by sotto_matmul_options_init */
    sotto_device device; /**< AUTO: the NPU if NPU_MATMUL_ENABLED=1 and it can be used, else the CPU */
    sotto_matmul_kernel kernel;
    const char *xclbin;   /**< NULL: $MATMUL_XCLBIN or the default places; the emulator needs none */
    uint32_t scale_shift; /**< of sotto_matmul_s8, 0 to 31 (default 7) */
    sotto_rounding rounding;
    uint32_t check_every; /**< one product in so many is computed again by the CPU and compared (default 1,000) */
    void *user;
    void (*on_log)(void *user, const char *line); /**< may be NULL */
} sotto_matmul_options;

SOTTO_EXPORT void sotto_matmul_options_init(sotto_matmul_options *options);

/** Open a device, or the CPU. options may be NULL. */
SOTTO_EXPORT sotto_status sotto_matmul_open(const sotto_matmul_options *options, sotto_matmul **out, sotto_error *err);
SOTTO_EXPORT void sotto_matmul_close(sotto_matmul *matmul); /**< NULL is allowed; no call may be using it */

/** "cpu", "xdna" or "emulator": who is open. */
SOTTO_EXPORT const char *sotto_matmul_device(const sotto_matmul *matmul);

/** c: int32 [m][n]. With a tile kernel: the sum of shifted and clipped tiles, as the kernel gives them. */
SOTTO_EXPORT sotto_status sotto_matmul_s32(sotto_matmul *matmul, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b,
                                           int32_t *c, sotto_error *err);

/** `count` products of one shape; operands and results follow each other. On a device they go in few submissions. */
SOTTO_EXPORT sotto_status sotto_matmul_batch_s32(sotto_matmul *matmul, size_t count, size_t m, size_t k, size_t n, const int8_t *a,
                                                 const int8_t *b, int32_t *c, sotto_error *err);

/** c: int8 [m][n] = the full sum over k, divided by 2^scale_shift, rounded, clipped to [-128, 127]. */
SOTTO_EXPORT sotto_status sotto_matmul_s8(sotto_matmul *matmul, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b,
                                          int8_t *c, sotto_error *err);

typedef enum sotto_scales {
    SOTTO_SCALE_TENSOR,  /**< one scale for each operand */
    SOTTO_SCALE_ROW,     /**< one for each row of A; one for B */
    SOTTO_SCALE_CHANNEL, /**< one for each row of A, one for each column of B */
} sotto_scales;

/**
 * Float operands, quantised symmetrically (scale = max|x| / 127, nearest, ties to even), multiplied as integers.
 * c: float [m][n] = sum * scale_a * scale_b. scale_a: float [m], scale_b: float [n], either may be NULL; with one scale for
 * an operand all its entries are that scale. x is about quantised * scale. Values that are not finite are an error.
 */
SOTTO_EXPORT sotto_status sotto_matmul_f32(sotto_matmul *matmul, size_t m, size_t k, size_t n, const float *a, const float *b,
                                           sotto_scales scales, float *c, float *scale_a, float *scale_b, sotto_error *err);

typedef struct sotto_matmul_stats {
    uint64_t calls;    /**< products asked for */
    uint64_t on_device, on_cpu, fallbacks; /**< fallbacks: those of on_cpu that a device should have done */
    uint64_t checked;  /**< compared with the CPU byte by byte */
    uint64_t tiles;    /**< of the array's cores, or of the tile kernel */
    uint64_t dispatches, bytes_to, bytes_from;
    bool lossy;        /**< a tile kernel computes */
    double total, mean, minimum, maximum; /**< seconds of a product, from call to result */
    double p50, p95, p99;
    double per_second; /**< products in a second of working time */
} sotto_matmul_stats;

SOTTO_EXPORT void sotto_matmul_statistics(sotto_matmul *matmul, sotto_matmul_stats *out);
SOTTO_EXPORT void sotto_matmul_reset(sotto_matmul *matmul);

#ifdef __cplusplus
}
#endif
#endif
