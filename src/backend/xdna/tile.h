/**
 * The packed tile kernels of files that exist: A and B, t x t int8 row by row in one buffer, give t x t int8 = (A B) >> 7, towards
 * minus infinity, clipped. Lossy: for comparison and for owners of such files, never for Whisper.
 */
#ifndef SO_XDNA_TILE_H
#define SO_XDNA_TILE_H

#include "backend/backend.h"
#include "backend/xdna/txn.h"

#define SO_TILE_SHIFT 7

struct so_tiles;

/** Open the device with a tile overlay; tile is 16, 32 or 64. options as for so_backend_open. */
sotto_status so_tiles_open(const struct so_backend_options *options, unsigned tile, struct so_tiles **out, sotto_error *err);
void so_tiles_close(struct so_tiles *tiles);

/**
 * c int32 [m][n] = the sum over K tiles of what the kernel gives for each. *dispatches counts. The first dispatch and then one in
 * `check_every` is compared with the model below.
 */
sotto_status so_tiles_product(struct so_tiles *tiles, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c,
                              uint64_t *dispatches, sotto_error *err);

/** Commands that the driver says it completed; false where it does not say. */
bool so_tiles_completions(struct so_tiles *tiles, uint64_t *completions);

/** The exact model of that arithmetic. */
void so_tiles_model(unsigned tile, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c);

/** Dispatches that a product takes. */
uint64_t so_tiles_dispatches(unsigned tile, size_t m, size_t k, size_t n);

/** The instruction stream that the emulator's tile configurations expect: argument 0 in, argument 1 out. */
bool so_tile_stream(unsigned tile, struct so_txn *txn);

#endif
