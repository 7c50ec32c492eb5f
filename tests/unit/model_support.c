#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[256];

const char *so_scratch_make(void) {
    const char *folder = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/sotto-test-XXXXXX", folder && *folder ? folder : "/tmp");
    assert_non_null(mkdtemp(scratch));
    return scratch;
}

void so_scratch_remove(void) {
    DIR *folder = opendir(scratch);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.') unlink(so_scratch(entry->d_name));
    closedir(folder);
    assert_int_equal(rmdir(scratch), 0);
}

const char *so_scratch(const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    int n = snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    assert_true(n > 0 && (size_t)n < sizeof paths[0]);
    return path;
}

void so_store(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (size) assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static uint8_t *allocate(size_t size) {
    void *bytes = NULL;
    assert_int_equal(posix_memalign(&bytes, 64, size ? size : 1), 0);
    return bytes;
}

uint8_t *so_load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = allocate(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

uint8_t *so_copy(const void *bytes, size_t size) {
    uint8_t *copy = allocate(size);
    if (size) memcpy(copy, bytes, size);
    return copy;
}

void so_fix_hash(uint8_t *bytes) {
    struct so_file_header *header = (struct so_file_header *)bytes;
    uint8_t hash[16];
    assert_int_equal(so_file_front_hash(bytes, header->front_size, hash, NULL), SOTTO_OK);
    memcpy(header->front_hash, hash, sizeof hash);
}

sotto_status so_try(const uint8_t *bytes, size_t size) {
    struct so_model *model;
    sotto_error err = {SOTTO_OK, ""};
    sotto_status status =
        so_model_from_bytes("test", bytes, size, (struct so_check_options){false}, &model, &err);
    if (status) {
        assert_null(model);
        assert_int_equal(err.code, status);
        assert_true(strlen(err.message) > 0);
    }
    so_model_unmap(model);
    return status;
}
