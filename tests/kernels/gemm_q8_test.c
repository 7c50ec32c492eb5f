/** The INT8 product is the exact sum, whatever the values, the shape and the level. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    size_t m, n, k;
};

/** The layout that kernels.h defines, element by element. b: [k][n]. */
static void pack(const int8_t *b, size_t n, size_t k, int8_t *panels, int32_t *bsum) {
    const size_t groups = (k + 3) / 4, columns = (n + 15) / 16 * 16;
    memset(panels, 0, columns * groups * 4);
    memset(bsum, 0, columns * sizeof *bsum);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) {
            panels[((j / 16 * groups + i / 4) * 16 + j % 16) * 4 + i % 4] = b[i * n + j];
            bsum[j] -= 128 * b[i * n + j];
        }
}

static void check_product(struct shape s, enum byte_pattern a_pattern, enum byte_pattern b_pattern,
                          int a_zero) {
    const size_t groups = (s.k + 3) / 4, columns = (s.n + 15) / 16 * 16;
    const size_t a_gap = random_bits() % 7, c_gap = random_bits() % 5;
    struct area a = area_new(s.m, groups * 4, groups * 4 + a_gap);
    struct area panels = area_new(1, columns * groups * 4, columns * groups * 4),
                bsum = area_new(1, columns * 4, columns * 4);
    int8_t *b = malloc(s.k * s.n);
    assert_non_null(b);
    /* The bytes that pad A to a multiple of four are left as they are: they must not matter. */
    for (size_t r = 0; r < s.m; r++) fill_bytes(a.data + r * a.stride_bytes, s.k, a_pattern, true);
    fill_bytes((uint8_t *)b, s.k * s.n, b_pattern, false);
    pack(b, s.n, s.k, (int8_t *)panels.data, (int32_t *)(void *)bsum.data);
    area_seal(&a), area_seal(&panels), area_seal(&bsum);

    struct area expected = area_new(s.m, columns * 4, (columns + c_gap) * 4);
    for (size_t r = 0; r < s.m; r++)
        for (size_t j = 0; j < columns; j++) {
            int64_t sum = 0;
            for (size_t i = 0; i < s.k && j < s.n; i++)
                sum += (int64_t)(a.data[r * a.stride_bytes + i] - a_zero) * b[i * s.n + j];
            assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
            ((int32_t *)(void *)(expected.data + r * expected.stride_bytes))[j] = (int32_t)sum;
        }

    const struct so_kernels *const plain[] = {reference(), NULL};
    for (int round = 0; round < 2; round++)
        for (const struct so_kernels *const *level = round ? levels() : plain; *level; level++) {
            char what[120];
            snprintf(what, sizeof what, "product %zu x %zu x %zu, zero %d, patterns %d %d", s.m, s.n, s.k,
                     a_zero, a_pattern, b_pattern);
            struct area c = area_new(s.m, columns * 4, (columns + c_gap) * 4);
            (*level)->gemm_q8_s32(s.m, s.n, s.k, a.data, a.stride_bytes, a_zero, (const int8_t *)panels.data,
                                  (const int32_t *)(void *)bsum.data, (int32_t *)(void *)c.data,
                                  columns + c_gap);
            area_check(&c, what);
            area_same(&expected, &c, (*level)->level, what);
            area_free(&c);
        }
    area_free(&a), area_free(&panels), area_free(&bsum), area_free(&expected);
    free(b);
}

