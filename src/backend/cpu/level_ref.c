/** Level "ref": plain C, what the other levels have to equal. */
#define SO_SIMD_REF
#define SO_LEVEL_NAME "ref"
#define SO_LEVEL_TABLE so_kernels_ref
#define SO_LEVEL_GEMM_Q8 gemm_q8_s8_s32_1x16c4_ref
#define SO_F32_ROWS 4
#define SO_F32_PANELS 1

#include "backend/cpu/levels.h"
#include "backend/cpu/simd/v16.h"

/**
 * The definition: for each row and panel 16 sums over groups of four along k; the padding of B is zero, so
 * A's does not matter. The sums are unsigned because they may wrap on the way to a result that fits.
 */
static void gemm_q8_s8_s32_1x16c4_ref(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, int a_zero,
                                      const int8_t *b, const int32_t *bsum, int32_t *c, size_t ldc) {
    const size_t groups = (k + 3) / 4;
    for (size_t r = 0; r < m; r++)
        for (size_t j = 0; j < n; j += 16) {
            uint32_t sum[16];
            for (size_t i = 0; i < 16; i++) sum[i] = a_zero ? (uint32_t)bsum[j + i] : 0;
            for (size_t g = 0; g < groups; g++) {
                const uint8_t *x = a + r * lda + 4 * g;
                const int8_t *w = b + (j / 16 * groups + g) * 64;
                for (size_t i = 0; i < 16; i++)
                    sum[i] += (uint32_t)(x[0] * w[4 * i] + x[1] * w[4 * i + 1] + x[2] * w[4 * i + 2] +
                                         x[3] * w[4 * i + 3]);
            }
            memcpy(c + r * ldc + j, sum, sizeof sum);
        }
}

#include "backend/cpu/kernels/all.inl"
