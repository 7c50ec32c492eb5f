/*
 * INT8 tile on AVX2. vpmaddubsw would saturate, so bytes are widened to 16 bits and multiplied by vpmaddwd,
 * exact for every input. Even and odd bytes are widened apart: a 16-bit mask or shift in place needs no
 * shuffle, and the two products of a column land in the same 32 bits. 4 rows by 16 columns are 8
 * accumulators, 4 registers of B, 2 of A.
 */
#define SO_Q8_ROWS 4
#define SO_Q8_PANELS 1

SO_INLINE void so_q8_tile(const size_t rows, const size_t panels, size_t groups, const uint8_t *a, size_t lda,
                          const int8_t *b, const int32_t *start, int32_t *c, size_t ldc) {
    (void)panels;
    const __m256i low_bytes = _mm256_set1_epi16(255);
    __m256i sum[SO_Q8_ROWS][2];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t h = 0; h < 2; h++)
            sum[r][h] = start ? _mm256_loadu_si256((const __m256i *)(start + 8 * h)) : _mm256_setzero_si256();
    }
    for (size_t g = 0; g < groups; g++) {
        so_prefetch(b + g * 64, groups * 64); /* the next panel */
        __m256i even[2], odd[2];
        SO_UNROLL
        for (size_t h = 0; h < 2; h++) {
            const __m256i w = _mm256_load_si256((const __m256i *)(b + g * 64 + 32 * h));
            even[h] = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
            odd[h] = _mm256_srai_epi16(w, 8);
        }
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, a + r * lda + 4 * g, 4);
            const __m256i x = _mm256_set1_epi32(four);
            const __m256i x_even = _mm256_and_si256(x, low_bytes), x_odd = _mm256_srli_epi16(x, 8);
            SO_UNROLL
            for (size_t h = 0; h < 2; h++) {
                sum[r][h] = _mm256_add_epi32(sum[r][h], _mm256_madd_epi16(x_even, even[h]));
                sum[r][h] = _mm256_add_epi32(sum[r][h], _mm256_madd_epi16(x_odd, odd[h]));
            }
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t h = 0; h < 2; h++) _mm256_storeu_si256((__m256i *)(c + r * ldc + 8 * h), sum[r][h]);
    }
}