static void product_is_exact_around_every_tile_edge(void **state) {
    (void)state;
    static const size_t widths[] = {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65};
    random_seed(1);
    for (size_t m = 1; m <= 26; m++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            check_product((struct shape){m, widths[i], 1 + random_bits() % 70}, BYTES_RANDOM, BYTES_RANDOM,
                          i & 1 ? 128 : 0);
}

static void product_is_exact_for_every_small_width_and_depth(void **state) {
    (void)state;
    random_seed(2);
    for (size_t i = 1; i <= 70; i++) {
        check_product((struct shape){1 + random_bits() % 26, i, 1 + random_bits() % 70}, BYTES_RANDOM,
                      BYTES_RANDOM, 128);
        check_product((struct shape){1 + random_bits() % 26, 1 + random_bits() % 70, i}, BYTES_RANDOM,
                      BYTES_RANDOM, 0);
        check_product((struct shape){1 + random_bits() % 26, 1 + random_bits() % 70, i}, BYTES_RANDOM,
                      BYTES_RANDOM, 128);
    }
}

static void product_is_exact_for_rows_beyond_a_block(void **state) {
    (void)state;
    random_seed(3);
    static const size_t rows[] = {31, 32, 33, 48, 49, 95, 96, 97, 109, 193};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_product((struct shape){rows[i], 50, 24}, BYTES_RANDOM, BYTES_RANDOM, 128);
}

static void product_is_exact_for_extreme_values(void **state) {
    (void)state;
    random_seed(4);
    for (int a = 0; a < BYTES_PATTERNS; a++)
        for (int b = 0; b < BYTES_PATTERNS; b++)
            for (int zero = 0; zero <= 128; zero += 128) {
                check_product((struct shape){5, 33, 37}, (enum byte_pattern)a, (enum byte_pattern)b, zero);
                check_product((struct shape){13, 32, 64}, (enum byte_pattern)a, (enum byte_pattern)b, zero);
            }
}

static void product_of_depth_8192_is_exact_for_extreme_values(void **state) {
    (void)state;
    random_seed(5);
    for (int a = 0; a < BYTES_ZERO; a++)
        for (int b = 0; b < BYTES_ZERO; b++)
            check_product((struct shape){3, 17, 8192}, (enum byte_pattern)a, (enum byte_pattern)b, 128);
    check_product((struct shape){13, 33, 8191}, BYTES_RANDOM, BYTES_RANDOM, 128);
    check_product((struct shape){3, 17, 8192}, BYTES_HIGHEST, BYTES_LOWEST, 0);
}

static void product_of_the_greatest_depth_does_not_overflow(void **state) {
    (void)state;
    random_seed(6);
    check_product((struct shape){1, 1, SO_GEMM_MAX_K}, BYTES_LOWEST, BYTES_LOWEST, 128);
    check_product((struct shape){1, 1, SO_GEMM_MAX_K}, BYTES_HIGHEST, BYTES_LOWEST, 128);
    check_product((struct shape){2, 17, SO_GEMM_MAX_K}, BYTES_LOWEST, BYTES_HIGHEST, 128);
    check_product((struct shape){1, 1, 65793}, BYTES_HIGHEST, BYTES_LOWEST, 0); /* 255 * 128 * 65793 < 2^31 */
}

static void product_of_probabilities_is_exact_where_most_are_zero(void **state) {
    (void)state;
    random_seed(7);
    static const size_t rows[] = {1, 11, 12, 13, 25, 48},
                        depths[] = {1, 4, 63, 64, 65, 1500, 2048, 2049, 2100};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof depths / sizeof *depths; j++) {
            check_product((struct shape){rows[i], 64, depths[j]}, BYTES_RARE, BYTES_RANDOM, 0);
            check_product((struct shape){rows[i], 128, depths[j]}, BYTES_LOWEST, BYTES_RANDOM, 0);
            check_product((struct shape){rows[i], 64, depths[j]}, BYTES_RANDOM, BYTES_LOWEST, 0);
        }
    check_product((struct shape){1, 64, 1500}, BYTES_HIGHEST, BYTES_LOWEST, 0);
}

static void product_of_a_single_row_is_exact(void **state) {
    (void)state;
    random_seed(8);
    for (size_t n = 1; n <= 200; n += 1 + n / 8)
        for (int zero = 0; zero <= 128; zero += 128)
            for (int a = 0; a < BYTES_PATTERNS; a++)
                check_product((struct shape){1, n, 1 + random_bits() % 200}, (enum byte_pattern)a,
                              BYTES_RANDOM, zero);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_exact_around_every_tile_edge),
        cmocka_unit_test(product_is_exact_for_every_small_width_and_depth),
        cmocka_unit_test(product_is_exact_for_rows_beyond_a_block),
        cmocka_unit_test(product_is_exact_for_extreme_values),
        cmocka_unit_test(product_of_probabilities_is_exact_where_most_are_zero),
        cmocka_unit_test(product_of_a_single_row_is_exact),
        cmocka_unit_test(product_of_depth_8192_is_exact_for_extreme_values),
        cmocka_unit_test(product_of_the_greatest_depth_does_not_overflow)};
    return run_kernel_tests("gemm_q8", tests, sizeof tests / sizeof *tests, argc, argv);
}
