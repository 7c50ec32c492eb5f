/*
 * INT8 tile on aarch64 with the dot product (sdot: signed times signed). A is flipped to a - 128; see
 * q8_neon.inl for what that does to a_zero. 6 rows by 16 columns are 24 accumulators, four registers of B,
 * one of A: within 32.
 */
#define SO_Q8_ROWS 6
#define SO_Q8_PANELS 1
#define SO_Q8_SIGNED

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc) {
    (void)panels;
    int32x4_t sum[SO_Q8_ROWS][4];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t i = 0; i < 4; i++)
            sum[r][i] = start ? vnegq_s32(vld1q_s32(start + 4 * i)) : vdupq_n_s32(0);
    }
    for (size_t g = 0; g < groups; g++) {
        so_prefetch(b + g * 64, groups * 64); /* the next panel */
        const int8x16_t w0 = vld1q_s8(b + g * 64), w1 = vld1q_s8(b + g * 64 + 16);
        const int8x16_t w2 = vld1q_s8(b + g * 64 + 32), w3 = vld1q_s8(b + g * 64 + 48);
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            uint32_t four;
            memcpy(&four, a + r * lda + 4 * g, 4);
            const int8x16_t x = vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
            sum[r][0] = vdotq_s32(sum[r][0], w0, x);
            sum[r][1] = vdotq_s32(sum[r][1], w1, x);
            sum[r][2] = vdotq_s32(sum[r][2], w2, x);
            sum[r][3] = vdotq_s32(sum[r][3], w3, x);
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t i = 0; i < 4; i++) vst1q_s32(c + r * ldc + 4 * i, sum[r][i]);
    }
}
