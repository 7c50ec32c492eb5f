#include "model/infile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/memory.h"

struct so_infile {
    int fd;            /* -1: `bytes` */
    const char *bytes; /* [size] */
    void *view;        /* the file mapped, or NULL */
    uint64_t size;
    char path[SO_MAX_PATH];
};

bool so_infile_exists(const char *path, bool folder) {
    struct stat info;
    return !stat(path, &info) && (folder ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode));
}

bool so_path_beside(const char *path, const char *name, char out[SO_MAX_PATH]) {
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0, length = strlen(name);
    if (!length || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) return false;
    if (folder + length >= SO_MAX_PATH) return false;
    memcpy(out, path, folder);
    memcpy(out + folder, name, length + 1);
    return true;
}

sotto_status so_infile_open(const char *path, struct so_infile **out, sotto_error *err) {
    struct stat info;
    sotto_status status = SOTTO_OK;
    *out = NULL;
    if (strlen(path) >= SO_MAX_PATH) return so_fail(err, SOTTO_ERR_ARGUMENT, "a path is too long");
    struct so_infile *input = so_calloc(1, sizeof *input);
    if (!input) return so_fail_memory(err, sizeof *input, "an input file");
    strncpy(input->path, path, sizeof input->path - 1);
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (input->fd < 0 || fstat(input->fd, &info))
        status = so_fail(err, SOTTO_ERR_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = so_fail(err, SOTTO_ERR_MODEL, "%s: not a regular file", path);
    else
        input->size = (uint64_t)info.st_size;
    if (status)
        so_infile_close(input);
    else
        *out = input;
    return status;
}

sotto_status so_infile_memory(const void *bytes, size_t size, const char *name, struct so_infile **out,
                              sotto_error *err) {
    struct so_infile *input = so_calloc(1, sizeof *input);
    *out = input;
    if (!input) return so_fail_memory(err, sizeof *input, "an input file");
    strncpy(input->path, name, sizeof input->path - 1);
    input->fd = -1;
    input->bytes = bytes;
    input->size = size;
    return SOTTO_OK;
}

void so_infile_close(struct so_infile *input) {
    if (!input) return;
    so_infile_unview(input);
    if (input->fd >= 0) close(input->fd);
    so_free(input);
}

sotto_status so_infile_view(struct so_infile *input, const uint8_t **bytes, sotto_error *err) {
    *bytes = (const uint8_t *)input->bytes;
    if (input->fd < 0) return SOTTO_OK;
    if (!input->size) return so_fail(err, SOTTO_ERR_MODEL, "%s: empty", input->path);
    if (!input->view) {
        void *view = mmap(NULL, (size_t)input->size, PROT_READ, MAP_PRIVATE, input->fd, 0);
        if (view == MAP_FAILED) return so_fail(err, SOTTO_ERR_IO, "%s: %s", input->path, strerror(errno));
        input->view = view;
    }
    *bytes = input->view;
    return SOTTO_OK;
}

void so_infile_unview(struct so_infile *input) {
    if (input->view) munmap(input->view, (size_t)input->size);
    input->view = NULL;
}

uint64_t so_infile_size(const struct so_infile *input) {
    return input->size;
}

const char *so_infile_path(const struct so_infile *input) {
    return input->path;
}

sotto_status so_infile_read(struct so_infile *input, uint64_t offset, void *bytes, size_t size,
                            sotto_error *err) {
    char *to = bytes;
    if (offset > input->size || size > input->size - offset)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: truncated or damaged: %zu bytes wanted at %llu of %llu",
                       input->path, size, (unsigned long long)offset, (unsigned long long)input->size);
    if (input->fd < 0) {
        if (size) memcpy(to, input->bytes + offset, size);
        return SOTTO_OK;
    }
    while (size) {
        ssize_t n = pread(input->fd, to, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return so_fail(err, SOTTO_ERR_IO, "%s: %s", input->path, strerror(errno));
        if (n == 0) return so_fail(err, SOTTO_ERR_MODEL, "%s: became shorter while it was read", input->path);
        to += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return SOTTO_OK;
}

sotto_status so_infile_load(const char *path, size_t limit, char **text, size_t *size, sotto_error *err) {
    struct so_infile *input;
    *text = NULL;
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    if (input->size > limit) {
        status = so_fail(err, SOTTO_ERR_MODEL, "%s: larger than the limit of %zu bytes", path, limit);
    } else {
        *size = (size_t)input->size;
        *text = so_alloc(1, *size + 1);
        status = *text ? so_infile_read(input, 0, *text, *size, err) : so_fail_memory(err, *size, path);
    }
    so_infile_close(input);
    if (status) {
        so_free(*text);
        *text = NULL;
    } else {
        (*text)[*size] = '\0';
    }
    return status;
}
