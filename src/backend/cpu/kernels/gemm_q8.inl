/*
 * The loops around a level's INT8 tile. The level has defined so_q8_tile(rows, panels, groups, a, lda, b,
 * start, c, ldc): rows x 16*panels of C, where rows <= SO_Q8_ROWS (at most 12) and panels <= SO_Q8_PANELS (at
 * most 2) are literals, groups = ceil(k / 4), and start is bsum[16 * panels] or NULL, see so_q8_start.
 */

/**
 * What the tile corrects its sums by, if anything: q8 activations carry 128 too much in every byte, which
 * bsum takes off. A level that multiplies signed bytes only (SO_Q8_SIGNED) flips A's to a - 128; then it is
 * a_zero = 0 that wants -bsum.
 */
SO_INLINE const int32_t *so_q8_start(int a_zero, const int32_t *bsum) {
#ifdef SO_Q8_SIGNED
    return a_zero ? NULL : bsum;
#else
    return a_zero ? bsum : NULL;
#endif
}

/** Rows of A that stay in the second cache while all of B passes by. */
#define SO_Q8_BLOCK 96

typedef void so_q8_tile_function(size_t groups, const uint8_t *a, size_t lda, const int8_t *b,
                                 const int32_t *start, int32_t *c, size_t ldc);

/* A function for each shape, so that the compiler sees literals and keeps all sums in registers. */
#define SO_Q8_DEFINE(rows, panels)                                                                         \
    static void so_q8_tile_##rows##x##panels(size_t groups, const uint8_t *a, size_t lda, const int8_t *b, \
                                             const int32_t *start, int32_t *c, size_t ldc) {               \
        so_q8_tile(rows, panels, groups, a, lda, b, start, c, ldc);                                        \
    }
/* clang-format off */
#if SO_Q8_ROWS == 12
#define SO_Q8_SHAPES(DO, panels)                                                                  \
    DO(1, panels) DO(2, panels) DO(3, panels) DO(4, panels) DO(5, panels) DO(6, panels)           \
    DO(7, panels) DO(8, panels) DO(9, panels) DO(10, panels) DO(11, panels) DO(12, panels)
#elif SO_Q8_ROWS == 6
#define SO_Q8_SHAPES(DO, panels)                                                                  \
    DO(1, panels) DO(2, panels) DO(3, panels) DO(4, panels) DO(5, panels) DO(6, panels)
#elif SO_Q8_ROWS == 2
#define SO_Q8_SHAPES(DO, panels) DO(1, panels) DO(2, panels)
#elif SO_Q8_ROWS == 4
#define SO_Q8_SHAPES(DO, panels) DO(1, panels) DO(2, panels) DO(3, panels) DO(4, panels)
#endif
/* clang-format on */
#define SO_Q8_NAME(rows, panels) so_q8_tile_##rows##x##panels,

SO_Q8_SHAPES(SO_Q8_DEFINE, 1)
#if SO_Q8_PANELS == 2
SO_Q8_SHAPES(SO_Q8_DEFINE, 2)
#endif

/** Indexed by panels - 1 and rows - 1. */
static so_q8_tile_function *const so_q8_tiles[SO_Q8_PANELS][SO_Q8_ROWS] = {
    {SO_Q8_SHAPES(SO_Q8_NAME, 1)},
#if SO_Q8_PANELS == 2
    {SO_Q8_SHAPES(SO_Q8_NAME, 2)},
#endif
};

static void SO_LEVEL_GEMM_Q8(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, int a_zero,
                             const int8_t *b, const int32_t *bsum, int32_t *c, size_t ldc) {
    const size_t groups = (k + 3) / 4, all_panels = (n + 15) / 16;
    size_t done = 0, first = 0; /* rows that are done; panels of a single row that are */
#ifdef SO_Q8_HAS_SPARSE
    if (!a_zero) done = so_q8_sparse(m, n, groups, a, lda, b, c, ldc);
#endif
#ifdef SO_Q8_HAS_ROW
    for (; m == 1 && done == 0 && first + 4 <= all_panels; first += 4)
        so_q8_dense_row(groups, a, b + first * groups * 64, so_q8_start(a_zero, bsum + 16 * first),
                        c + 16 * first);
#endif
    for (size_t block = done; block < m; block += SO_Q8_BLOCK) {
        const size_t end = m - block < SO_Q8_BLOCK ? m : block + SO_Q8_BLOCK;
        for (size_t p = first; p < all_panels; p += SO_Q8_PANELS) {
            const size_t panels = all_panels - p < SO_Q8_PANELS ? all_panels - p : SO_Q8_PANELS;
            const int32_t *start = so_q8_start(a_zero, bsum + 16 * p);
            for (size_t r = block; r < end; r += SO_Q8_ROWS) {
                const size_t rows = end - r < SO_Q8_ROWS ? end - r : SO_Q8_ROWS;
                so_q8_tiles[panels - 1][rows - 1](groups, a + r * lda, lda, b + p * groups * 64, start,
                                                  c + r * ldc + 16 * p, ldc);
            }
        }
    }
}
