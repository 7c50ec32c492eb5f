/** Level "avxvnni": AVX2, FMA and the 256-bit dot product. Built twice, see simd/q8_avxvnni.inl. */
#define SO_SIMD_AVX2
#define SO_LEVEL_NAME "avxvnni"
#ifdef __AVXVNNI__
#define SO_LEVEL_TABLE so_kernels_avxvnni
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_6x16c4_avxvnni
#else
#define SO_LEVEL_TABLE so_kernels_avxvnni_evex
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_6x16c4_avxvnni_evex
#endif
#define SO_F32_ROWS 6
#define SO_F32_PANELS 1

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"
#include "backend/cpu/simd/q8_avxvnni.inl"
#include "backend/cpu/kernels/gemm_q8.inl"
#include "backend/cpu/kernels/all.inl"
