#include "decode/rng.h"

enum { ROUNDS = 10 };

void so_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    const uint32_t m0 = 0xD2511F53, m1 = 0xCD9E8D57; // multipliers and Weyl increments of the paper's table 2
    const uint32_t w0 = 0x9E3779B9, w1 = 0xBB67AE85;
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = (uint64_t)m0 * x0, p1 = (uint64_t)m1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += w0;
        k1 += w1;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

double so_uniform(const struct so_draw *draw) {
    uint32_t counter[4] = {draw->window, draw->attempt, draw->sequence, draw->step};
    uint32_t key[2] = {(uint32_t)draw->seed, (uint32_t)(draw->seed >> 32)};
    uint32_t word[4];
    so_philox(counter, key, word);
    uint64_t bits = ((uint64_t)word[0] << 21) | (word[1] >> 11);
    return (double)bits * 0x1p-53;
}
