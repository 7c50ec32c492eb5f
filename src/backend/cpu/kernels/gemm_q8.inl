/*
 * The loops around a level's INT8 tile. The level has defined
 *   so_q8_tile(rows, panels, groups, a, lda, b, start, c, ldc): rows x 16*panels of C; rows <= SO_Q8_ROWS (at most 12) and panels <=
 *   SO_Q8_PANELS are literals; groups = ceil(k / 4); sums start from start[16 * panels], or from 0 if it is NULL.
 * B is walked once: for each group of panels (hot in the nearest caches meanwhile) all rows of A.
 */

SO_INLINE void so_q8_panels(const size_t panels, size_t m, size_t groups, const uint8_t *a, size_t lda, const int8_t *b,
                            const int32_t *start, int32_t *c, size_t ldc)
{
    for (; m >= SO_Q8_ROWS; m -= SO_Q8_ROWS, a += SO_Q8_ROWS * lda, c += SO_Q8_ROWS * ldc)
        so_q8_tile(SO_Q8_ROWS, panels, groups, a, lda, b, start, c, ldc);
    switch (m) {
#if SO_Q8_ROWS > 6
    case 11: so_q8_tile(11, panels, groups, a, lda, b, start, c, ldc); break;
    case 10: so_q8_tile(10, panels, groups, a, lda, b, start, c, ldc); break;
    case 9: so_q8_tile(9, panels, groups, a, lda, b, start, c, ldc); break;
    case 8: so_q8_tile(8, panels, groups, a, lda, b, start, c, ldc); break;
    case 7: so_q8_tile(7, panels, groups, a, lda, b, start, c, ldc); break;
    case 6: so_q8_tile(6, panels, groups, a, lda, b, start, c, ldc); break;
#endif
#if SO_Q8_ROWS > 4
    case 5: so_q8_tile(5, panels, groups, a, lda, b, start, c, ldc); break;
    case 4: so_q8_tile(4, panels, groups, a, lda, b, start, c, ldc); break;
#endif
    case 3: so_q8_tile(3, panels, groups, a, lda, b, start, c, ldc); break;
    case 2: so_q8_tile(2, panels, groups, a, lda, b, start, c, ldc); break;
    case 1: so_q8_tile(1, panels, groups, a, lda, b, start, c, ldc); break;
    default: break;
    }
}

/** q8 activations carry 128 too much in every byte, which bsum takes off. */
SO_INLINE const int32_t *so_q8_start(int a_zero, const int32_t *bsum, size_t column)
{
    return a_zero ? bsum + column : NULL;
}

static void SO_LEVEL_GEMM_Q8(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, int a_zero, const int8_t *b,
                             const int32_t *bsum, int32_t *c, size_t ldc)
{
    const size_t groups = (k + 3) / 4;
    size_t j = 0;
    for (; j + 16 * (SO_Q8_PANELS - 1) < n; j += 16 * SO_Q8_PANELS)
        so_q8_panels(SO_Q8_PANELS, m, groups, a, lda, b + j * groups * 4, so_q8_start(a_zero, bsum, j), c + j, ldc);
    for (; j < n; j += 16)
        so_q8_panels(1, m, groups, a, lda, b + j * groups * 4, so_q8_start(a_zero, bsum, j), c + j, ldc);
}
