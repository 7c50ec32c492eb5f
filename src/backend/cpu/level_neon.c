/** Level "neon": aarch64 with what every such CPU has. */
#define SO_SIMD_NEON
#define SO_LEVEL_NAME "neon"
#define SO_LEVEL_TABLE so_kernels_neon
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_2x16c4_neon
#define SO_F32_ROWS 6
#define SO_F32_PANELS 1

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"
#include "backend/cpu/simd/q8_neon.inl"
#include "backend/cpu/kernels/gemm_q8.inl"
#include "backend/cpu/kernels/all.inl"
