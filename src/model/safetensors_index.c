/**
 * Weights in several safetensors files: model.safetensors.index.json, {"weight_map": {tensor: file}}. Only
 * the names of the files are taken from it; what they hold they say themselves.
 */
#include <string.h>

#include "model/json.h"
#include "model/limits.h"
#include "model/safetensors.h"
#include "util/memory.h"

/** By its first bytes a safetensors file has a length there, and no other format begins with a bracket. */
static bool index_recognise(struct so_infile *input) {
    uint8_t first;
    return !so_infile_read(input, 0, &first, 1, NULL) && first == '{';
}

static bool is_open(const struct so_stored *stored, const char *path) {
    for (size_t i = 0; i < stored->n_inputs; i++)
        if (!strcmp(so_infile_path(stored->inputs[i]), path)) return true;
    return false;
}

static sotto_status add_file(struct so_stored *stored, const char *index, const char *name,
                             sotto_error *err) {
    char path[SO_MAX_PATH];
    struct so_infile *input;
    if (!name || !so_path_beside(index, name, path))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: '%s' is not a file beside it", index, name ? name : "");
    if (is_open(stored, path)) return SOTTO_OK;
    if (stored->n_inputs == SO_MAX_SOURCE_FILES)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: more than %d files", index, SO_MAX_SOURCE_FILES);
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    status = so_stored_adopt(stored, input, err);
    if (status)
        so_infile_close(input);
    else
        status = so_safetensors_add(stored, input, so_safetensors_rules, err);
    return status;
}

static sotto_status index_open(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    struct so_stored *stored = NULL;
    json_t *root, *file;
    const char *tensor;
    *out = NULL;
    sotto_status status = so_json_read(input, &root, err);
    if (status) return status;
    json_t *map = json_object_get(root, "weight_map");
    if (!json_object_size(map))
        status = so_fail(err, SOTTO_ERR_MODEL, "%s: not an index of weights", so_infile_path(input));
    else
        status = so_stored_create(&so_format_safetensors_index, 1, &stored, err);
    json_object_foreach(map, tensor, file) {
        if (!status) status = add_file(stored, so_infile_path(input), json_string_value(file), err);
    }
    json_decref(root);
    if (!status) status = so_stored_adopt(stored, input, err);
    if (!status)
        *out = &stored->source;
    else if (stored)
        so_stored_close(&stored->source);
    return status;
}

const struct so_foreign_format so_format_safetensors_index = {
    "safetensors in several files", index_recognise, index_open, so_stored_rows, so_stored_close, NULL};
