/**
 * Which xclbin file serves what. A folder of overlays may hold a catalogue, `overlays.txt`: one file a line,
 *
 *   KIND  FILE.xclbin  [INSTRUCTIONS  [MxKxN  [ORDER]]]      # begins a comment
 *
 * KIND: gemm (all shapes, streams written by us), tile16, tile32, tile64, or stock: a configuration for one
 * shape as stock tools build them, with its instruction file. MxKxN is that shape, B lies row by row, and
 * ORDER is the order of the arguments: ABC (default), or these letters in another order.
 *
 * Files without an entry are known by their name: matmul_16x16 and so on are tiles, anything else is gemm. Tiles need an
 * instruction file: the catalogue's, FILE.insts, or insts.txt beside it.
 */
#ifndef SO_XDNA_OVERLAY_H
#define SO_XDNA_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

enum so_overlay_kind {
    SO_KERNEL_GEMM = 0,
    SO_KERNEL_STOCK = 1,
    SO_KERNEL_TILE16 = 16,
    SO_KERNEL_TILE32 = 32,
    SO_KERNEL_TILE64 = 64
};

struct so_overlay {
    enum so_overlay_kind kind;
    char xclbin[4096];
    char instructions[4096]; /**< empty: none, or written by us */
    size_t m, k, n;          /**< SO_KERNEL_STOCK: the shape that it was built for */
    char order[4];           /**< SO_KERNEL_STOCK: "ABC" as the kernel takes its buffers */
};

#define SO_OVERLAY_DEFAULT "build_matmul_fixed/matmul_16x16.xclbin"

/**
 * The overlay to use: `path` if given, else $MATMUL_XCLBIN, else gemm.xclbin in the user's data folder
 * ($XDG_DATA_HOME/sotto/npu), else the default of the earlier system. The error says where it looked.
 */
sotto_status so_overlay_find(const char *path, struct so_overlay *out, sotto_error *err);

/** The stock overlays that the catalogue in the folder of `path` lists, at most `most`; returns how many. */
size_t so_overlay_stock(const char *path, struct so_overlay *out, size_t most);

/** Whether a kind is a tile kernel, whose results are shifted to 8 bits. */
static inline bool so_overlay_is_tile(enum so_overlay_kind kind) {
    return kind >= SO_KERNEL_TILE16;
}

/** What the catalogue or the name says of one file. */
void so_overlay_identify(const char *path, struct so_overlay *out);

#endif
