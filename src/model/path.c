#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/limits.h"

static bool is_path(const char *name) {
    size_t length = strlen(name), suffix = strlen(".sotto");
    return strchr(name, '/') || (length > suffix && !strcmp(name + length - suffix, ".sotto"));
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

sotto_status so_model_folder(char *path, size_t size, sotto_error *err) {
    const char *models = variable("SOTTO_MODELS"), *cache = variable("XDG_CACHE_HOME"),
               *home = variable("HOME");
    int n;
    if (models)
        n = snprintf(path, size, "%s", models);
    else if (cache)
        n = snprintf(path, size, "%s/sotto", cache);
    else if (home)
        n = snprintf(path, size, "%s/.cache/sotto", home);
    else
        return so_fail(err, SOTTO_ERR_IO, "no folder for models: set SOTTO_MODELS, XDG_CACHE_HOME or HOME");
    if (n < 0 || (size_t)n >= size)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the model folder's path is too long");
    return SOTTO_OK;
}

sotto_status so_model_path(const char *name_or_path, enum so_precision precision, char *path, size_t size,
                           sotto_error *err) {
    int n;
    if (is_path(name_or_path)) {
        n = snprintf(path, size, "%s", name_or_path);
    } else {
        char folder[4096];
        if (!so_model_name_valid(name_or_path) || name_or_path[0] == '.')
            return so_fail(err, SOTTO_ERR_ARGUMENT, "'%s' is not the name of a model", name_or_path);
        sotto_status status = so_model_folder(folder, sizeof folder, err);
        if (status) return status;
        n = snprintf(path, size, "%s/%s%s.sotto", folder, name_or_path, precision == SO_F32 ? ".f32" : "");
    }
    if (n < 0 || (size_t)n >= size) return so_fail(err, SOTTO_ERR_ARGUMENT, "the model's path is too long");
    return SOTTO_OK;
}
