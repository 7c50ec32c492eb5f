/**
 * Instruction streams for `gemm`: C[m][n] int32 = A[m][k] int8 x B[k][n] int8 in one dispatch, for any padded shape on one
 * array configuration. Buffer arguments: 0 is A, 1 is B, 2 is C.
 */
#ifndef SO_XDNA_GEMM_STREAM_H
#define SO_XDNA_GEMM_STREAM_H

#include "backend/xdna/array.h"
#include "backend/xdna/txn.h"

/** A padded shape: m and n multiples of SO_BLOCK_M and SO_BLOCK_N, k of SO_TILE_K. */
struct so_gemm_shape {
    size_t m, k, n;
};

/** Largest padded sizes for which every descriptor field has room. */
#define SO_GEMM_M_MAX ((size_t)1 << 16)
#define SO_GEMM_K_MAX ((size_t)1 << 16)
#define SO_GEMM_N_MAX ((size_t)1 << 17)

struct so_gemm_shape so_gemm_pad(size_t m, size_t k, size_t n);
/** Whether a stream can be written for it: sizes within the limits, buffers under 2 GiB each. */
bool so_gemm_fits(struct so_gemm_shape shape);

/** Bytes of A [m][k] and C [m][n] row by row, and of B in tiles. Only for shapes that fit. */
size_t so_gemm_a_bytes(struct so_gemm_shape shape);
size_t so_gemm_b_bytes(struct so_gemm_shape shape);
size_t so_gemm_c_bytes(struct so_gemm_shape shape);

/**
 * Where B[k][n] lies in the device's buffer: tiles [n/64][k/64], in each 8 x 8 blocks [k/8][n/8] with rows of 8 columns,
 * the order in which the multiply instruction reads.
 */
static inline size_t so_gemm_b_at(struct so_gemm_shape shape, size_t k, size_t n) {
    size_t tile = n / SO_TILE_N * (shape.k / SO_TILE_K) + k / SO_TILE_K;
    size_t block = k % SO_TILE_K / 8 * (SO_TILE_N / 8) + n % SO_TILE_N / 8;
    return tile * SO_TILE_K * SO_TILE_N + block * 64 + k % 8 * 8 + n % 8;
}

/** Write the stream; false if memory ran out or the shape does not fit. Free with so_txn_free. */
bool so_gemm_stream(struct so_gemm_shape shape, struct so_txn *txn);

/**
 * The same for a configuration that was built for this one shape, as stock tools do: its cores know their
 * counts, and B lies in memory row by row. For the emulator and its tests; real files bring their own
 * streams.
 */
bool so_gemm_stream_stock(struct so_gemm_shape shape, struct so_txn *txn);

#endif
