/*
 * The INT4 product: a group of a panel is unpacked to bytes in the first cache, the level's INT8 tile makes
 * its exact sums, and these are multiplied by the group's steps and added. All of it in integers, so that no
 * order matters.
 */

/** 256 bytes of two values each and 16 steps, to eight rows of an s8 panel and 16 whole numbers. */
SO_INLINE void so_q4_unpack(const uint8_t *restrict group, int8_t *restrict w, uint32_t *restrict steps) {
    for (size_t j = 0; j < 4; j++)
        for (size_t i = 0; i < 64; i++) {
            w[128 * j + i] = (int8_t)((group[64 * j + i] & 15) - 8);
            w[128 * j + 64 + i] = (int8_t)((group[64 * j + i] >> 4) - 8);
        }
    for (size_t i = 0; i < 16; i++) steps[i] = group[256 + i];
}

#ifdef SO_SIMD_REF
#define SO_Q4_ROWS 1
/** The sums of one row over the 32 inputs of a group, with the zero point of A left in. */
SO_INLINE void so_q4_sums(size_t rows, const uint8_t *a, size_t lda, const int8_t *w, int32_t *sums) {
    (void)rows, (void)lda;
    for (size_t i = 0; i < 16; i++) {
        sums[i] = 0;
        for (size_t k = 0; k < 32; k++) sums[i] += a[k] * w[(k / 4 * 16 + i) * 4 + k % 4];
    }
}
#else
#define SO_Q4_ROWS SO_Q8_ROWS
SO_INLINE void so_q4_sums(size_t rows, const uint8_t *a, size_t lda, const int8_t *w, int32_t *sums) {
    so_q8_tiles[0][rows - 1](8, a, lda, w, NULL, sums, 16);
}
#endif

/** c += sums * steps; unsigned, because a damaged model's sums may wrap. */
SO_INLINE void so_q4_add(const int32_t *restrict sums, const uint32_t *restrict steps, int32_t *restrict c) {
    for (size_t i = 0; i < 16; i++) c[i] = (int32_t)((uint32_t)c[i] + (uint32_t)sums[i] * steps[i]);
}

static void gemm_q4_s32(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, const uint8_t *b,
                        const int32_t *bsum, int32_t *c, size_t ldc) {
    const size_t groups = k / SO_Q4_GROUP, panels = (n + 15) / 16, most = 96;
    _Alignas(64) int8_t w[512];
    _Alignas(64) uint32_t steps[16];
    _Alignas(64) int32_t sums[SO_Q4_ROWS * 16];
    for (size_t block = 0; block < m; block += most) {
        const size_t end = m - block < most ? m : block + most;
        for (size_t p = 0; p < panels; p++) {
            for (size_t r = block; r < end; r++)
                for (size_t i = 0; i < 16; i++) {
#ifdef SO_Q8_SIGNED
                    c[r * ldc + 16 * p + i] = 0; /* the tile has taken the zero point off */
#else
                    c[r * ldc + 16 * p + i] = bsum[16 * p + i];
#endif
                }
            for (size_t g = 0; g < groups; g++) {
                so_q4_unpack(b + (p * groups + g) * SO_Q4_GROUP_BYTES, w, steps);
                for (size_t r = block; r < end; r += SO_Q4_ROWS) {
                    const size_t rows = end - r < SO_Q4_ROWS ? end - r : SO_Q4_ROWS;
                    so_q4_sums(rows, a + r * lda + SO_Q4_GROUP * g, lda, w, sums);
                    for (size_t i = 0; i < rows; i++)
                        so_q4_add(sums + 16 * i, steps, c + (r + i) * ldc + 16 * p);
                }
            }
        }
    }
    (void)bsum;
}
