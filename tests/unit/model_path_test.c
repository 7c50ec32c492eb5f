/** Where a model is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "util/compiler.h"

static void set(const char *models, const char *cache, const char *home) {
    static const char *const names[] = {"SOTTO_MODELS", "XDG_CACHE_HOME", "HOME"};
    const char *values[] = {models, cache, home};
    for (size_t i = 0; i < SO_COUNT(names); i++) {
        if (values[i])
            setenv(names[i], values[i], 1);
        else
            unsetenv(names[i]);
    }
}

static void the_folder_is_the_first_that_the_environment_names(void **state) {
    (void)state;
    char path[64];
    set("/models", "/cache", "/home/me");
    assert_int_equal(so_model_folder(path, sizeof path, NULL), SOTTO_OK);
    assert_string_equal(path, "/models");
    set("", "/cache", "/home/me"); /* empty counts as not set */
    assert_int_equal(so_model_folder(path, sizeof path, NULL), SOTTO_OK);
    assert_string_equal(path, "/cache/sotto");
    set(NULL, NULL, "/home/me");
    assert_int_equal(so_model_folder(path, sizeof path, NULL), SOTTO_OK);
    assert_string_equal(path, "/home/me/.cache/sotto");
    set(NULL, NULL, NULL);
    assert_int_equal(so_model_folder(path, sizeof path, NULL), SOTTO_ERR_IO);
}

static void a_name_is_looked_up_and_a_path_is_taken_as_it_is(void **state) {
    (void)state;
    static const struct {
        const char *given;
        enum so_precision precision;
        const char *path;
    } cases[] = {
        {"base", SO_INT8, "/m/base.sotto"},
        {"base", SO_F32, "/m/base.f32.sotto"},
        {"tiny.en", SO_INT8, "/m/tiny.en.sotto"},
        {"a b'\"", SO_INT8, "/m/a b'\".sotto"},
        {"./x", SO_INT8, "./x"},
        {"/a/b", SO_F32, "/a/b"},
        {"x.sotto", SO_F32, "x.sotto"},
        {"dir/", SO_INT8, "dir/"},
        {"sotto", SO_INT8, "/m/sotto.sotto"},
    };
    set("/m", NULL, NULL);
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        char path[64];
        assert_int_equal(so_model_path(cases[i].given, cases[i].precision, path, sizeof path, NULL),
                         SOTTO_OK);
        assert_string_equal(path, cases[i].path);
    }
}

static void what_cannot_be_a_name_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "",
        ".",
        "..",
        ".hidden",
        "a\nb",
        ".sotto",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    set("/m", NULL, NULL);
    for (size_t i = 0; i < SO_COUNT(names); i++) {
        char path[256];
        assert_int_equal(so_model_path(names[i], SO_INT8, path, sizeof path, NULL), SOTTO_ERR_ARGUMENT);
    }
}

static void a_path_that_does_not_fit_is_refused(void **state) {
    (void)state;
    char path[16];
    set("/models", NULL, NULL);
    assert_int_equal(so_model_path("12", SO_INT8, path, sizeof path, NULL),
                     SOTTO_ERR_ARGUMENT); /* 16 with .sotto, no NUL */
    assert_int_equal(so_model_path("1", SO_INT8, path, sizeof path, NULL), SOTTO_OK);
    assert_int_equal(so_model_path("/345678901234567", SO_INT8, path, sizeof path, NULL), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_model_folder(path, 7, NULL), SOTTO_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_is_the_first_that_the_environment_names),
        cmocka_unit_test(a_name_is_looked_up_and_a_path_is_taken_as_it_is),
        cmocka_unit_test(what_cannot_be_a_name_is_refused),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("model paths", tests, NULL, NULL);
}
