/**
 * Which xclbin file serves what. A folder of overlays may hold a catalogue, `overlays.txt`: one file a line,
 *
 *   KIND  FILE.xclbin  [INSTRUCTIONS]      KIND: gemm, tile16, tile32 or tile64; # begins a comment
 *
 * Files without an entry are known by their name: matmul_16x16 and so on are tiles, anything else is gemm. Tiles need an
 * instruction file: the catalogue's, FILE.insts, or insts.txt beside it.
 */
#ifndef SO_XDNA_OVERLAY_H
#define SO_XDNA_OVERLAY_H

#include "util/error.h"

enum so_overlay_kind { SO_KERNEL_GEMM = 0, SO_KERNEL_TILE16 = 16, SO_KERNEL_TILE32 = 32, SO_KERNEL_TILE64 = 64 };

struct so_overlay {
    enum so_overlay_kind kind;
    char xclbin[4096];
    char instructions[4096]; /**< empty: none, or written by us */
};

#define SO_OVERLAY_DEFAULT "build_matmul_fixed/matmul_16x16.xclbin"

/**
 * The overlay to use: `path` if given, else $MATMUL_XCLBIN, else gemm.xclbin in the user's data folder
 * ($XDG_DATA_HOME/sotto/npu), else the default of the earlier system. The error says where it looked.
 */
sotto_status so_overlay_find(const char *path, struct so_overlay *out, sotto_error *err);

/** What the catalogue or the name says of one file. */
void so_overlay_identify(const char *path, struct so_overlay *out);

#endif
