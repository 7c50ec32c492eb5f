/*
 * INT8 product on AVX-512 VNNI: a tile of 12 rows and 32 columns is 24 accumulators, two registers of B, and A's four bytes
 * broadcast from memory. One vpdpbusd multiplies 64 pairs.
 */

/** rows <= 12 and panels <= 2 are literals where this is called. `groups` = ceil(k / 4). */
SO_INLINE void so_tile_avx512(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                              const int8_t *b, const int32_t *start, int32_t *c, size_t ldc)
{
    __m512i sum[12][2];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t p = 0; p < panels; p++)
            sum[r][p] = start ? _mm512_loadu_si512(start + 16 * p) : _mm512_setzero_si512();
    for (size_t g = 0; g < groups; g++) {
        __m512i w[2];
#pragma GCC unroll 2
        for (size_t p = 0; p < panels; p++) w[p] = _mm512_load_si512(b + (p * groups + g) * 64);
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, a + r * lda + 4 * g, 4);
            const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 2
            for (size_t p = 0; p < panels; p++) sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], x, w[p]);
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t p = 0; p < panels; p++) _mm512_storeu_si512(c + r * ldc + 16 * p, sum[r][p]);
}

/** All rows of one panel or two, which stay in the first two caches meanwhile. */
SO_INLINE void so_panels_avx512(const size_t panels, size_t m, size_t groups, const uint8_t *a, size_t lda,
                                const int8_t *b, const int32_t *start, int32_t *c, size_t ldc)
{
    for (; m >= 12; m -= 12, a += 12 * lda, c += 12 * ldc)
        so_tile_avx512(12, panels, groups, a, lda, b, start, c, ldc);
    switch (m) {
    case 11: so_tile_avx512(11, panels, groups, a, lda, b, start, c, ldc); break;
    case 10: so_tile_avx512(10, panels, groups, a, lda, b, start, c, ldc); break;
    case 9: so_tile_avx512(9, panels, groups, a, lda, b, start, c, ldc); break;
    case 8: so_tile_avx512(8, panels, groups, a, lda, b, start, c, ldc); break;
    case 7: so_tile_avx512(7, panels, groups, a, lda, b, start, c, ldc); break;
    case 6: so_tile_avx512(6, panels, groups, a, lda, b, start, c, ldc); break;
    case 5: so_tile_avx512(5, panels, groups, a, lda, b, start, c, ldc); break;
    case 4: so_tile_avx512(4, panels, groups, a, lda, b, start, c, ldc); break;
    case 3: so_tile_avx512(3, panels, groups, a, lda, b, start, c, ldc); break;
    case 2: so_tile_avx512(2, panels, groups, a, lda, b, start, c, ldc); break;
    case 1: so_tile_avx512(1, panels, groups, a, lda, b, start, c, ldc); break;
    default: break;
    }
}

static void gemm_q8_s8_s32_12x32c4_avx512vnni(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, int a_zero,
                                              const int8_t *b, const int32_t *bsum, int32_t *c, size_t ldc)
{
    const size_t groups = (k + 3) / 4;
    size_t j = 0;
    for (; j + 16 < n; j += 32)
        so_panels_avx512(2, m, groups, a, lda, b + j * groups * 4, a_zero ? bsum + j : NULL, c + j, ldc);
    if (j < n) so_panels_avx512(1, m, groups, a, lda, b + j * groups * 4, a_zero ? bsum + j : NULL, c + j, ldc);
}
