/** ONNX graphs that nobody wrote: one file as both halves. */
#include "foreign.h"
#include "model/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct so_infile *input;
    struct so_foreign *source;
    if (so_infile_memory(data, size, "fuzz", &input, NULL)) return 0;
    if (so_format_onnx.recognise(input) && !so_onnx_join(input, input, &source, NULL)) so_fuzz_source(source);
    so_infile_close(input);
    return 0;
}
