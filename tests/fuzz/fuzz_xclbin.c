/* The xclbin reader, and the printing of what it read, on any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/xdna/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* An exact copy, so that a read past the end is one past an allocation. */
    uint8_t *bytes = malloc(size ? size : 1);
    FILE *out = fopen("/dev/null", "w");
    if (bytes && out) {
        memcpy(bytes, data, size);
        sotto_error err;
        so_xdna_inspect(bytes, size, out, &err);
    }
    if (out) fclose(out);
    free(bytes);
    return 0;
}
