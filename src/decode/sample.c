#include "decode/sample.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/kernels.h"

int32_t so_sample_best(const float *logits, size_t n) {
    float max = so_kernels()->max_f32(n, logits);
    if (!(max > -INFINITY)) return -1;
    for (size_t i = 0; i < n; i++)
        if (logits[i] == max) return (int32_t)i;
    return -1;
}

int32_t so_sample_draw(const float *logits, size_t n, float temperature, const struct so_draw *draw, float *scratch) {
    if (so_sample_best(logits, n) < 0) return -1;
    memcpy(scratch, logits, n * sizeof *scratch);
    so_kernels()->softmax_f32(n, scratch, 1 / temperature);

    // The sum is taken in the order of the search, so that the last allowed token ends exactly at the total.
    double total = 0;
    for (size_t i = 0; i < n; i++)
        if (logits[i] > -INFINITY) total += (double)scratch[i];
    double target = so_uniform(draw) * total, sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(logits[i] > -INFINITY)) continue;
        sum += (double)scratch[i];
        if (sum > target) return (int32_t)i;
    }
    return so_sample_best(logits, n);
}
