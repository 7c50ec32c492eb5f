#include "model/json.h"

#include "model/limits.h"
#include "util/memory.h"

/** Brackets and separators outside strings bound what a parser can come to build. */
static bool within_limits(const char *text, size_t size) {
    size_t depth = 0, values = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == '[' || c == '{')
            depth++, values++;
        else if ((c == ']' || c == '}') && depth)
            depth--;
        else if (c == ',' || c == ':')
            values++;
        if (depth > SO_JSON_MAX_DEPTH || values > SO_JSON_MAX_VALUES) return false;
    }
    return true;
}

sotto_status so_json_parse(const char *path, const char *text, size_t size, json_t **out, sotto_error *err) {
    json_error_t error;
    *out = NULL;
    if (!within_limits(text, size))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: JSON too deep or of too many values", path);
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!*out)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: not valid JSON: line %d: %s", path, error.line, error.text);
    return SOTTO_OK;
}

sotto_status so_json_read(struct so_infile *input, json_t **out, sotto_error *err) {
    const uint64_t size = so_infile_size(input);
    *out = NULL;
    if (size > SO_MAX_JSON_BYTES)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: larger than the limit of %u bytes", so_infile_path(input),
                       SO_MAX_JSON_BYTES);
    char *text = so_alloc(1, (size_t)size + 1);
    if (!text) return so_fail_memory(err, (size_t)size, "a JSON file");
    sotto_status status = so_infile_read(input, 0, text, (size_t)size, err);
    if (!status) status = so_json_parse(so_infile_path(input), text, (size_t)size, out, err);
    so_free(text);
    return status;
}

sotto_status so_json_load(const char *path, json_t **out, sotto_error *err) {
    struct so_infile *input;
    *out = NULL;
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    status = so_json_read(input, out, err);
    so_infile_close(input);
    return status;
}
