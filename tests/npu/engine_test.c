/* Products through the device code and the device model: the same integers as plain C, and no product twice. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backend/emulator/emulator.h"
#include "support.h"
#include "util/memory.h"

static struct so_backend *open_backend(struct so_backend_options options) {
    struct so_backend *b;
    sotto_error err = {0};
    options.kind = SO_BACKEND_EMULATOR;
    if (so_backend_open(&options, &b, &err) != SOTTO_OK) fail_msg("%s", err.message);
    return b;
}

/* One product compared with plain C. */
static void check(struct so_backend *b, size_t m, size_t k, size_t n, enum fill fill_a, enum fill fill_b, bool changing) {
    int8_t *a = make_matrix(m, k, fill_a, (uint32_t)(m * 7 + k)), *w = make_matrix(k, n, fill_b, (uint32_t)(n + 3));
    void *memory;
    struct so_panels panels = make_panels(w, k, n, &memory);
    int32_t *expected = malloc(m * n * 4), *c;
    size_t ldc;
    quick_product(m, k, n, a, w, expected);
    struct so_product p = {.m = m, .a_s8 = a, .lda = k, .b = panels, .changing = changing};
    struct so_ticket *ticket;
    assert_true(so_backend_wants(b, m, k, n, false));
    assert_true(so_backend_submit(b, &p, 1, &ticket));
    assert_true(so_backend_wait(b, ticket, &c, &ldc));
    for (size_t i = 0; i < m; i++) assert_memory_equal(c + i * ldc, expected + i * n, n * 4);
    so_backend_release(b, ticket);
    free(a);
    free(w);
    free(expected);
    so_free(memory);
}

static void products_of_any_size_are_exact(void **state) {
    (void)state;
    static const size_t size[][3] = {{1, 1, 1}, {3, 5, 7}, {255, 63, 255}, {256, 64, 256}, {257, 65, 257}, {64, 512, 300},
                                     {600, 64, 700}, {1300, 20, 20}, {5, 20, 16640}};
    struct so_backend *b = open_backend((struct so_backend_options){.all = true});
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
        check(b, size[i][0], size[i][1], size[i][2], FILL_RANDOM, FILL_RANDOM, true);
    so_backend_close(b);
}

static void long_sums_do_not_wrap(void **state) {
    (void)state;
    struct so_backend *b = open_backend((struct so_backend_options){.all = true});
    check(b, 2, 16448, 3, FILL_LOWEST, FILL_LOWEST, true);
    so_backend_close(b);
}

static void weights_go_over_once(void **state) {
    (void)state;
    struct so_emulator *emulator = so_emulator_create(&(struct so_emulator_options){.device_addresses = true});
    struct so_backend *b = open_backend((struct so_backend_options){.emulator = emulator, .all = true});
    size_t m = 300, k = 256, n = 256;
    int8_t *a = make_matrix(m, k, FILL_RANDOM, 1), *w = make_matrix(k, n, FILL_RANDOM, 2);
    void *memory;
    struct so_panels panels = make_panels(w, k, n, &memory);
    int32_t *c = malloc(m * n * 4), *expected = malloc(m * n * 4);
    quick_product(m, k, n, a, w, expected);
    struct so_product p = {.m = m, .a_s8 = a, .lda = k, .b = panels};
    assert_true(so_backend_compute(b, &p, c, n));
    struct so_backend_stats first, second;
    so_backend_statistics(b, &first);
    assert_int_equal(first.resident, k * n);
    for (int i = 0; i < 5; i++) {
        memset(c, 0x55, m * n * 4);
        assert_true(so_backend_compute(b, &p, c, n));
        assert_memory_equal(c, expected, m * n * 4);
    }
    so_backend_statistics(b, &second);
    assert_int_equal(second.resident, first.resident);
    assert_int_equal(second.bytes_to - first.bytes_to, 5 * m * k); /* activations only */
    assert_int_equal(second.products, 6);
    assert_int_equal(second.fallbacks, 0);
    uint64_t completions;
    assert_true(so_backend_completions(b, &completions));
    struct so_emulator_counts counts;
    so_emulator_count(emulator, &counts);
    assert_int_equal(completions, counts.completed);
    so_backend_close(b);
    so_emulator_count(emulator, &counts);
    assert_int_equal(counts.buffers + counts.contexts + counts.mappings + counts.open_files, 0);
    so_emulator_free(emulator);
    free(a);
    free(w);
    free(c);
    free(expected);
    so_free(memory);
}

