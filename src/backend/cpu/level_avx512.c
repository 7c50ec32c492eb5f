/** Level "avx512": AVX-512 F, BW, DQ, VL and VNNI. */
#define SO_SIMD_AVX512
#define SO_LEVEL_NAME "avx512"
#define SO_LEVEL_TABLE so_kernels_avx512
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_12x32c4_avx512vnni
#define SO_F32_ROWS 12
#define SO_F32_PANELS 2

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"
#include "backend/cpu/simd/q8_avx512.inl"
#include "backend/cpu/simd/q8_row_avx512.inl"
#include "backend/cpu/simd/q8_sparse_avx512.inl"
#include "backend/cpu/kernels/gemm_q8.inl"
#include "backend/cpu/kernels/all.inl"
