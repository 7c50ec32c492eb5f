#include "decode/compress.h"

#include <zlib.h>

#include "util/memory.h"

sotto_status so_compression_ratio(const char *text, size_t length, float *ratio, sotto_error *err) {
    *ratio = 0;
    uLongf packed = compressBound((uLong)length);
    Bytef *scratch = so_alloc(packed, 1);
    if (!scratch) return so_fail_memory(err, packed, "the compression ratio");
    int failed = compress(scratch, &packed, (const Bytef *)text, (uLong)length);
    so_free(scratch);
    if (failed != Z_OK) return so_fail_memory(err, packed, "the compression ratio");
    *ratio = (float)((double)length / (double)packed);
    return SOTTO_OK;
}
