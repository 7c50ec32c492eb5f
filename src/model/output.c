#include "model/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/memory.h"

#define ATTEMPTS 100

struct so_output {
    int fd;
    char *path, *temporary;
};

static void release(struct so_output *output) {
    if (output->fd >= 0) close(output->fd);
    so_free(output->path);
    so_free(output->temporary);
    so_free(output);
}

/** Two programs may write the same model at once: each takes a name that did not exist. */
static sotto_status open_temporary(struct so_output *output, size_t size, sotto_error *err) {
    for (int i = 0; i < ATTEMPTS; i++) {
        snprintf(output->temporary, size, "%s.part-%ld-%d", output->path, (long)getpid(), i);
        output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->fd >= 0) return SOTTO_OK;
        if (errno != EEXIST) break;
    }
    return so_fail(err, SOTTO_ERR_IO, "%s: cannot be written: %s", output->path, strerror(errno));
}

sotto_status so_output_create(const char *path, struct so_output **out, sotto_error *err) {
    size_t length = strlen(path), size = length + 48;
    struct so_output *output = so_calloc(1, sizeof *output);
    *out = NULL;
    if (!output) return so_fail_memory(err, sizeof *output, "an output file");
    output->fd = -1;
    output->path = so_calloc(1, length + 1);
    output->temporary = so_calloc(1, size);
    sotto_status status = SOTTO_OK;
    if (!output->path || !output->temporary) {
        status = so_fail_memory(err, size, "a file name");
    } else {
        memcpy(output->path, path, length);
        status = open_temporary(output, size, err);
    }
    if (status)
        release(output);
    else
        *out = output;
    return status;
}

sotto_status so_output_write(struct so_output *output, uint64_t offset, const void *bytes, size_t size,
                             sotto_error *err) {
    const char *from = bytes;
    while (size) {
        ssize_t n = pwrite(output->fd, from, size, (off_t)offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return so_fail(err, SOTTO_ERR_IO, "%s: cannot be written: %s", output->path,
                           n ? strerror(errno) : "no space");
        from += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return SOTTO_OK;
}

/** A rename is safe from a crash only when the folder is on the disk too; file systems that cannot say so are
 * let be. */
static void sync_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int n = slash ? snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path)
                  : snprintf(folder, sizeof folder, ".");
    if (n < 0 || (size_t)n >= sizeof folder) return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

sotto_status so_output_commit(struct so_output *output, sotto_error *err) {
    if (fsync(output->fd) || rename(output->temporary, output->path)) {
        so_fail(err, SOTTO_ERR_IO, "%s: cannot be written: %s", output->path, strerror(errno));
        so_output_discard(output);
        return SOTTO_ERR_IO;
    }
    sync_folder(output->path);
    release(output);
    return SOTTO_OK;
}

void so_output_discard(struct so_output *output) {
    if (!output) return;
    unlink(output->temporary);
    release(output);
}
