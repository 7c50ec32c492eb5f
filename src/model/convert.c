#include "model/convert.h"

#include <stdint.h>
#include <string.h>

#include "model/infile.h"

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static float from_half(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ffu;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
}

size_t so_number_size(enum so_number number) {
    switch (number) {
    case SO_NUMBER_F16:
    case SO_NUMBER_BF16:
        return 2;
    case SO_NUMBER_S8:
        return 1;
    case SO_NUMBER_F32:
        break;
    }
    return 4;
}

void so_number_to_float(enum so_number number, const void *bytes, size_t n, float *out) {
    const uint8_t *b = bytes;
    switch (number) {
    case SO_NUMBER_F32:
        for (size_t i = 0; i < n; i++) out[i] = from_bits(so_u32(b + 4 * i));
        break;
    case SO_NUMBER_F16:
        for (size_t i = 0; i < n; i++) out[i] = from_half(so_u16(b + 2 * i));
        break;
    case SO_NUMBER_BF16:
        for (size_t i = 0; i < n; i++) out[i] = from_bits(so_u16(b + 2 * i) << 16);
        break;
    case SO_NUMBER_S8:
        for (size_t i = 0; i < n; i++) out[i] = (float)(int8_t)b[i];
        break;
    }
}
