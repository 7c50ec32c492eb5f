/**
 * The kernel of one core: C += A B on tiles in the core's memory, 64 x 64 by 64 x 64, int8 in, int32 sums.
 *
 *   a  int8  [m/4][k/8][4][8]   blocks of 4 rows by 8
 *   b  int8  [k/8][n/8][8][8]   blocks of 8 rows by 8 columns
 *   c  int32 [m/4][n/8][4][8]   blocks of 4 rows by 8 columns
 *
 * Compiled for the array it uses the multiply instruction through aie_api; compiled for the host, the same loops over a plain
 * model of that instruction. The host's version is tested against plain C; the array's has never run on silicon.
 */
#ifndef SOTTO_NPU_GEMM_CORE_H
#define SOTTO_NPU_GEMM_CORE_H

#include <stdint.h>

#define GEMM_M 64
#define GEMM_K 64
#define GEMM_N 64

#ifdef __cplusplus
extern "C" {
#endif

/** c = 0. */
void gemm_zero(int32_t *c);
/** c += a b. */
void gemm_tile(const int8_t *a, const int8_t *b, int32_t *c);

#ifdef __cplusplus
}
#endif
#endif
