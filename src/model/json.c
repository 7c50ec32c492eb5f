#include "model/json.h"

#include "model/infile.h"
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

sotto_status so_json_load(const char *path, json_t **out, sotto_error *err) {
    char *text;
    size_t size;
    *out = NULL;
    sotto_status status = so_infile_load(path, SO_MAX_JSON_BYTES, &text, &size, err);
    if (!status) status = so_json_parse(path, text, size, out, err);
    so_free(text);
    return status;
}
