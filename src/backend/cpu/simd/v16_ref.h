/** v16.h in plain C: the specification of the other levels. fmaf is correctly rounded by definition, if slow.
 */
/* clang-format off: an operation is a line where it fits one */
#ifndef SO_BACKEND_CPU_SIMD_V16_REF_H
#define SO_BACKEND_CPU_SIMD_V16_REF_H

typedef struct {
    float l[16];
} v16f;
typedef struct {
    int32_t l[16];
} v16i;
typedef struct {
    uint8_t l[16];
} v16m;

#define SO_EACH_LANE(type, expression)                  \
    type r;                                             \
    for (int i = 0; i < 16; i++) r.l[i] = (expression); \
    return r

SO_INLINE v16f v16_set1(float x) { SO_EACH_LANE(v16f, x); }
SO_INLINE v16f v16_zero(void) { return v16_set1(0.0f); }
SO_INLINE v16f v16_load(const float *p) { SO_EACH_LANE(v16f, p[i]); }
SO_INLINE v16f v16_load_tail(const float *p, size_t n) { SO_EACH_LANE(v16f, (size_t)i < n ? p[i] : 0.0f); }
SO_INLINE void v16_store(float *p, v16f v) { memcpy(p, v.l, sizeof v.l); }
SO_INLINE void v16_store_tail(float *p, v16f v, size_t n) { memcpy(p, v.l, n * sizeof *p); }

SO_INLINE v16f v16_add(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] + b.l[i]); }
SO_INLINE v16f v16_sub(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] - b.l[i]); }
SO_INLINE v16f v16_mul(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] * b.l[i]); }
SO_INLINE v16f v16_div(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] / b.l[i]); }
SO_INLINE v16f v16_sqrt(v16f a) { SO_EACH_LANE(v16f, sqrtf(a.l[i])); }
SO_INLINE v16f v16_abs(v16f a) { SO_EACH_LANE(v16f, fabsf(a.l[i])); }
SO_INLINE v16f v16_neg(v16f a) { SO_EACH_LANE(v16f, -a.l[i]); }
SO_INLINE v16f v16_fma(v16f a, v16f b, v16f c) { SO_EACH_LANE(v16f, fmaf(a.l[i], b.l[i], c.l[i])); }
SO_INLINE v16f v16_fnma(v16f a, v16f b, v16f c) { SO_EACH_LANE(v16f, fmaf(-a.l[i], b.l[i], c.l[i])); }
SO_INLINE v16f v16_min(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] < b.l[i] ? a.l[i] : b.l[i]); }
SO_INLINE v16f v16_max(v16f a, v16f b) { SO_EACH_LANE(v16f, a.l[i] > b.l[i] ? a.l[i] : b.l[i]); }

/* C leaves a conversion that does not fit undefined; such lanes (and NaN) get what x86 gives. */
SO_INLINE int32_t so_ref_rint(float x) {
    return x >= -2147483648.0f && x < 2147483648.0f ? (int32_t)lrintf(x) : INT32_MIN;
}
SO_INLINE v16i v16_rint(v16f a) { SO_EACH_LANE(v16i, so_ref_rint(a.l[i])); }
SO_INLINE v16f v16_from_s32(v16i a) { SO_EACH_LANE(v16f, (float)a.l[i]); }
SO_INLINE v16i v16_bits(v16f a) {
    v16i r;
    memcpy(r.l, a.l, sizeof r.l);
    return r;
}
SO_INLINE v16f v16_from_bits(v16i a) {
    v16f r;
    memcpy(r.l, a.l, sizeof r.l);
    return r;
}

SO_INLINE v16m v16_less(v16f a, v16f b) { SO_EACH_LANE(v16m, a.l[i] < b.l[i]); }
SO_INLINE v16m v16_tail_mask(size_t n) { SO_EACH_LANE(v16m, (size_t)i < n); }
SO_INLINE v16f v16_select(v16m m, v16f a, v16f b) { SO_EACH_LANE(v16f, m.l[i] ? a.l[i] : b.l[i]); }

SO_INLINE float v16_lane_sum(v16f a) {
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++) a.l[i] += a.l[i + half];
    return a.l[0];
}
SO_INLINE float v16_lane_max(v16f a) {
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++) a.l[i] = a.l[i] > a.l[i + half] ? a.l[i] : a.l[i + half];
    return a.l[0];
}

SO_INLINE v16i v16i_set1(int32_t x) { SO_EACH_LANE(v16i, x); }
SO_INLINE v16i v16i_zero(void) { return v16i_set1(0); }
SO_INLINE v16i v16i_load(const int32_t *p) { SO_EACH_LANE(v16i, p[i]); }
SO_INLINE v16i v16i_load_tail(const int32_t *p, size_t n) { SO_EACH_LANE(v16i, (size_t)i < n ? p[i] : 0); }
SO_INLINE void v16i_store(int32_t *p, v16i v) { memcpy(p, v.l, sizeof v.l); }
/* Through unsigned, where wrapping is defined. */
SO_INLINE v16i v16i_add(v16i a, v16i b) {
    SO_EACH_LANE(v16i, (int32_t)((uint32_t)a.l[i] + (uint32_t)b.l[i]));
}
SO_INLINE v16i v16i_sub(v16i a, v16i b) {
    SO_EACH_LANE(v16i, (int32_t)((uint32_t)a.l[i] - (uint32_t)b.l[i]));
}
SO_INLINE v16i v16i_and(v16i a, v16i b) { SO_EACH_LANE(v16i, a.l[i] & b.l[i]); }
SO_INLINE v16i v16i_or(v16i a, v16i b) { SO_EACH_LANE(v16i, a.l[i] | b.l[i]); }
SO_INLINE v16i v16i_max(v16i a, v16i b) { SO_EACH_LANE(v16i, a.l[i] > b.l[i] ? a.l[i] : b.l[i]); }
SO_INLINE v16i v16i_shl(v16i a, int n) { SO_EACH_LANE(v16i, (int32_t)((uint32_t)a.l[i] << n)); }
SO_INLINE v16i v16i_shr(v16i a, int n) { SO_EACH_LANE(v16i, a.l[i] >> n); }
SO_INLINE v16i v16i_load_u8(const uint8_t *p) { SO_EACH_LANE(v16i, p[i]); }
SO_INLINE v16i v16i_load_s8(const int8_t *p) { SO_EACH_LANE(v16i, p[i]); }
SO_INLINE void v16i_store_low8_tail(void *p, v16i v, size_t n) {
    uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)((uint32_t)v.l[i] & 255u);
}
SO_INLINE void v16i_store_low8(void *p, v16i v) { v16i_store_low8_tail(p, v, 16); }
SO_INLINE int32_t v16i_lane_sum(v16i a) {
    uint32_t sum = 0;
    for (int i = 0; i < 16; i++) sum += (uint32_t)a.l[i];
    return (int32_t)sum;
}

#undef SO_EACH_LANE
#endif
