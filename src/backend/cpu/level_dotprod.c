/** Level "dotprod": aarch64 with the 8-bit dot product (ARMv8.2 and later). */
#define SO_SIMD_NEON
#define SO_LEVEL_NAME "dotprod"
#define SO_LEVEL_TABLE so_kernels_dotprod
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_6x16c4_dotprod
#define SO_F32_ROWS 6
#define SO_F32_PANELS 1

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"
#include "backend/cpu/simd/q8_dotprod.inl"
#include "backend/cpu/kernels/gemm_q8.inl"
#include "backend/cpu/kernels/all.inl"
