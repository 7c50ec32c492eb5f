/** ggml files that nobody wrote. */
#include <string.h>

#include "features/logmel.h"
#include "foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The filters would fill an input with bytes that no change gets past: one bit says that they stand in front
 * of what follows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    if (!(data[0] & 1) || size < 57) {
        so_fuzz_foreign(&so_format_ggml, data + 1, size - 1);
        return 0;
    }
    const uint32_t n_mels = data[41] == 128 ? 128 : 80;
    const size_t filters = (size_t)n_mels * 201 * sizeof(float), head = 56;
    uint8_t *whole = malloc(size - 1 + filters);
    float *values = malloc(filters);
    if (!whole || !values) abort();
    memcpy(whole, data + 1, head);
    so_mel_filters(n_mels, values);
    memcpy(whole + head, values, filters);
    memcpy(whole + head + filters, data + 1 + head, size - 1 - head);
    so_fuzz_foreign(&so_format_ggml, whole, size - 1 + filters);
    free(whole);
    free(values);
    return 0;
}
