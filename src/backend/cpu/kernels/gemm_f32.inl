/*
 * Float product by tiles of SO_F32_ROWS rows and SO_F32_PANELS panels held in registers (both set by the
 * level). Each output is one chain of fused multiply-adds over k, so that the tile's shape cannot be seen in
 * the result.
 */

/** rows <= SO_F32_ROWS and panels <= SO_F32_PANELS are literals where this is called. */
SO_INLINE void so_gemm_f32_tile(const size_t rows, const size_t panels, size_t k, const float *a, size_t lda,
                                const float *b, const float *bias, float *c, size_t ldc) {
    v16f sum[SO_F32_ROWS][SO_F32_PANELS];
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t p = 0; p < panels; p++) sum[r][p] = bias ? v16_load(bias + 16 * p) : v16_zero();
    }
    for (size_t i = 0; i < k; i++) {
        v16f column[SO_F32_PANELS];
        SO_UNROLL
        for (size_t p = 0; p < panels; p++) column[p] = v16_load(b + (p * k + i) * 16);
        SO_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const v16f x = v16_set1(a[r * lda + i]);
            SO_UNROLL
            for (size_t p = 0; p < panels; p++) sum[r][p] = v16_fma(x, column[p], sum[r][p]);
        }
    }
    SO_UNROLL
    for (size_t r = 0; r < rows; r++) {
        SO_UNROLL
        for (size_t p = 0; p < panels; p++) v16_store(c + r * ldc + 16 * p, sum[r][p]);
    }
}

/** All rows of one group of panels. */
SO_INLINE void so_gemm_f32_panels(const size_t panels, size_t m, size_t k, const float *a, size_t lda,
                                  const float *b, const float *bias, float *c, size_t ldc) {
    size_t r = 0;
    for (; r + SO_F32_ROWS <= m; r += SO_F32_ROWS)
        so_gemm_f32_tile(SO_F32_ROWS, panels, k, a + r * lda, lda, b, bias, c + r * ldc, ldc);
    for (; r + 4 <= m; r += 4) so_gemm_f32_tile(4, panels, k, a + r * lda, lda, b, bias, c + r * ldc, ldc);
    for (; r < m; r++) so_gemm_f32_tile(1, panels, k, a + r * lda, lda, b, bias, c + r * ldc, ldc);
}

static void gemm_f32(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     const float *bias, float *c, size_t ldc) {
    size_t j = 0;
    for (; j + 16 * (SO_F32_PANELS - 1) < n; j += 16 * SO_F32_PANELS)
        so_gemm_f32_panels(SO_F32_PANELS, m, k, a, lda, b + j * k, bias ? bias + j : NULL, c + j, ldc);
    for (; j < n; j += 16) so_gemm_f32_panels(1, m, k, a, lda, b + j * k, bias ? bias + j : NULL, c + j, ldc);
}
