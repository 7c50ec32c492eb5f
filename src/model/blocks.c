/*
 * The layouts, lo and hi the halves of a byte, d and m binary16:
 *   Q4_0  d | 16 bytes: values 0..15 are lo, 16..31 hi                       x = d (q - 8)
 *   Q4_1  d | m | 16 bytes                                                   x = d q + m
 *   Q5_0  d | u32 of fifth bits | 16 bytes                                   x = d (q - 16)
 *   Q5_1  d | m | u32 of fifth bits | 16 bytes                               x = d q + m
 *   Q8_0  d | 32 int8                                                        x = d q
 *   Q4_K  d | m | 8 scales and 8 minima of 6 bits in 12 bytes | 128 bytes    x = d scale q - m minimum, by 32
 * values Q5_K  the same with 32 bytes of fifth bits before the 128 Q6_K  128 bytes of low fours | 64 of high
 * twos | 16 int8 scales | d      x = d scale (q - 32), by 16 values
 */
#include "model/blocks.h"

#include "model/infile.h"

static float half_at(const uint8_t *bytes) {
    return so_half_to_float(so_u16(bytes));
}

/** 32 values of 4 or 5 bits: d q + m. `fifth`: the fifth bits, 0 if there are none. */
static void nibbles(const uint8_t *packed, uint32_t fifth, float d, float m, int zero, float *out) {
    for (unsigned i = 0; i < 16; i++) {
        int low = (int)((packed[i] & 15u) | (fifth >> i & 1u) << 4);
        int high = (int)((uint32_t)packed[i] >> 4 | (fifth >> (i + 16) & 1u) << 4);
        out[i] = (float)(low - zero) * d + m;
        out[i + 16] = (float)(high - zero) * d + m;
    }
}

/** Scale and minimum of the j-th 32 values, 6 bits each: the first four whole, the others in pieces. */
static void six_bits(const uint8_t *packed, unsigned j, unsigned *scale, unsigned *minimum) {
    if (j < 4) {
        *scale = packed[j] & 63u;
        *minimum = packed[j + 4] & 63u;
    } else {
        *scale = (packed[j + 4] & 15u) | ((unsigned)packed[j - 4] >> 6) << 4;
        *minimum = (unsigned)packed[j + 4] >> 4 | ((unsigned)packed[j] >> 6) << 4;
    }
}

/** Q4_K and Q5_K; fifth: 32 bytes of which bit j belongs to the j-th 32 values, or NULL. */
static void by_32(const uint8_t *block, const uint8_t *fifth, const uint8_t *packed, float *out) {
    const float d = half_at(block), m = half_at(block + 2);
    for (unsigned j = 0; j < 8; j++) {
        unsigned scale, minimum;
        six_bits(block + 4, j, &scale, &minimum);
        const float step = d * (float)scale, least = m * (float)minimum;
        for (unsigned i = 0; i < 32; i++) {
            unsigned byte = packed[j / 2 * 32 + i], q = j % 2 ? byte >> 4 : byte & 15u;
            if (fifth) q |= (fifth[i] >> j & 1u) << 4;
            out[32 * j + i] = step * (float)q - least;
        }
    }
}

static void by_16(const uint8_t *block, float *out) {
    const uint8_t *low = block, *high = block + 128, *scales = block + 192;
    const float d = half_at(block + 208);
    for (unsigned i = 0; i < 256; i++) {
        const unsigned half = i / 128, row = i % 128 / 32, column = i % 32;
        const unsigned fours = low[64 * half + row % 2 * 32 + column] >> (row / 2 * 4) & 15u;
        const unsigned twos = high[32 * half + column] >> (2 * row) & 3u;
        const int8_t scale = (int8_t)scales[i / 16];
        out[i] = d * (float)scale * (float)((int)(fours | twos << 4) - 32);
    }
}

void so_block_to_float(enum so_number number, const uint8_t *block, float *out) {
    switch (number) {
    case SO_NUMBER_Q4_0:
        nibbles(block + 2, 0, half_at(block), 0, 8, out);
        break;
    case SO_NUMBER_Q4_1:
        nibbles(block + 4, 0, half_at(block), half_at(block + 2), 0, out);
        break;
    case SO_NUMBER_Q5_0:
        nibbles(block + 6, so_u32(block + 2), half_at(block), 0, 16, out);
        break;
    case SO_NUMBER_Q5_1:
        nibbles(block + 8, so_u32(block + 4), half_at(block), half_at(block + 2), 0, out);
        break;
    case SO_NUMBER_Q8_0:
        for (unsigned i = 0; i < 32; i++) out[i] = half_at(block) * (float)(int8_t)block[2 + i];
        break;
    case SO_NUMBER_Q4_K:
        by_32(block, NULL, block + 16, out);
        break;
    case SO_NUMBER_Q5_K:
        by_32(block, block + 16, block + 48, out);
        break;
    case SO_NUMBER_Q6_K:
        by_16(block, out);
        break;
    case SO_NUMBER_F32:
    case SO_NUMBER_F16:
    case SO_NUMBER_BF16:
    case SO_NUMBER_S8:
        break;
    }
}
