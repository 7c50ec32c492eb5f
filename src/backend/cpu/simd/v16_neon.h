/** v16.h on aarch64: lanes 4i .. 4i+3 in register i of four. */
/* clang-format off: an operation is a line where it fits one */
#ifndef SO_BACKEND_CPU_SIMD_V16_NEON_H
#define SO_BACKEND_CPU_SIMD_V16_NEON_H

#include <arm_neon.h>

typedef struct {
    float32x4_t r[4];
} v16f;
typedef struct {
    int32x4_t r[4];
} v16i;
typedef struct {
    uint32x4_t r[4]; /* all bits of a lane, or none */
} v16m;

#define SO_EACH_QUARTER(type, expression)                   \
    type result;                                            \
    for (int i = 0; i < 4; i++) result.r[i] = (expression); \
    return result

SO_INLINE v16m v16_tail_mask(size_t n) {
    static const uint32_t lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    SO_EACH_QUARTER(v16m, vcltq_u32(vld1q_u32(lane + 4 * i), vdupq_n_u32((uint32_t)n)));
}

SO_INLINE v16f v16_set1(float x) { SO_EACH_QUARTER(v16f, vdupq_n_f32(x)); }
SO_INLINE v16f v16_zero(void) { return v16_set1(0.0f); }
SO_INLINE v16f v16_load(const float *p) { SO_EACH_QUARTER(v16f, vld1q_f32(p + 4 * i)); }
SO_INLINE void v16_store(float *p, v16f v) {
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, v.r[i]);
}
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

SO_INLINE v16f v16_add(v16f a, v16f b) { SO_EACH_QUARTER(v16f, vaddq_f32(a.r[i], b.r[i])); }
SO_INLINE v16f v16_sub(v16f a, v16f b) { SO_EACH_QUARTER(v16f, vsubq_f32(a.r[i], b.r[i])); }
SO_INLINE v16f v16_mul(v16f a, v16f b) { SO_EACH_QUARTER(v16f, vmulq_f32(a.r[i], b.r[i])); }
SO_INLINE v16f v16_div(v16f a, v16f b) { SO_EACH_QUARTER(v16f, vdivq_f32(a.r[i], b.r[i])); }
SO_INLINE v16f v16_sqrt(v16f a) { SO_EACH_QUARTER(v16f, vsqrtq_f32(a.r[i])); }
SO_INLINE v16f v16_abs(v16f a) { SO_EACH_QUARTER(v16f, vabsq_f32(a.r[i])); }
SO_INLINE v16f v16_neg(v16f a) { SO_EACH_QUARTER(v16f, vnegq_f32(a.r[i])); }
SO_INLINE v16f v16_fma(v16f a, v16f b, v16f c) { SO_EACH_QUARTER(v16f, vfmaq_f32(c.r[i], a.r[i], b.r[i])); }
SO_INLINE v16f v16_fnma(v16f a, v16f b, v16f c) { SO_EACH_QUARTER(v16f, vfmsq_f32(c.r[i], a.r[i], b.r[i])); }
/* Not vminq and vmaxq: those order -0 below +0 and let a NaN through, the other levels do neither. */
SO_INLINE v16f v16_min(v16f a, v16f b) {
    SO_EACH_QUARTER(v16f, vbslq_f32(vcltq_f32(a.r[i], b.r[i]), a.r[i], b.r[i]));
}
SO_INLINE v16f v16_max(v16f a, v16f b) {
    SO_EACH_QUARTER(v16f, vbslq_f32(vcgtq_f32(a.r[i], b.r[i]), a.r[i], b.r[i]));
}

SO_INLINE v16i v16_rint(v16f a) { SO_EACH_QUARTER(v16i, vcvtnq_s32_f32(a.r[i])); }
SO_INLINE v16f v16_from_s32(v16i a) { SO_EACH_QUARTER(v16f, vcvtq_f32_s32(a.r[i])); }
SO_INLINE v16i v16_bits(v16f a) { SO_EACH_QUARTER(v16i, vreinterpretq_s32_f32(a.r[i])); }
SO_INLINE v16f v16_from_bits(v16i a) { SO_EACH_QUARTER(v16f, vreinterpretq_f32_s32(a.r[i])); }

