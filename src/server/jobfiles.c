#include "server/jobfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4200 };

static const char *path_of(char path[PATH_SIZE], const char *folder, const char *id, const char *kind) {
    snprintf(path, PATH_SIZE, "%s/%s.%s", folder, id, kind);
    return path;
}

static bool sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

bool so_jobfiles_link(const char *folder, const char *id, int fd) {
    char from[64], to[PATH_SIZE];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    return fsync(fd) == 0 && linkat(AT_FDCWD, from, AT_FDCWD, path_of(to, folder, id, "media"), AT_SYMLINK_FOLLOW) == 0;
}

bool so_jobfiles_write(const char *folder, const char *id, const char *kind, const json_t *what) {
    char temporary[PATH_SIZE], final[PATH_SIZE];
    path_of(final, folder, id, kind);
    int n = snprintf(temporary, sizeof temporary, "%s/%s.%s.new", folder, id, kind);
    if (n < 0 || (size_t)n >= sizeof temporary) return false;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return false;
    bool ok = json_dumpfd(what, fd, JSON_COMPACT) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    /* link and not rename: what is published stays as it is. */
    ok = ok && link(temporary, final) == 0;
    unlink(temporary);
    return ok && sync_folder(folder);
}

json_t *so_jobfiles_read(const char *folder, const char *id, const char *kind) {
    char path[PATH_SIZE];
    int fd = open(path_of(path, folder, id, kind), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return NULL;
    json_t *what = json_loadfd(fd, JSON_ALLOW_NUL, NULL);
    close(fd);
    return what;
}

bool so_jobfiles_open(const char *folder, const char *id, struct so_spool *spool, struct so_spooled *file) {
    char path[PATH_SIZE];
    struct stat info;
    *file = (struct so_spooled){.fd = open(path_of(path, folder, id, "media"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (file->fd < 0) return false;
    if (fstat(file->fd, &info) != 0) {
        close(file->fd);
        return false;
    }
    file->spool = spool;
    file->size = (uint64_t)info.st_size;
    atomic_fetch_add(&spool->held, file->size);
    return true;
}

static bool exists(const char *folder, const char *id, const char *kind) {
    char path[PATH_SIZE];
    return access(path_of(path, folder, id, kind), F_OK) == 0;
}

static void drop(const char *folder, const char *id, const char *kind) {
    char path[PATH_SIZE];
    unlink(path_of(path, folder, id, kind));
}

void so_jobfiles_done(const char *folder, const char *id) {
    drop(folder, id, "media");
    drop(folder, id, "job");
}

void so_jobfiles_remove(const char *folder, const char *id) {
    /* The job first: without it the media is a leftover, the other way round it would be a damaged job. */
    drop(folder, id, "job");
    drop(folder, id, "media");
    drop(folder, id, "result");
}

/** The id of a file NAME = ID.KIND; false: it is none. */
static bool id_of(const char *name, const char *kind, char id[33]) {
    if (strlen(name) != 33 + strlen(kind) || name[32] != '.' || strcmp(name + 33, kind) != 0) return false;
    if (strspn(name, "0123456789abcdef") != 32) return false;
    memcpy(id, name, 32);
    id[32] = '\0';
    return true;
}

struct found {
    char id[33];
    struct timespec at;
};

static int by_age(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->at.tv_sec != y->at.tv_sec) return x->at.tv_sec < y->at.tv_sec ? -1 : 1;
    return (x->at.tv_nsec > y->at.tv_nsec) - (x->at.tv_nsec < y->at.tv_nsec);
}

/** Remove uploads that were never accepted and what a finished job left behind. */
static void tidy(const char *folder, const char *name) {
    char id[33], path[PATH_SIZE];
    if (id_of(name, "media", id) && !exists(folder, id, "job")) drop(folder, id, "media");
    if (id_of(name, "job", id) && exists(folder, id, "result")) so_jobfiles_done(folder, id);
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".new") == 0 && (size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path) unlink(path);
}

char (*so_jobfiles_accepted(const char *folder, size_t *n))[33] {
    struct found *found = NULL;
    size_t count = 0, capacity = 0;
    struct dirent *entry;
    struct stat info;
    char path[PATH_SIZE], id[33];
    DIR *all = opendir(folder);
    *n = 0;
    while (all && (entry = readdir(all))) {
        tidy(folder, entry->d_name);
        if (!id_of(entry->d_name, "job", id) || stat(path_of(path, folder, id, "job"), &info) != 0) continue;
        if (count == capacity) {
            struct found *more = realloc(found, (2 * capacity + 16) * sizeof *more);
            if (!more) break;
            found = more;
            capacity = 2 * capacity + 16;
        }
        found[count].at = info.st_mtim;
        memcpy(found[count++].id, id, sizeof id);
    }
    if (all) closedir(all);
    if (count) qsort(found, count, sizeof *found, by_age);
    char(*ids)[33] = count ? malloc(count * sizeof *ids) : NULL;
    for (size_t i = 0; ids && i < count; i++) memcpy(ids[i], found[i].id, sizeof *ids);
    *n = ids ? count : 0;
    free(found);
    return ids;
}

void so_jobfiles_sweep(const char *folder, double keep) {
    struct dirent *entry;
    struct stat info;
    char path[PATH_SIZE], id[33];
    DIR *all = opendir(folder);
    time_t now = time(NULL);
    while (all && (entry = readdir(all)))
        if (id_of(entry->d_name, "result", id) && stat(path_of(path, folder, id, "result"), &info) == 0 &&
            difftime(now, info.st_mtime) > keep && !exists(folder, id, "job"))
            drop(folder, id, "result");
    if (all) closedir(all);
}
