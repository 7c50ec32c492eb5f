#include "model/foreign.h"

const struct so_foreign_format *const so_foreign_formats[] = {
    &so_format_safetensors, &so_format_safetensors_index, &so_format_ggml,
    &so_format_onnx,        &so_format_ctranslate2,       NULL};

sotto_status so_foreign_from(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    *out = NULL;
    for (size_t i = 0; so_foreign_formats[i]; i++)
        if (so_foreign_formats[i]->recognise(input)) return so_foreign_formats[i]->open(input, out, err);
    return so_fail(err, SOTTO_ERR_MODEL,
                   "%s: neither weights of CTranslate2 nor of safetensors, ggml or ONNX",
                   so_infile_path(input));
}

sotto_status so_foreign_open(const char *path, struct so_foreign **out, sotto_error *err) {
    struct so_infile *input;
    *out = NULL;
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    status = so_foreign_from(input, out, err);
    if (status) so_infile_close(input);
    return status;
}

void so_foreign_close(struct so_foreign *source) {
    if (source) source->format->close(source);
}
