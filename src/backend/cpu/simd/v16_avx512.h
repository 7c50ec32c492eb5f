/** v16.h on AVX-512 F, BW, DQ, VL: one register is the sixteen lanes. */
/* clang-format off: an operation is a line where it fits one */
#ifndef SO_BACKEND_CPU_SIMD_V16_AVX512_H
#define SO_BACKEND_CPU_SIMD_V16_AVX512_H

#include <immintrin.h>

typedef __m512 v16f;
typedef __m512i v16i;
typedef __mmask16 v16m;

SO_INLINE v16m v16_tail_mask(size_t n) { return (v16m)((1u << n) - 1u); }

SO_INLINE v16f v16_set1(float x) { return _mm512_set1_ps(x); }
SO_INLINE v16f v16_zero(void) { return _mm512_setzero_ps(); }
SO_INLINE v16f v16_load(const float *p) { return _mm512_loadu_ps(p); }
SO_INLINE v16f v16_load_tail(const float *p, size_t n) { return _mm512_maskz_loadu_ps(v16_tail_mask(n), p); }
SO_INLINE void v16_store(float *p, v16f v) { _mm512_storeu_ps(p, v); }
SO_INLINE void v16_store_tail(float *p, v16f v, size_t n) { _mm512_mask_storeu_ps(p, v16_tail_mask(n), v); }

SO_INLINE v16f v16_add(v16f a, v16f b) { return _mm512_add_ps(a, b); }
SO_INLINE v16f v16_sub(v16f a, v16f b) { return _mm512_sub_ps(a, b); }
SO_INLINE v16f v16_mul(v16f a, v16f b) { return _mm512_mul_ps(a, b); }
SO_INLINE v16f v16_div(v16f a, v16f b) { return _mm512_div_ps(a, b); }
SO_INLINE v16f v16_sqrt(v16f a) { return _mm512_sqrt_ps(a); }
SO_INLINE v16f v16_abs(v16f a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
SO_INLINE v16f v16_neg(v16f a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
SO_INLINE v16f v16_fma(v16f a, v16f b, v16f c) { return _mm512_fmadd_ps(a, b, c); }
SO_INLINE v16f v16_fnma(v16f a, v16f b, v16f c) { return _mm512_fnmadd_ps(a, b, c); }
SO_INLINE v16f v16_min(v16f a, v16f b) { return _mm512_min_ps(a, b); }
SO_INLINE v16f v16_max(v16f a, v16f b) { return _mm512_max_ps(a, b); }

SO_INLINE v16i v16_rint(v16f a) {
    return _mm512_cvt_roundps_epi32(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
SO_INLINE v16f v16_from_s32(v16i a) { return _mm512_cvtepi32_ps(a); }
SO_INLINE v16i v16_bits(v16f a) { return _mm512_castps_si512(a); }
SO_INLINE v16f v16_from_bits(v16i a) { return _mm512_castsi512_ps(a); }

SO_INLINE v16m v16_less(v16f a, v16f b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
SO_INLINE v16f v16_select(v16m m, v16f a, v16f b) { return _mm512_mask_blend_ps(m, b, a); }

SO_INLINE float v16_lane_sum(v16f a) {
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
SO_INLINE float v16_lane_max(v16f a) {
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

SO_INLINE v16i v16i_set1(int32_t x) { return _mm512_set1_epi32(x); }
SO_INLINE v16i v16i_zero(void) { return _mm512_setzero_si512(); }
SO_INLINE v16i v16i_load(const int32_t *p) { return _mm512_loadu_si512(p); }
SO_INLINE v16i v16i_load_tail(const int32_t *p, size_t n) {
    return _mm512_maskz_loadu_epi32(v16_tail_mask(n), p);
}
SO_INLINE void v16i_store(int32_t *p, v16i v) { _mm512_storeu_si512(p, v); }
SO_INLINE v16i v16i_add(v16i a, v16i b) { return _mm512_add_epi32(a, b); }
SO_INLINE v16i v16i_sub(v16i a, v16i b) { return _mm512_sub_epi32(a, b); }
SO_INLINE v16i v16i_and(v16i a, v16i b) { return _mm512_and_si512(a, b); }
SO_INLINE v16i v16i_or(v16i a, v16i b) { return _mm512_or_si512(a, b); }
SO_INLINE v16i v16i_max(v16i a, v16i b) { return _mm512_max_epi32(a, b); }
/* The forms with a count for each lane: one count for all must be a literal, even at -O0. */
SO_INLINE v16i v16i_shl(v16i a, int n) { return _mm512_sllv_epi32(a, _mm512_set1_epi32(n)); }
SO_INLINE v16i v16i_shr(v16i a, int n) { return _mm512_srav_epi32(a, _mm512_set1_epi32(n)); }
SO_INLINE v16i v16i_load_u8(const uint8_t *p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
SO_INLINE v16i v16i_load_s8(const int8_t *p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p));
}
SO_INLINE void v16i_store_low8(void *p, v16i v) { _mm_storeu_si128(p, _mm512_cvtepi32_epi8(v)); }
SO_INLINE void v16i_store_low8_tail(void *p, v16i v, size_t n) {
    _mm_mask_storeu_epi8(p, v16_tail_mask(n), _mm512_cvtepi32_epi8(v));
}
SO_INLINE int32_t v16i_lane_sum(v16i a) { return _mm512_reduce_add_epi32(a); }

#endif
