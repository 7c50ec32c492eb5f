/* The core's kernel, compiled for the host, against plain C; and the layouts that streams and packing promise it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "../../npu/gemm_core.h"
#include "backend/xdna/gemm_stream.h"
#include "support.h"

static void check(enum fill fill_a, enum fill fill_b, int rounds) {
    static int8_t a[GEMM_M * GEMM_K], b[GEMM_K * GEMM_N];
    static int32_t c[GEMM_M * GEMM_N], want[GEMM_M * GEMM_N], once[GEMM_M * GEMM_N];
    const struct so_gemm_shape one = {SO_BLOCK_M, GEMM_K, GEMM_N};
    for (int i = 0; i < GEMM_M * GEMM_N; i++) c[i] = 77, want[i] = 0;
    gemm_zero(c);
    for (int round = 0; round < rounds; round++) {
        int8_t *x = make_matrix(GEMM_M, GEMM_K, fill_a, 3u + (uint32_t)round), *y = make_matrix(GEMM_K, GEMM_N, fill_b, 9u + (uint32_t)round);
        for (int i = 0; i < GEMM_M; i++)
            for (int k = 0; k < GEMM_K; k++) a[(i / 4 * (GEMM_K / 8) + k / 8) * 32 + i % 4 * 8 + k % 8] = x[i * GEMM_K + k];
        /* B exactly as the host packs it for the device. */
        for (size_t k = 0; k < GEMM_K; k++)
            for (size_t n = 0; n < GEMM_N; n++) b[so_gemm_b_at(one, k, n)] = y[k * GEMM_N + n];
        gemm_tile(a, b, c);
        plain_product(GEMM_M, GEMM_K, GEMM_N, x, y, once);
        for (int i = 0; i < GEMM_M * GEMM_N; i++) want[i] += once[i];
        free(x);
        free(y);
    }
    for (int i = 0; i < GEMM_M; i++)
        for (int j = 0; j < GEMM_N; j++)
            assert_int_equal(c[(i / 4 * (GEMM_N / 8) + j / 8) * 32 + i % 4 * 8 + j % 8], want[i * GEMM_N + j]);
}

static void the_core_multiplies_exactly(void **state) {
    (void)state;
    check(FILL_RANDOM, FILL_IDENTITY, 1);
    check(FILL_RANDOM, FILL_RANDOM, 1);
    check(FILL_LOWEST, FILL_LOWEST, 1);
    check(FILL_MIXED, FILL_HIGHEST, 1);
}

static void the_core_adds_up_over_k(void **state) {
    (void)state;
    check(FILL_RANDOM, FILL_RANDOM, 9);
    check(FILL_LOWEST, FILL_LOWEST, 100);
}

static void the_tile_sizes_are_the_streams(void **state) {
    (void)state;
    assert_int_equal(GEMM_M, SO_TILE_M);
    assert_int_equal(GEMM_K, SO_TILE_K);
    assert_int_equal(GEMM_N, SO_TILE_N);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_core_multiplies_exactly),
        cmocka_unit_test(the_core_adds_up_over_k),
        cmocka_unit_test(the_tile_sizes_are_the_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
