/**
 * The array as the streams see it: registers of the shim tiles and cores (facts of the hardware), and the one array
 * configuration that `gemm` assumes (our own design; docs/npu.md explains it, npu/ builds it).
 */
#ifndef SO_XDNA_ARRAY_H
#define SO_XDNA_ARRAY_H

/* ---- hardware ---- */

#define SO_ARRAY_COLUMNS 4
#define SO_ARRAY_CORE_ROWS 4  /**< rows 2 to 5; row 0 is shim tiles, row 1 memory tiles */
#define SO_ARRAY_FIRST_CORE 2

#define SO_SHIM_BDS 16          /**< buffer descriptors of a shim tile */
#define SO_SHIM_BD_WORDS 8
#define SO_SHIM_BD_BASE 0x1d000 /**< descriptor n at base + 0x20 n */
#define SO_SHIM_BD_BYTES 0x20
#define SO_SHIM_QUEUE_BASE 0x1d204   /**< task queues: S2MM 0, S2MM 1 (from the array), MM2S 0, MM2S 1 (to it) */
#define SO_SHIM_QUEUE_STEP 8
#define SO_SHIM_CHANNELS 4
#define SO_SHIM_QUEUE_DEPTH 4        /**< tasks that a channel's queue holds */
#define SO_SHIM_TOKEN (1u << 31)     /**< queue word: a token when the task is done; repeats 23..16; descriptor 3..0 */

/* Each channel's control register stands before its queue. Its bits 11..8 name whom a token goes to: 15, the controller. */
#define SO_SHIM_CONTROL_BASE 0x1d200
#define SO_SHIM_CONTROLLER (15u << 8)
#define SO_SHIM_CONTROLLER_MASK (15u << 8)

enum { SO_FROM_ARRAY = 0, SO_TO_ARRAY = 1 }; /**< directions as in SYNC */

/* Descriptor words:
 *   0 length in words      1 address, low 32 bits      2 address, high 16 bits; packet fields above
 *   3 size 0 << 20 | step 0      4 burst << 30 | size 1 << 20 | step 1      5 step 2
 *   6 iteration now << 26 | iterations - 1 << 20 | iteration step      7 next 27.. | use next 26 | valid 25 | locks
 * Steps are in words, stored less 1; sizes of 0 do not wrap. */
#define SO_BD_SIZE_MAX 1023
#define SO_BD_STEP_MAX (1u << 20)
#define SO_BD_ITERATIONS_MAX 64
#define SO_BD_BURST (2u << 30)
#define SO_BD_VALID (1u << 25)

#define SO_CORE_LOCK_BASE 0x1f000 /**< lock n's value at base + 0x10 n */

/* ---- the gemm configuration ---- */

#define SO_TILE_M 64 /**< rows, inner size and columns of what one core multiplies at a time */
#define SO_TILE_K 64
#define SO_TILE_N 64
#define SO_BLOCK_M (SO_TILE_M * SO_ARRAY_CORE_ROWS) /**< what the array computes at a time */
#define SO_BLOCK_N (SO_TILE_N * SO_ARRAY_COLUMNS)
#define SO_CORE_PARAMETERS 0x400 /**< in each core's memory: word 0 the K tiles, word 1 the C tiles of this product */
#define SO_CORE_START_LOCK 15    /**< written 1: read the parameters and go */

#endif
