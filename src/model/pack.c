#include "model/pack.h"

#include <math.h>
#include <string.h>

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

void so_pack_f32(const float *weights, size_t rows, size_t k, float *panel) {
    for (size_t i = 0; i < k; i++)
        for (size_t n = 0; n < SO_PANEL; n++) panel[i * SO_PANEL + n] = n < rows ? weights[n * k + i] : 0.0f;
}

void so_pack_taps(const float *filter, size_t inputs, float *out) {
    for (size_t tap = 0; tap < 3; tap++)
        for (size_t i = 0; i < inputs; i++) out[tap * inputs + i] = filter[i * 3 + tap];
}
