#include "model/source.h"

const struct so_format *const so_formats[] = {&so_format_safetensors, &so_format_ctranslate2, NULL};

sotto_status so_source_open(const char *path, struct so_source **out, sotto_error *err) {
    struct so_infile *input;
    *out = NULL;
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    status = SOTTO_ERR_MODEL;
    for (size_t i = 0; so_formats[i]; i++) {
        if (!so_formats[i]->recognise(input)) continue;
        status = so_formats[i]->open(input, out, err);
        if (status) so_infile_close(input);
        return status;
    }
    so_infile_close(input);
    return so_fail(err, status, "%s: neither CTranslate2 nor safetensors weights", path);
}

void so_source_close(struct so_source *source) {
    if (source) source->format->close(source);
}
