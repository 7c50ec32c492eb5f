#include "model/pack.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/kernels.h"

#define SMALLEST_CHANNEL 1e-30f /* below, 127 / max would come near to overflow; no weight is that small */

bool so_all_finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

void so_pack_s8(const float *weights, size_t rows, size_t k, int8_t *panel, float *scale, int32_t *bsum) {
    memset(panel, 0, (k + 3) / 4 * 4 * SO_PANEL);
    memset(scale, 0, SO_PANEL * sizeof *scale);
    memset(bsum, 0, SO_PANEL * sizeof *bsum);
    for (size_t n = 0; n < rows; n++) {
        const float *row = weights + n * k;
        float max = 0;
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++) max = fmaxf(max, fabsf(row[i]));
        if (max < SMALLEST_CHANNEL) continue;
        const float inverse = 127.0f / max;
        for (size_t i = 0; i < k; i++) {
            int8_t q = (int8_t)rintf(row[i] * inverse);
            panel[(i / 4 * SO_PANEL + n) * 4 + i % 4] = q;
            sum += q;
        }
        scale[n] = max / 127.0f;
        bsum[n] = -128 * sum;
    }
}

void so_pack_s4(const int8_t *q, const uint8_t *steps, size_t rows, size_t k, uint8_t *panel, int32_t *bsum) {
    const size_t groups = k / SO_Q4_GROUP;
    memset(bsum, 0, SO_PANEL * sizeof *bsum);
    for (size_t g = 0; g < groups; g++, panel += SO_Q4_GROUP_BYTES) {
        memset(panel, 0x88, 256); /* values of 0 */
        memset(panel + 256, 0, SO_PANEL);
        for (size_t n = 0; n < rows; n++) {
            const int8_t *values = q + n * k + g * SO_Q4_GROUP;
            int32_t sum = 0;
            for (size_t i = 0; i < SO_Q4_GROUP; i++) {
                uint8_t *byte = &panel[i / 8 * 64 + 4 * n + i % 4];
                const unsigned half = (unsigned)(values[i] + 8);
                *byte = (uint8_t)(i & 4 ? (*byte & 15u) | half << 4 : (*byte & 240u) | half);
                sum += values[i];
            }
            panel[256 + n] = steps[n * groups + g];
            bsum[n] -= 128 * sum * steps[n * groups + g];
        }
    }
}

void so_pack_f32(const float *weights, size_t rows, size_t k, float *panel) {
    for (size_t i = 0; i < k; i++)
        for (size_t n = 0; n < SO_PANEL; n++) panel[i * SO_PANEL + n] = n < rows ? weights[n * k + i] : 0.0f;
}

void so_pack_taps(const float *filter, size_t inputs, float *out) {
    for (size_t tap = 0; tap < 3; tap++)
        for (size_t i = 0; i < inputs; i++) out[tap * inputs + i] = filter[i * 3 + tap];
}
