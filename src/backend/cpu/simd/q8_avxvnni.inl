/*
 * INT8 tile on 256-bit VNNI: 6 rows by 16 columns are 12 of the 16 registers, two hold B, one A's four bytes.
 * The same code in two encodings: VEX (AVX-VNNI), and EVEX for CPUs that have AVX-512 VNNI only.
 */
#define SO_Q8_ROWS 6
#define SO_Q8_PANELS 1

#ifdef __AVXVNNI__
#define SO_DPBUSD _mm256_dpbusd_avx_epi32
#else
#define SO_DPBUSD _mm256_dpbusd_epi32
#endif

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc) {
    (void)panels;
    __m256i sum[SO_Q8_ROWS][2];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t h = 0; h < 2; h++)
            sum[r][h] = start ? _mm256_loadu_si256((const __m256i *)(start + 8 * h)) : _mm256_setzero_si256();
    }
    for (size_t g = 0; g < groups; g++) {
        so_prefetch(b + g * 64, groups * 64); /* the next panel */
        const __m256i w0 = _mm256_load_si256((const __m256i *)(b + g * 64));
        const __m256i w1 = _mm256_load_si256((const __m256i *)(b + g * 64 + 32));
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, a + r * lda + 4 * g, 4);
            const __m256i x = _mm256_set1_epi32(four);
            sum[r][0] = SO_DPBUSD(sum[r][0], x, w0);
            sum[r][1] = SO_DPBUSD(sum[r][1], x, w1);
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t h = 0; h < 2; h++) _mm256_storeu_si256((__m256i *)(c + r * ldc + 8 * h), sum[r][h]);
    }
}
