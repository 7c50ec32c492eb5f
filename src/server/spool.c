#include "server/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool so_spool_open(struct so_spool *spool, struct so_spooled *file, struct so_problem *problem) {
    *file = (struct so_spooled){.fd = open(spool->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (file->fd < 0) { /* a file system without nameless files */
        char path[4096];
        int n = snprintf(path, sizeof path, "%s/sotto-XXXXXX", spool->folder);
        if (n > 0 && (size_t)n < sizeof path) file->fd = mkostemp(path, O_CLOEXEC);
        if (file->fd >= 0) unlink(path);
    }
    if (file->fd < 0) return so_problem(problem, 500, NULL, NULL, "the upload cannot be stored");
    file->spool = spool;
    return true;
}

bool so_spool_write(struct so_spooled *file, const char *bytes, size_t n, struct so_problem *problem) {
    struct so_spool *spool = file->spool;
    if (n > spool->most_each - file->size)
        return so_problem(problem, 413, "file", "file_too_large", "the file is larger than %llu bytes",
                          (unsigned long long)spool->most_each);
    uint64_t held = atomic_fetch_add(&spool->held, n) + n;
    file->size += n; /* counted at once, so that closing gives back what was taken */
    if (held > spool->most_all) {
        so_problem(problem, 503, NULL, "overloaded", "too many uploads are waiting; try again later");
        problem->retry_after = 10;
        return false;
    }
    while (n > 0) {
        ssize_t wrote = write(file->fd, bytes, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return so_problem(problem, 500, NULL, NULL, "the upload cannot be stored: %s", strerror(errno));
        bytes += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

void so_spool_close(struct so_spooled *file) {
    if (!file->spool) return;
    close(file->fd);
    atomic_fetch_sub(&file->spool->held, file->size);
    *file = (struct so_spooled){.fd = -1};
}
