/**
 * Sixteen virtual lanes: the one vocabulary in which every float kernel is written, so that each CPU level
 * computes the same formula in the same order and writes the same bits.
 *
 * A level's source file defines one of SO_SIMD_REF, SO_SIMD_AVX2, SO_SIMD_AVX512, SO_SIMD_NEON and includes
 * this header. Types: v16f (float), v16i (int32), v16m (one truth value for each lane; its form is the
 * level's own business).
 *
 * Each operation works lane by lane and rounds as IEEE 754 says, to nearest, ties to even, denormals kept.
 *
 * - v16_zero(), v16_set1(x): all lanes alike.
 * - v16_load(p), v16_store(p, v): 16 floats, any alignment.
 * - v16_load_tail(p, n), v16_store_tail(p, v, n): the first n <= 16 only; what is not loaded is +0.
 * - v16_add, v16_sub, v16_mul, v16_div (a, b); v16_sqrt, v16_abs, v16_neg (a).
 * - v16_fma(a, b, c) = a * b + c, v16_fnma(a, b, c) = c - a * b: rounded once.
 * - v16_min(a, b) = a < b ? a : b, v16_max(a, b) = a > b ? a : b: so b if one is a NaN or both are zero.
 * - v16_rint(a): to the nearest int32, ties to even; |a| < 2^31, else unspecified.
 * - v16_from_s32(i): int32 to float.
 * - v16_bits(a), v16_from_bits(i): the same 32 bits read as the other type.
 * - v16_less(a, b) = a < b, v16_tail_mask(n) = lane < n, v16_select(m, a, b) = m ? a : b.
 * - v16_lane_sum(a): by the tree l += l+8, l += l+4, l += l+2, l += l+1.
 * - v16_lane_max(a): by the same tree of v16_max.
 * - v16i_zero(), v16i_set1(x), v16i_load(p), v16i_load_tail(p, n), v16i_store(p, v).
 * - v16i_add, v16i_sub (wrapping), v16i_and, v16i_or, v16i_max (signed) (a, b).
 * - v16i_shl(a, n), v16i_shr(a, n): n in [0, 31]; the right shift keeps the sign.
 * - v16i_load_u8(p), v16i_load_s8(p): 16 bytes widened.
 * - v16i_store_low8(p, v), v16i_store_low8_tail(p, v, n): the low byte of each lane, of the first n <= 16.
 * - v16i_lane_sum(a): wrapping sum of all lanes.
 */
#ifndef SO_BACKEND_CPU_SIMD_V16_H
#define SO_BACKEND_CPU_SIMD_V16_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Kernels are built from small pieces that must vanish into their callers whatever the size of the whole. */
#define SO_INLINE static inline __attribute__((always_inline))

/* Before a loop whose bounds are literals after inlining: all of it, so that arrays become registers. */
#ifdef __clang__
#define SO_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SO_UNROLL _Pragma("GCC unroll 16")
#endif

/** Ask for the cache line `ahead` bytes after p; it need not exist. */
SO_INLINE void so_prefetch(const void *p, size_t ahead) {
    __builtin_prefetch((const void *)((uintptr_t)p + ahead));
}

#if defined(SO_SIMD_REF)
#include "backend/cpu/simd/v16_ref.h"
#elif defined(SO_SIMD_AVX2)
#include "backend/cpu/simd/v16_avx2.h"
#elif defined(SO_SIMD_AVX512)
#include "backend/cpu/simd/v16_avx512.h"
#elif defined(SO_SIMD_NEON)
#include "backend/cpu/simd/v16_neon.h"
#else
#error "define the level before including v16.h"
#endif

#endif
