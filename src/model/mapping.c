#include "model/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static sotto_status map_descriptor(const char *path, int fd, struct so_mapping *out, sotto_error *err) {
    struct stat info;
    if (fstat(fd, &info)) return so_fail(err, SOTTO_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return so_fail(err, SOTTO_ERR_MODEL, "%s: a folder, not a model file", path);
    if (!S_ISREG(info.st_mode)) return so_fail(err, SOTTO_ERR_MODEL, "%s: not a regular file", path);
    if (info.st_size == 0) return so_fail(err, SOTTO_ERR_MODEL, "%s: an empty file", path);
    if ((uint64_t)info.st_size > SIZE_MAX)
        return so_fail(err, SOTTO_ERR_MEMORY, "%s: too large for this machine", path);
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return so_fail(err, SOTTO_ERR_IO, "%s: cannot be mapped: %s", path, strerror(errno));
    out->bytes = bytes;
    out->size = (uint64_t)info.st_size;
    return SOTTO_OK;
}

sotto_status so_mapping_open(const char *path, struct so_mapping *out, sotto_error *err) {
    /* Without O_NONBLOCK a named pipe would hold us here until somebody writes to it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return so_fail(err, errno == ENOENT ? SOTTO_ERR_MODEL : SOTTO_ERR_IO, "%s: %s", path,
                       strerror(errno));
    sotto_status status = map_descriptor(path, fd, out, err);
    close(fd);
    return status;
}

void so_mapping_close(struct so_mapping *mapping) {
    if (mapping->bytes) munmap((void *)(uintptr_t)mapping->bytes, (size_t)mapping->size);
    mapping->bytes = NULL;
}