SO_INLINE v16m v16_less(v16f a, v16f b) { SO_EACH_QUARTER(v16m, vcltq_f32(a.r[i], b.r[i])); }
SO_INLINE v16f v16_select(v16m m, v16f a, v16f b) {
    SO_EACH_QUARTER(v16f, vbslq_f32(m.r[i], a.r[i], b.r[i]));
}

SO_INLINE float v16_lane_sum(v16f a) {
    const float32x4_t q = vaddq_f32(vaddq_f32(a.r[0], a.r[2]), vaddq_f32(a.r[1], a.r[3]));
    const float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}
SO_INLINE float v16_lane_max(v16f a) {
    float lanes[4];
    float32x4_t low = vbslq_f32(vcgtq_f32(a.r[0], a.r[2]), a.r[0], a.r[2]);
    const float32x4_t high = vbslq_f32(vcgtq_f32(a.r[1], a.r[3]), a.r[1], a.r[3]);
    vst1q_f32(lanes, vbslq_f32(vcgtq_f32(low, high), low, high));
    lanes[0] = lanes[0] > lanes[2] ? lanes[0] : lanes[2];
    lanes[1] = lanes[1] > lanes[3] ? lanes[1] : lanes[3];
    return lanes[0] > lanes[1] ? lanes[0] : lanes[1];
}

SO_INLINE v16i v16i_set1(int32_t x) { SO_EACH_QUARTER(v16i, vdupq_n_s32(x)); }
SO_INLINE v16i v16i_zero(void) { return v16i_set1(0); }
SO_INLINE v16i v16i_load(const int32_t *p) { SO_EACH_QUARTER(v16i, vld1q_s32(p + 4 * i)); }
SO_INLINE v16i v16i_load_tail(const int32_t *p, size_t n) {
    int32_t lanes[16] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return v16i_load(lanes);
}
SO_INLINE void v16i_store(int32_t *p, v16i v) {
    for (int i = 0; i < 4; i++) vst1q_s32(p + 4 * i, v.r[i]);
}
SO_INLINE v16i v16i_add(v16i a, v16i b) { SO_EACH_QUARTER(v16i, vaddq_s32(a.r[i], b.r[i])); }
SO_INLINE v16i v16i_sub(v16i a, v16i b) { SO_EACH_QUARTER(v16i, vsubq_s32(a.r[i], b.r[i])); }
SO_INLINE v16i v16i_and(v16i a, v16i b) { SO_EACH_QUARTER(v16i, vandq_s32(a.r[i], b.r[i])); }
SO_INLINE v16i v16i_or(v16i a, v16i b) { SO_EACH_QUARTER(v16i, vorrq_s32(a.r[i], b.r[i])); }
SO_INLINE v16i v16i_max(v16i a, v16i b) { SO_EACH_QUARTER(v16i, vmaxq_s32(a.r[i], b.r[i])); }
SO_INLINE v16i v16i_shl(v16i a, int n) { SO_EACH_QUARTER(v16i, vshlq_s32(a.r[i], vdupq_n_s32(n))); }
SO_INLINE v16i v16i_shr(v16i a, int n) { SO_EACH_QUARTER(v16i, vshlq_s32(a.r[i], vdupq_n_s32(-n))); }
SO_INLINE v16i v16i_load_u8(const uint8_t *p) {
    const uint8x16_t bytes = vld1q_u8(p);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_u8(vget_high_u8(bytes));
    return (v16i){{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))),
                   vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
                   vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))),
                   vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
}
SO_INLINE v16i v16i_load_s8(const int8_t *p) {
    const int8x16_t bytes = vld1q_s8(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    return (v16i){{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)), vmovl_s16(vget_low_s16(high)),
                   vmovl_s16(vget_high_s16(high))}};
}
SO_INLINE void v16i_store_low8(void *p, v16i v) {
    const int16x8_t low = vcombine_s16(vmovn_s32(v.r[0]), vmovn_s32(v.r[1]));
    const int16x8_t high = vcombine_s16(vmovn_s32(v.r[2]), vmovn_s32(v.r[3]));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
SO_INLINE void v16i_store_low8_tail(void *p, v16i v, size_t n) {
    int8_t bytes[16];
    v16i_store_low8(bytes, v);
    memcpy(p, bytes, n);
}
SO_INLINE int32_t v16i_lane_sum(v16i a) {
    return vaddvq_s32(vaddq_s32(vaddq_s32(a.r[0], a.r[1]), vaddq_s32(a.r[2], a.r[3])));
}

#undef SO_EACH_QUARTER
#endif
