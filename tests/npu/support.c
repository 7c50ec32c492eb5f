#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state;
}

int8_t *make_matrix(size_t rows, size_t columns, enum fill fill, uint32_t seed) {
    int8_t *x = malloc(rows * columns + 1);
    if (!x) abort();
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            int v = 0;
            switch (fill) {
            case FILL_RANDOM: v = (int)(next(&seed) >> 24) - 128; break;
            case FILL_IDENTITY: v = i == j; break;
            case FILL_ZERO: break;
            case FILL_LOWEST: v = -128; break;
            case FILL_HIGHEST: v = 127; break;
            case FILL_MIXED: v = (i + j) % 2 ? 127 : -128; break;
            }
            x[i * columns + j] = (int8_t)v;
        }
    return x;
}

struct so_panels make_panels(const int8_t *b, size_t k, size_t n, void **memory) {
    size_t columns = so_round_up(n, SO_LANES), groups = (k + 3) / 4, head = so_round_up(columns * 4, SO_ALIGNMENT);
    char *at = so_calloc(1, head + columns * groups * 4);
    if (!at) abort();
    int32_t *sums = (int32_t *)at;
    int8_t *q = (int8_t *)(at + head);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) {
            q[((j / SO_LANES * groups + i / 4) * SO_LANES + j % SO_LANES) * 4 + i % 4] = b[i * n + j];
            sums[j] -= 128 * b[i * n + j];
        }
    *memory = at;
    return (struct so_panels){k, n, q, sums};
}

void plain_product(size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int32_t sum = 0;
            for (size_t l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
            c[i * n + j] = sum;
        }
}

void quick_product(size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c) {
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++) {
            int32_t x = a[i * k + l];
            for (size_t j = 0; j < n; j++) c[i * n + j] += x * b[l * n + j];
        }
}
