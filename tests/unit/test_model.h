/** The real models, where they have been fetched: tests that need one skip themselves without it. After
 * cmocka.h. */
#ifndef SO_TESTS_TEST_MODEL_H
#define SO_TESTS_TEST_MODEL_H

#include <stdlib.h>
#include <unistd.h>

#include "model/model.h"

/**
 * Open the model that an environment variable names by its path, or NAME of the model folder. NULL if there
 * is none; a model that is there and does not open fails the test.
 */
static inline struct so_model *so_test_model(const char *variable, const char *name) {
    char path[4096];
    struct so_model *model = NULL;
    sotto_error err = {SOTTO_OK, ""};
    const char *given = getenv(variable);
    if (so_model_path(given && *given ? given : name, SO_INT8, path, sizeof path, &err)) return NULL;
    if (!(given && *given) && access(path, R_OK)) return NULL;
    if (so_model_map(path, &model, &err)) fail_msg("%s", err.message);
    return model;
}

#define SO_TEST_BASE so_test_model("SOTTO_TEST_MODEL", "base")
#define SO_TEST_TINY_EN so_test_model("SOTTO_TEST_MODEL_EN", "tiny.en")

#endif
