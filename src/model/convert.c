#include "model/convert.h"

#include <stdint.h>
#include <string.h>

#include "model/blocks.h"
#include "model/infile.h"

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float so_half_to_float(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ffu;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f;
    return sign ? -value : value;
}

static const struct {
    uint16_t values, size;
} numbers[] = {
    [SO_NUMBER_F32] = {1, 4},      [SO_NUMBER_F16] = {1, 2},      [SO_NUMBER_BF16] = {1, 2},
    [SO_NUMBER_S8] = {1, 1},       [SO_NUMBER_Q4_0] = {32, 18},   [SO_NUMBER_Q4_1] = {32, 20},
    [SO_NUMBER_Q5_0] = {32, 22},   [SO_NUMBER_Q5_1] = {32, 24},   [SO_NUMBER_Q8_0] = {32, 34},
    [SO_NUMBER_Q4_K] = {256, 144}, [SO_NUMBER_Q5_K] = {256, 176}, [SO_NUMBER_Q6_K] = {256, 210},
};

size_t so_number_values(enum so_number number) {
    return numbers[number].values;
}

size_t so_number_size(enum so_number number) {
    return numbers[number].size;
}

void so_number_to_float(enum so_number number, const void *bytes, size_t n, float *out) {
    const uint8_t *b = bytes;
    const size_t values = numbers[number].values, size = numbers[number].size;
    switch (number) {
    case SO_NUMBER_F32:
        for (size_t i = 0; i < n; i++) out[i] = from_bits(so_u32(b + 4 * i));
        break;
    case SO_NUMBER_F16:
        for (size_t i = 0; i < n; i++) out[i] = so_half_to_float(so_u16(b + 2 * i));
        break;
    case SO_NUMBER_BF16:
        for (size_t i = 0; i < n; i++) out[i] = from_bits(so_u16(b + 2 * i) << 16);
        break;
    case SO_NUMBER_S8:
        for (size_t i = 0; i < n; i++) out[i] = (float)(int8_t)b[i];
        break;
    default:
        for (size_t i = 0; i < n / values; i++) so_block_to_float(number, b + i * size, out + i * values);
        break;
    }
}
