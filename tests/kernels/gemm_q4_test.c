/** The INT4 product is the exact sum, whatever the values, the shape and the level. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    size_t m, n, k;
};

enum values { RANDOM, LOWEST, HIGHEST, ZERO_STEPS, VALUES };

struct matrix {
    int8_t *halves; /* [n][k] */
    uint8_t *steps; /* [n][k / 32] */
};

static void fill(struct matrix *b, struct shape s, enum values values) {
    for (size_t i = 0; i < s.n * s.k; i++)
        b->halves[i] = (int8_t)(values == LOWEST    ? -8
                                : values == HIGHEST ? 7
                                                    : (int)(random_bits() % 16) - 8);
    for (size_t i = 0; i < s.n * s.k / SO_Q4_GROUP; i++)
        b->steps[i] = (uint8_t)(values == RANDOM ? random_bits() % 256 : values == ZERO_STEPS ? 0 : 255);
}

/** The layout that kernels.h defines, element by element. */
static void pack(const struct matrix *b, struct shape s, uint8_t *panels, int32_t *bsum) {
    const size_t groups = s.k / SO_Q4_GROUP, columns = (s.n + 15) / 16 * 16;
    memset(panels, 0, columns / 16 * groups * SO_Q4_GROUP_BYTES);
    memset(bsum, 0, columns * sizeof *bsum);
    for (size_t n = 0; n < columns; n++)
        for (size_t k = 0; k < s.k; k++) {
            uint8_t *group = panels + (n / 16 * groups + k / 32) * SO_Q4_GROUP_BYTES;
            const int half = n < s.n ? b->halves[n * s.k + k] : 0,
                      step = n < s.n ? b->steps[n * groups + k / 32] : 0;
            const size_t i = k % 32;
            group[64 * (i / 8) + 4 * (n % 16) + i % 4] |= (uint8_t)((half + 8) << (i % 8 < 4 ? 0 : 4));
            group[256 + n % 16] = (uint8_t)step;
            bsum[n] -= 128 * half * step;
        }
}

static void check_product(struct shape s, enum byte_pattern a_pattern, enum values values) {
    const size_t groups = s.k / SO_Q4_GROUP, columns = (s.n + 15) / 16 * 16;
    const size_t a_gap = random_bits() % 7, c_gap = random_bits() % 5;
    const size_t bytes = columns / 16 * groups * SO_Q4_GROUP_BYTES;
    struct area a = area_new(s.m, s.k, s.k + a_gap), panels = area_new(1, bytes, bytes),
                bsum = area_new(1, columns * 4, columns * 4);
    struct matrix b = {malloc(s.n * s.k), malloc(s.n * groups)};
    assert_non_null(b.halves);
    assert_non_null(b.steps);
    for (size_t r = 0; r < s.m; r++) fill_bytes(a.data + r * a.stride_bytes, s.k, a_pattern, true);
    fill(&b, s, values);
    pack(&b, s, panels.data, (int32_t *)(void *)bsum.data);
    area_seal(&a), area_seal(&panels), area_seal(&bsum);

    struct area expected = area_new(s.m, columns * 4, (columns + c_gap) * 4);
    for (size_t r = 0; r < s.m; r++)
        for (size_t j = 0; j < columns; j++) {
            int64_t sum = 0;
            for (size_t i = 0; i < s.k && j < s.n; i++)
                sum += (int64_t)(a.data[r * a.stride_bytes + i] - 128) * b.halves[j * s.k + i] *
                       b.steps[j * groups + i / 32];
            assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
            ((int32_t *)(void *)(expected.data + r * expected.stride_bytes))[j] = (int32_t)sum;
        }
    const struct so_kernels *const plain[] = {reference(), NULL};
    for (int round = 0; round < 2; round++)
        for (const struct so_kernels *const *level = round ? levels() : plain; *level; level++) {
            char what[120];
            snprintf(what, sizeof what, "INT4 product %zu x %zu x %zu, patterns %d %d", s.m, s.n, s.k,
                     a_pattern, values);
            struct area c = area_new(s.m, columns * 4, (columns + c_gap) * 4);
            (*level)->gemm_q4_s32(s.m, s.n, s.k, a.data, a.stride_bytes, panels.data,
                                  (const int32_t *)(void *)bsum.data, (int32_t *)(void *)c.data,
                                  columns + c_gap);
            area_check(&c, what);
            area_same(&expected, &c, (*level)->level, what);
            area_free(&c);
        }
    area_free(&a), area_free(&panels), area_free(&bsum), area_free(&expected);
    free(b.halves);
    free(b.steps);
}

static void product_is_exact_around_every_tile_edge(void **state) {
    (void)state;
    static const size_t widths[] = {1, 15, 16, 17, 33, 48};
    random_seed(1);
    for (size_t m = 1; m <= 26; m++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            check_product((struct shape){m, widths[i], SO_Q4_GROUP * (1 + random_bits() % 4)}, BYTES_RANDOM,
                          RANDOM);
}

static void product_is_exact_for_rows_beyond_a_block(void **state) {
    (void)state;
    static const size_t rows[] = {48, 95, 96, 97, 109, 193};
    random_seed(2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_product((struct shape){rows[i], 33, 64}, BYTES_RANDOM, RANDOM);
}

static void product_of_the_greatest_depth_is_exact_for_extreme_values(void **state) {
    (void)state;
    random_seed(3);
    for (int a = 0; a < BYTES_PATTERNS; a++)
        for (int b = 0; b < VALUES; b++) {
            check_product((struct shape){5, 17, 96}, (enum byte_pattern)a, (enum values)b);
            check_product((struct shape){3, 17, SO_Q4_MAX_K}, (enum byte_pattern)a, (enum values)b);
        }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_exact_around_every_tile_edge),
        cmocka_unit_test(product_is_exact_for_rows_beyond_a_block),
        cmocka_unit_test(product_of_the_greatest_depth_is_exact_for_extreme_values)};
    return run_kernel_tests("gemm_q4", tests, sizeof tests / sizeof *tests, argc, argv);
}
