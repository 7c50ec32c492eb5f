/*
 * INT8 tile on aarch64 without the dot product. Bytes of A (unsigned) and of B (signed) share no
 * multiplication, so A is flipped to a - 128, signed; then smull multiplies eight pairs to 16 bits (at most
 * 128 * 128, which fits) and sadalp adds neighbours to 32. A sum is so split in two, joined at the end. 2
 * rows by 16 columns are 16 accumulators.
 *
 * Flipping takes 128 * sum of B off each product: with a_zero = 128 that is what is wanted, else bsum (-128 *
 * that sum) is taken off.
 */
#define SO_Q8_ROWS 2
#define SO_Q8_PANELS 1
#define SO_Q8_SIGNED

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc) {
    (void)panels;
    int32x4_t sum[SO_Q8_ROWS][8];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t i = 0; i < 8; i++) sum[r][i] = vdupq_n_s32(0);
    }
    for (size_t g = 0; g < groups; g++) {
        so_prefetch(b + g * 64, groups * 64); /* the next panel */
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            uint32_t four;
            memcpy(&four, a + r * lda + 4 * g, 4);
            /* The four bytes twice: two columns of B in a multiplication. */
            const int8x8_t x = vreinterpret_s8_u32(vdup_n_u32(four ^ 0x80808080u));
            SO_UNROLL
            for (size_t i = 0; i < 4; i++) {
                const int8x16_t w = vld1q_s8(b + g * 64 + 16 * i);
                sum[r][2 * i] = vpadalq_s16(sum[r][2 * i], vmull_s8(vget_low_s8(w), x));
                sum[r][2 * i + 1] = vpadalq_s16(sum[r][2 * i + 1], vmull_s8(vget_high_s8(w), x));
            }
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t i = 0; i < 4; i++) {
            int32x4_t y = vpaddq_s32(sum[r][2 * i], sum[r][2 * i + 1]);
            if (start) y = vsubq_s32(y, vld1q_s32(start + 4 * i));
            vst1q_s32(c + r * ldc + 4 * i, y);
        }
    }
}
