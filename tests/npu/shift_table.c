/*
 * The numbers of docs/npu-shift.md: what it costs to shift every K tile to 8 bits and add up, on Gaussian data of standard
 * deviation 42 (three of them are 127).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/xdna/tile.h"

static double gaussian(uint64_t *state) {
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        sum += (double)(*state >> 40) / 16777216.0;
    }
    return sum - 6;
}

static void fill(int8_t *x, size_t n, uint64_t *state) {
    for (size_t i = 0; i < n; i++) x[i] = (int8_t)fmin(127, fmax(-127, rint(42 * gaussian(state))));
}

/* Correlation, mean difference and standard deviation of the reference, of n pairs. */
static void compare(const double *x, const double *y, size_t n, double *correlation, double *bias) {
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        sx += x[i];
        sy += y[i];
        xx += x[i] * x[i];
        yy += y[i] * y[i];
        xy += x[i] * y[i];
    }
    double spread = sqrt((xx - sx * sx / count) * (yy - sy * sy / count));
    *correlation = spread > 0 ? (xy - sx * sy / count) / spread : 0;
    *bias = (sy - sx) / count;
}

int main(void) {
    enum { M = 128, N = 128 };
    static const size_t depths[] = {16, 64, 256, 512, 1024, 2048};
    static double exact[M * N], summed[M * N], clipped[M * N];
    static int32_t tiles[M * N];
    uint64_t state = 1;
    printf("   K   bias of the sum   correlation   after clipping to 8 bits: correlation, at the limits\n");
    for (size_t d = 0; d < sizeof depths / sizeof depths[0]; d++) {
        size_t k = depths[d], limits = 0;
        int8_t *a = malloc(M * k), *b = malloc(k * N);
        if (!a || !b) return 1;
        fill(a, M * k, &state);
        fill(b, k * N, &state);
        so_tiles_model(16, M, k, N, a, b, tiles);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                int32_t sum = 0;
                for (size_t l = 0; l < k; l++) sum += a[i * k + l] * b[l * N + j];
                exact[i * N + j] = sum / 128.0;
                summed[i * N + j] = tiles[i * N + j];
                clipped[i * N + j] = fmin(127, fmax(-128, tiles[i * N + j]));
                limits += tiles[i * N + j] >= 127 || tiles[i * N + j] <= -128;
            }
        double r, bias, rc, ignored;
        compare(exact, summed, M * N, &r, &bias);
        compare(exact, clipped, M * N, &rc, &ignored);
        printf("%4zu   %15.2f   %11.4f   %38.4f   %5.1f %%\n", k, bias, r, rc, 100.0 * (double)limits / (M * N));
        free(a);
        free(b);
    }
    return 0;
}
