/*
 * Why the device's answers can be believed. Every product: C times a vector must be A times (B times that vector), modulo
 * 2^32 (Freivalds 1977; row checksums: Huang and Abraham 1984); with odd weights no single wrong bit passes. One product in
 * many and every shape's first: all bytes against the CPU.
 */
#include <string.h>

#include "backend/xdna/engine_check.h"
#include "util/memory.h"

bool so_xdna_sums_match(const struct so_ticket *t) {
    const uint32_t *check = t->matrix ? t->matrix->check : t->check;
    size_t k = t->product.b.k, columns = so_round_up(t->columns, SO_CHECK_LANES);
    for (size_t i = 0; i < t->product.m; i++) {
        const int8_t *a = (const int8_t *)t->a.map + i * t->shape.k;
        const int32_t *c = (const int32_t *)t->c.map + i * t->shape.n;
        uint32_t lane[SO_CHECK_LANES] = {0}, expected = 0, sum = 0;
        for (size_t j = 0; j < columns; j += SO_CHECK_LANES)
            for (size_t l = 0; l < SO_CHECK_LANES; l++) lane[l] += (uint32_t)c[j + l];
        for (size_t l = 0; l < SO_CHECK_LANES; l++) sum += lane[l] * so_xdna_check_weight[l];
        for (size_t j = 0; j < k; j++) expected += (uint32_t)(int32_t)a[j] * check[j];
        if (sum != expected) return false;
    }
    return true;
}

/* Rows of C, columns from `column` on, against one matrix' product by the kernels. */
static bool columns_match(const struct so_xdna_backend *x, const struct so_ticket *t,
                          const struct so_panels *p, size_t column, uint8_t *a, int32_t *c) {
    size_t columns = so_round_up(p->n, SO_LANES), k = so_round_up(p->k, 4);
    for (size_t i = 0; i < t->product.m; i++) {
        const int8_t *staged = (const int8_t *)t->a.map + i * t->shape.k;
        memset(a, 128, k);
        for (size_t j = 0; j < p->k; j++) a[j] = (uint8_t)(staged[j] ^ 0x80);
        x->base.kernels->gemm_q8_s32(1, p->n, p->k, a, k, 128, p->q, p->sums, c, columns);
        if (memcmp(c, (const int32_t *)t->c.map + i * t->shape.n + column, p->n * sizeof *c) != 0)
            return false;
    }
    return true;
}

/* An operand that changes is only in the device's buffer any more: plain C over what was staged. */
static bool changing_matches(const struct so_ticket *t) {
    size_t k = t->product.b.k, n = t->product.b.n;
    int8_t *b = so_alloc(k, n);
    int32_t *c = so_alloc(n, sizeof *c);
    bool same = b && c;
    for (size_t i = 0; i < k && same; i++)
        for (size_t j = 0; j < n; j++) b[i * n + j] = (int8_t)t->b.map[so_xdna_b_place(t->shape, t->overlay->stock, i, j)];
    for (size_t r = 0; r < t->product.m && same; r++) {
        const int8_t *a = (const int8_t *)t->a.map + r * t->shape.k;
        memset(c, 0, n * sizeof *c);
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < n; j++) c[j] += a[i] * b[i * n + j];
        same = memcmp(c, (const int32_t *)t->c.map + r * t->shape.n, n * sizeof *c) == 0;
    }
    so_free(b);
    so_free(c);
    return same;
}

bool so_xdna_bytes_match(const struct so_xdna_backend *x, const struct so_ticket *t) {
    if (!t->matrix) return changing_matches(t);
    const struct so_xdna_matrix *m = t->matrix;
    size_t column = so_round_up(m->panels.n, SO_LANES);
    int32_t *c = so_alloc(so_round_up(t->columns, SO_LANES), sizeof *c);
    uint8_t *a = so_alloc(so_round_up(m->panels.k, 4), 1);
    bool same = c && a && columns_match(x, t, &m->panels, 0, a, c);
    for (size_t i = 0; i < m->n_beside && same; i++) {
        same = columns_match(x, t, &m->beside[i], column, a, c);
        column += so_round_up(m->beside[i].n, SO_LANES);
    }
    so_free(c);
    so_free(a);
    return same;
}

/* A generator for test patterns (Marsaglia 2003, xorshift). */
static uint32_t next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

enum pattern { IDENTITY, LOWEST, HIGHEST, MIXED, RANDOM, ALL };

