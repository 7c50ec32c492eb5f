/** CTranslate2 files that nobody wrote. */
#include "foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    so_fuzz_foreign(&so_format_ctranslate2, data, size);
    return 0;
}
