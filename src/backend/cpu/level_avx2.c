/** Level "avx2": AVX2 and FMA. */
#define SO_SIMD_AVX2
#define SO_LEVEL_NAME "avx2"
#define SO_LEVEL_TABLE so_kernels_avx2
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_4x16c4_avx2
#define SO_F32_ROWS 6
#define SO_F32_PANELS 1

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"
#include "backend/cpu/simd/q8_avx2.inl"
#include "backend/cpu/kernels/gemm_q8.inl"
#include "backend/cpu/kernels/all.inl"