/* Entry `at` of the k of a line, which is a row of A or a column of B. */
static int8_t value_of(enum pattern pattern, size_t line, size_t at, size_t k, uint32_t *state) {
    switch (pattern == ALL ? (enum pattern)(line % ALL) : pattern) {
    case IDENTITY:
        return at == line % k;
    case LOWEST:
        return -128;
    case HIGHEST:
        return 127;
    case MIXED:
        return (at + line) % 2 ? 127 : -128;
    default:
        return (int8_t)(next(state) >> 11);
    }
}

/* Panels with their sums in one allocation, 64-byte aligned: sums first. */
static bool make_panels(size_t k, size_t n, enum pattern pattern, uint32_t seed, void **memory, struct so_panels *out) {
    size_t columns = so_round_up(n, SO_LANES), groups = (k + 3) / 4;
    char *at = so_calloc(1, columns * 4 + SO_ALIGNMENT + columns * groups * 4);
    *memory = at;
    if (!at) return false;
    int32_t *sums = (int32_t *)at;
    int8_t *q = (int8_t *)(at + so_round_up(columns * 4, SO_ALIGNMENT));
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < k; i++) {
            int8_t v = value_of(pattern, j, i, k, &seed);
            q[((j / SO_LANES * groups + i / 4) * SO_LANES + j % SO_LANES) * 4 + i % 4] = v;
            sums[j] -= 128 * v;
        }
    *out = (struct so_panels){k, n, q, sums};
    return true;
}

/* One product of test patterns through submit and wait, compared with the kernels' answer. */
static bool try_product(struct so_xdna_backend *x, size_t m, size_t k, size_t n, enum pattern pattern_a, enum pattern pattern_b) {
    void *memory = NULL;
    struct so_panels panels;
    size_t columns = so_round_up(n, SO_LANES), ka = so_round_up(k, 4);
    uint8_t *a = so_alloc(m * ka, 1);
    int32_t *expected = so_alloc(columns, sizeof *expected), *c;
    bool good = make_panels(k, n, pattern_b, 88172645u + (uint32_t)(k * 31 + n), &memory, &panels) && a && expected;
    uint32_t state = 2463534242u + (uint32_t)m;
    for (size_t i = 0; good && i < m * ka; i++)
        a[i] = (uint8_t)(value_of(pattern_a, i / ka, i % ka, k, &state) ^ 0x80);
    struct so_product p = {
        .m = m, .a = a, .lda = ka, .a_zero = 128, .b = panels, .changing = true, .trial = true};
    struct so_ticket *ticket;
    size_t ldc;
    if (good && so_backend_submit(&x->base, &p, 1, &ticket)) {
        good = so_backend_wait(&x->base, ticket, &c, &ldc);
        for (size_t i = 0; i < m && good; i++) {
            x->base.kernels->gemm_q8_s32(1, n, k, a + i * ka, ka, 128, panels.q, panels.sums, expected, columns);
            good = memcmp(expected, c + i * ldc, n * sizeof *c) == 0;
        }
        so_backend_release(&x->base, ticket);
    } else {
        good = false;
    }
    so_free(memory);
    so_free(a);
    so_free(expected);
    return good;
}

bool so_xdna_try_shape(struct so_xdna_backend *x, struct so_gemm_shape s) {
    return try_product(x, s.m, s.k, s.n, ALL, ALL);
}

sotto_status so_xdna_known_answers(struct so_xdna_backend *x, sotto_error *err) {
    static const struct {
        size_t m, k, n;
        enum pattern a, b;
        const char *name;
    } cases[] = {
        {256, 64, 256, RANDOM, IDENTITY, "identity"},
        {256, 64, 256, LOWEST, LOWEST, "lowest times lowest"},
        {250, 192, 200, MIXED, HIGHEST, "extremes"},
        {300, 130, 257, RANDOM, RANDOM, "random numbers, K over one tile"},
        {256, 192, 256, RANDOM, RANDOM, "random numbers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct so_gemm_shape shape;
        if (!so_xdna_overlay_for(x, cases[i].m, cases[i].k, cases[i].n, &shape))
            break; /* stock configurations only */
        if (!try_product(x, cases[i].m, cases[i].k, cases[i].n, cases[i].a, cases[i].b))
            return so_fail(err, SOTTO_ERR_DEVICE, "the NPU failed its check at the start (%s)",
                           cases[i].name);
    }
    return SOTTO_OK;
}
