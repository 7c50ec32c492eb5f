#include "backend/emulator/multiply.h"

#include "backend/xdna/array.h"

void emu_multiply(const int16_t *a, const int16_t *b, size_t k, int32_t *c) {
    for (size_t i = 0; i < SO_TILE_M; i++)
        for (size_t j = 0; j < SO_TILE_N; j++) {
            const int16_t *x = a + i * k, *y = b + j * k;
            int32_t sum = 0;
            /* An inner loop of known length is one that compilers vectorise. */
            for (size_t at = 0; at < k; at += SO_TILE_K)
                for (size_t l = 0; l < SO_TILE_K; l++) sum += x[at + l] * y[at + l];
            c[i * SO_TILE_N + j] = sum;
        }
}
