/** v16.h on AVX2 and FMA: lanes 0-7 and 8-15 in two registers. */
/* clang-format off: an operation is a line where it fits one */
#ifndef SO_BACKEND_CPU_SIMD_V16_AVX2_H
#define SO_BACKEND_CPU_SIMD_V16_AVX2_H

#include <immintrin.h>

typedef struct {
    __m256 lo, hi;
} v16f;
typedef struct {
    __m256i lo, hi;
} v16i;
typedef v16i v16m; /* all bits of a lane, or none */

SO_INLINE v16f v16_pair(__m256 lo, __m256 hi) { return (v16f){lo, hi}; }
SO_INLINE v16i v16i_pair(__m256i lo, __m256i hi) { return (v16i){lo, hi}; }

SO_INLINE v16m v16_tail_mask(size_t n) {
    const __m256i count = _mm256_set1_epi32((int)n);
    return v16i_pair(_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                     _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)));
}

SO_INLINE v16f v16_set1(float x) { return v16_pair(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
SO_INLINE v16f v16_zero(void) { return v16_pair(_mm256_setzero_ps(), _mm256_setzero_ps()); }
SO_INLINE v16f v16_load(const float *p) { return v16_pair(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
SO_INLINE void v16_store(float *p, v16f v) {
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}
/* Tails go through memory: vmaskmov does it in one, but emulators read what it masks out, and a row has one
 * tail. */
SO_INLINE v16f v16_load_tail(const float *p, size_t n) {
    float lanes[16] = {0.0f};
    memcpy(lanes, p, n * sizeof *p);
    return v16_load(lanes);
}
SO_INLINE void v16_store_tail(float *p, v16f v, size_t n) {
    float lanes[16];
    v16_store(lanes, v);
    memcpy(p, lanes, n * sizeof *p);
}

SO_INLINE v16f v16_add(v16f a, v16f b) {
    return v16_pair(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi));
}
SO_INLINE v16f v16_sub(v16f a, v16f b) {
    return v16_pair(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi));
}
SO_INLINE v16f v16_mul(v16f a, v16f b) {
    return v16_pair(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi));
}
SO_INLINE v16f v16_div(v16f a, v16f b) {
    return v16_pair(_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi));
}
SO_INLINE v16f v16_sqrt(v16f a) { return v16_pair(_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)); }
SO_INLINE v16f v16_abs(v16f a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return v16_pair(_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi));
}
SO_INLINE v16f v16_neg(v16f a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return v16_pair(_mm256_xor_ps(sign, a.lo), _mm256_xor_ps(sign, a.hi));
}
SO_INLINE v16f v16_fma(v16f a, v16f b, v16f c) {
    return v16_pair(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}
SO_INLINE v16f v16_fnma(v16f a, v16f b, v16f c) {
    return v16_pair(_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi));
}
SO_INLINE v16f v16_min(v16f a, v16f b) {
    return v16_pair(_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi));
}
SO_INLINE v16f v16_max(v16f a, v16f b) {
    return v16_pair(_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi));
}

SO_INLINE v16i v16_rint(v16f a) { return v16i_pair(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)); }
SO_INLINE v16f v16_from_s32(v16i a) { return v16_pair(_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)); }
SO_INLINE v16i v16_bits(v16f a) { return v16i_pair(_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)); }
SO_INLINE v16f v16_from_bits(v16i a) {
    return v16_pair(_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi));
}

SO_INLINE v16m v16_less(v16f a, v16f b) {
    return v16_bits(v16_pair(_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)));
}
SO_INLINE v16f v16_select(v16m m, v16f a, v16f b) {
    const v16f mask = v16_from_bits(m);
    return v16_pair(_mm256_blendv_ps(b.lo, a.lo, mask.lo), _mm256_blendv_ps(b.hi, a.hi, mask.hi));
}

SO_INLINE float v16_lane_sum(v16f a) {
    const __m256 h = _mm256_add_ps(a.lo, a.hi);
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
SO_INLINE float v16_lane_max(v16f a) {
    const __m256 h = _mm256_max_ps(a.lo, a.hi);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

SO_INLINE v16i v16i_set1(int32_t x) { return v16i_pair(_mm256_set1_epi32(x), _mm256_set1_epi32(x)); }
SO_INLINE v16i v16i_zero(void) { return v16i_pair(_mm256_setzero_si256(), _mm256_setzero_si256()); }
SO_INLINE v16i v16i_load(const int32_t *p) {
    return v16i_pair(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8)));
}
SO_INLINE v16i v16i_load_tail(const int32_t *p, size_t n) {
    int32_t lanes[16] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return v16i_load(lanes);
}
SO_INLINE void v16i_store(int32_t *p, v16i v) {
    _mm256_storeu_si256((__m256i *)p, v.lo);
    _mm256_storeu_si256((__m256i *)(p + 8), v.hi);
}
SO_INLINE v16i v16i_add(v16i a, v16i b) {
    return v16i_pair(_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi));
}
SO_INLINE v16i v16i_sub(v16i a, v16i b) {
    return v16i_pair(_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi));
}
SO_INLINE v16i v16i_and(v16i a, v16i b) {
    return v16i_pair(_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi));
}
SO_INLINE v16i v16i_or(v16i a, v16i b) {
    return v16i_pair(_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi));
}
SO_INLINE v16i v16i_max(v16i a, v16i b) {
    return v16i_pair(_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi));
}
SO_INLINE v16i v16i_shl(v16i a, int n) {
    return v16i_pair(_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n));
}
SO_INLINE v16i v16i_shr(v16i a, int n) {
    return v16i_pair(_mm256_srai_epi32(a.lo, n), _mm256_srai_epi32(a.hi, n));
}
SO_INLINE v16i v16i_load_u8(const uint8_t *p) {
    return v16i_pair(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)),
                     _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8))));
}
SO_INLINE v16i v16i_load_s8(const int8_t *p) {
    return v16i_pair(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)),
                     _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8))));
}
SO_INLINE __m128i v16i_low8(v16i v) {
    /* The packs saturate, so only the low byte may be left; they work within halves, so the halves are sewn
     * together after. */
    const v16i low = v16i_and(v, v16i_set1(255));
    const __m256i words = _mm256_packus_epi32(low.lo, low.hi);
    const __m256i bytes = _mm256_packus_epi16(words, words);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
}
SO_INLINE void v16i_store_low8(void *p, v16i v) { _mm_storeu_si128(p, v16i_low8(v)); }
SO_INLINE void v16i_store_low8_tail(void *p, v16i v, size_t n) {
    uint8_t bytes[16];
    _mm_storeu_si128((__m128i *)bytes, v16i_low8(v));
    memcpy(p, bytes, n);
}
SO_INLINE int32_t v16i_lane_sum(v16i a) {
    const __m256i h = _mm256_add_epi32(a.lo, a.hi);
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
    q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

#endif
