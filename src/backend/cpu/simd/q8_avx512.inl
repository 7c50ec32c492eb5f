/*
 * INT8 tile on AVX-512 VNNI: 12 rows by 32 columns are 24 accumulators, two registers of B, and A's four bytes broadcast from
 * memory. One vpdpbusd multiplies 64 pairs.
 */
#define SO_Q8_ROWS 12
#define SO_Q8_PANELS 2

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc)
{
    __m512i sum[SO_Q8_ROWS][SO_Q8_PANELS];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (size_t p = 0; p < panels; p++)
            sum[r][p] = start ? _mm512_loadu_si512(start + 16 * p) : _mm512_setzero_si512();
    for (size_t g = 0; g < groups; g++) {
        __m512i w[SO_Q8_PANELS];
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
