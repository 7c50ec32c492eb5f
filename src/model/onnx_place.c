#include <string.h>

#include "model/limits.h"
#include "model/onnx.h"
#include "util/memory.h"

enum { ONNX_FLOAT = 1, ONNX_FLOAT16 = 10, ONNX_BFLOAT16 = 16, ONNX_EXTERNAL = 1 };

static sotto_status take_number(const char *path, const SoOnnx__Tensor *tensor, enum so_number *number,
                                sotto_error *err) {
    switch (tensor->data_type) {
    case ONNX_FLOAT:
        *number = SO_NUMBER_F32;
        return SOTTO_OK;
    case ONNX_FLOAT16:
        *number = SO_NUMBER_F16;
        return SOTTO_OK;
    case ONNX_BFLOAT16:
        *number = SO_NUMBER_BF16;
        return SOTTO_OK;
    default:
        return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                       "%s: tensor %.100s is of ONNX type %d: import the float32 or float16 export", path,
                       tensor->name, (int)tensor->data_type);
    }
}

/** A number below 2^63 in decimal digits. */
static bool take_size(const char *text, uint64_t *out) {
    *out = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || *out > (UINT64_MAX >> 1) / 10 - 1) return false;
        *out = 10 * *out + (uint64_t)(*text - '0');
    }
    return true;
}

/** A file beside the graph, opened once. */
static sotto_status open_data(struct so_stored *stored, const char *path, const char *name,
                              struct so_infile **out, sotto_error *err) {
    char beside[SO_MAX_PATH];
    if (!strncmp(name, "./", 2)) name += 2;
    if (!so_path_beside(path, name, beside))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: '%.100s' is not a file beside it", path, name);
    for (size_t i = 0; i < stored->n_inputs; i++) {
        *out = stored->inputs[i];
        if (!strcmp(so_infile_path(*out), beside)) return SOTTO_OK;
    }
    if (stored->n_inputs == SO_MAX_SOURCE_FILES)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: more than %d files of weights", path, SO_MAX_SOURCE_FILES);
    sotto_status status = so_infile_open(beside, out, err);
    if (status) return status;
    status = so_stored_adopt(stored, *out, err);
    if (status) so_infile_close(*out);
    return status;
}

static sotto_status place_outside(struct so_stored *stored, const char *path, const SoOnnx__Tensor *tensor,
                                  uint64_t size, struct so_stored_tensor *place, sotto_error *err) {
    const char *location = NULL;
    uint64_t length = size;
    place->offset = 0;
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const SoOnnx__Entry *entry = tensor->external_data[i];
        bool good = true;
        if (!strcmp(entry->key, "location")) location = entry->value;
        if (!strcmp(entry->key, "offset")) good = take_size(entry->value, &place->offset);
        if (!strcmp(entry->key, "length")) good = take_size(entry->value, &length);
        if (!good)
            return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: place of tensor %.100s", path, tensor->name);
    }
    if (!location || length != size)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: size of tensor %.100s", path, tensor->name);
    sotto_status status = open_data(stored, path, location, &place->input, err);
    if (status) return status;
    const uint64_t whole = so_infile_size(place->input);
    if (place->offset > whole || size > whole - place->offset)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: truncated: tensor %.100s", so_infile_path(place->input),
                       tensor->name);
    return SOTTO_OK;
}

sotto_status so_onnx_place(struct so_stored *stored, const char *path, const SoOnnx__Tensor *tensor,
                           struct so_stored_tensor *place, sotto_error *err) {
    uint64_t shape[SO_PIECE_MAX_RANK], count;
    bool good = tensor->n_dims >= 1 && tensor->n_dims <= SO_PIECE_MAX_RANK;
    for (size_t i = 0; good && i < tensor->n_dims; i++) {
        good = tensor->dims[i] > 0;
        shape[i] = (uint64_t)tensor->dims[i];
    }
    if (!good || !so_shape_count(shape, (uint32_t)tensor->n_dims, &count))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: tensor %.100s of impossible shape", path,
                       tensor->name);
    sotto_status status = take_number(path, tensor, &place->number, err);
    if (status) return status;
    const uint64_t size = count * so_number_size(place->number);
    place->input = NULL;
    if (tensor->data_location == ONNX_EXTERNAL) return place_outside(stored, path, tensor, size, place, err);
    place->bytes = tensor->raw_data.data;
    if (place->number == SO_NUMBER_F32 && tensor->n_float_data == count)
        place->bytes = (const uint8_t *)tensor->float_data;
    else if (tensor->raw_data.len != size)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: size of tensor %.100s", path, tensor->name);
    return SOTTO_OK;
}