static void unsigned_probabilities_are_exact(void **state) {
    (void)state;
    struct so_backend *b = open_backend((struct so_backend_options){.all = true, .attention = true});
    size_t m = 48, k = 1500, n = 64;
    uint8_t *p = malloc(m * k);
    for (size_t i = 0; i < m * k; i++) p[i] = (uint8_t)(i * 37 % 256);
    int8_t *v = make_matrix(k, n, FILL_RANDOM, 9);
    void *memory;
    struct so_panels panels = make_panels(v, k, n, &memory);
    struct so_product product = {.m = m, .a = p, .lda = k, .a_zero = 0, .b = panels, .changing = true};
    /* Twice: what the host added to the first result must not leak into the second. */
    for (int round = 0; round < 2; round++) {
        struct so_ticket *ticket;
        int32_t *c;
        size_t ldc;
        assert_true(so_backend_submit(b, &product, 1, &ticket));
        assert_true(so_backend_wait(b, ticket, &c, &ldc));
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                int32_t sum = 0;
                for (size_t l = 0; l < k; l++) sum += p[i * k + l] * v[l * n + j];
                assert_int_equal(c[i * ldc + j], sum);
            }
        so_backend_release(b, ticket);
    }
    so_backend_close(b);
    free(p);
    free(v);
    so_free(memory);
}

/* check_every 1: each product, of weights, of two operands that change, and of unsigned probabilities, is computed again. */
static void any_product_can_be_computed_again(void **state) {
    (void)state;
    struct so_backend *b = open_backend((struct so_backend_options){.all = true, .check_every = 1});
    check(b, 70, 100, 90, FILL_RANDOM, FILL_RANDOM, false);
    check(b, 300, 130, 257, FILL_RANDOM, FILL_MIXED, true);
    int8_t *v = make_matrix(60, 64, FILL_RANDOM, 9);
    uint8_t p[5 * 60];
    void *memory;
    for (size_t i = 0; i < sizeof p; i++) p[i] = (uint8_t)(i * 37);
    struct so_product product = {.m = 5, .a = p, .lda = 60, .b = make_panels(v, 60, 64, &memory), .changing = true};
    struct so_ticket *ticket;
    int32_t *c;
    size_t ldc;
    assert_true(so_backend_submit(b, &product, 1, &ticket));
    assert_true(so_backend_wait(b, ticket, &c, &ldc));
    so_backend_release(b, ticket);
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.checked, 3);
    assert_int_equal(stats.failures, 0);
    so_backend_close(b);
    free(v);
    so_free(memory);
}

static void many_products_go_in_one_submission(void **state) {
    (void)state;
    struct so_backend *b = open_backend((struct so_backend_options){.all = true});
    enum { N = 70 }; /* more than one chain holds */
    struct so_product products[N];
    struct so_ticket *tickets[N];
    int8_t *a[N], *w = make_matrix(64, 256, FILL_RANDOM, 4);
    void *memory;
    struct so_panels panels = make_panels(w, 64, 256, &memory);
    for (size_t i = 0; i < N; i++) {
        a[i] = make_matrix(4, 64, FILL_RANDOM, (uint32_t)i);
        products[i] = (struct so_product){.m = 4, .a_s8 = a[i], .lda = 64, .b = panels};
    }
    assert_true(so_backend_submit(b, products, N, tickets));
    for (size_t i = N; i-- > 0;) {
        int32_t *c, expected[4 * 256];
        size_t ldc;
        assert_true(so_backend_wait(b, tickets[i], &c, &ldc));
        plain_product(4, 64, 256, a[i], w, expected);
        for (size_t r = 0; r < 4; r++) assert_memory_equal(c + r * ldc, expected + r * 256, 256 * 4);
        so_backend_release(b, tickets[i]);
        free(a[i]);
    }
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.dispatches, N);
    assert_int_equal(stats.submissions, 2);
    so_backend_close(b);
    free(w);
    so_free(memory);
}

static void the_planner_leaves_few_rows_to_the_cpu(void **state) {
    (void)state;
    struct so_backend *b = open_backend((struct so_backend_options){0});
    assert_false(so_backend_wants(b, 5, 512, 512, false));
    assert_true(so_backend_wants(b, 1500, 64, 512, false));
    assert_false(so_backend_wants(b, 1500, 64, 1500, true));
    struct so_backend_stats stats;
    so_backend_statistics(b, &stats);
    assert_int_equal(stats.declined, 2);
    assert_int_equal(stats.fallbacks, 0);
    so_backend_close(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_any_size_are_exact),  cmocka_unit_test(long_sums_do_not_wrap),
        cmocka_unit_test(weights_go_over_once),            cmocka_unit_test(unsigned_probabilities_are_exact),
        cmocka_unit_test(any_product_can_be_computed_again),
        cmocka_unit_test(many_products_go_in_one_submission), cmocka_unit_test(the_planner_leaves_few_rows_to_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
