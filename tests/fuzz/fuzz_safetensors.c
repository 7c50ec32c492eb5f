/** Safetensors files that nobody wrote. */
#include "foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    so_fuzz_foreign(&so_format_safetensors, data, size);
    return 0;
}
