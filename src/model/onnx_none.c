/** A build without protobuf-c: ONNX files are recognised by no format. */
#include "model/foreign.h"

static bool recognise(struct so_infile *input) {
    (void)input;
    return false;
}

const struct so_foreign_format so_format_onnx = {"ONNX", recognise, NULL, NULL, NULL, NULL};
