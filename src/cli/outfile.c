#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/console.h"

/** The last part of a path, slashes at its end left out. */
static char *base_name(const char *path) {
    if (strcmp(path, "-") == 0) return strdup("stdin");
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t from = end;
    while (from > 0 && path[from - 1] != '/') from--;
    return strndup(path + from, end - from);
}

static void cut_extension(char *name) {
    char *dot = strrchr(name, '.');
    if (dot && dot != name) *dot = '\0';
}

struct indexed_name {
    const char *name;
    size_t index;
};

static int by_name(const void *left, const void *right) {
    const struct indexed_name *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/** Mark the names that are not unique; returns how many. */
static size_t find_shared(char *const *names, size_t n, bool *shared, struct indexed_name *sorted) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) sorted[i] = (struct indexed_name){names[i], i};
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) {
        bool left = i > 0 && strcmp(sorted[i - 1].name, sorted[i].name) == 0;
        bool right = i + 1 < n && strcmp(sorted[i + 1].name, sorted[i].name) == 0;
        shared[sorted[i].index] = left || right;
        found += left || right;
    }
    return found;
}

static bool fill_names(char **names, char *const *inputs, size_t n, bool *shared, struct indexed_name *sorted, int *status) {
    for (size_t i = 0; i < n; i++) {
        names[i] = base_name(inputs[i]);
        if (!names[i]) return false;
        cut_extension(names[i]);
    }
    if (find_shared(names, n, shared, sorted) == 0) return true;
    for (size_t i = 0; i < n; i++) {
        if (!shared[i]) continue;
        free(names[i]);
        names[i] = base_name(inputs[i]);
        if (!names[i]) return false;
    }
    if (find_shared(names, n, shared, sorted) == 0) return true;
    for (size_t i = 0; i < n; i++) {
        if (!shared[i]) continue;
        so_console_error(inputs[i], "another input would be written to the same output file; give each its own folder");
        break;
    }
    *status = SO_EXIT_USAGE;
    return false;
}

char **so_outfile_names(char *const *inputs, size_t n, int *status) {
    *status = SO_EXIT_FAILURE;
    char **names = calloc(n + 1, sizeof *names);
    bool *shared = calloc(n + 1, sizeof *shared);
    struct indexed_name *sorted = calloc(n + 1, sizeof *sorted);
    bool ok = names && shared && sorted && fill_names(names, inputs, n, shared, sorted, status);
    if (!ok) {
        if (*status == SO_EXIT_FAILURE) so_console_error("output", "out of memory");
        so_outfile_names_free(names, n);
        names = NULL;
    }
    free(shared);
    free(sorted);
    return names;
}

void so_outfile_names_free(char **names, size_t n) {
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
}

bool so_outfile_make_folder(const char *path) {
    char *copy = strdup(path);
    if (!copy) return false;
    bool ok = true;
    for (char *at = copy + 1; ok; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = '\0';
        ok = mkdir(copy, 0777) == 0 || errno == EEXIST;
        *at = kept;
        if (!kept) break;
    }
    free(copy);
    struct stat info;
    if (ok && stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return ok;
}

static bool write_all(int file, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(file, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

/** A new file beside the others, with the rights that any new file gets. */
static int create_temporary(char *path) {
    int file = mkstemp(path);
    if (file < 0) return -1;
    mode_t mask = umask(0);
    umask(mask);
    fchmod(file, 0666 & ~mask);
    return file;
}

bool so_outfile_write(const char *folder, const char *name, const char *extension, const char *bytes, size_t length) {
    size_t size = strlen(folder) + strlen(name) + strlen(extension) + 32;
    char *temporary = malloc(size), *path = malloc(size);
    bool ok = temporary && path;
    if (ok) {
        snprintf(temporary, size, "%s/.sotto-XXXXXX", folder);
        snprintf(path, size, "%s/%s.%s", folder, name, extension);
        int file = create_temporary(temporary);
        ok = file >= 0;
        if (ok) {
            ok = write_all(file, bytes, length) && fsync(file) == 0;
            int problem = errno;
            // Some file systems report a full disk only here.
            if (close(file) != 0 && ok) ok = false, problem = errno;
            if (ok && rename(temporary, path) != 0) ok = false, problem = errno;
            if (!ok) unlink(temporary), errno = problem;
        }
    }
    int problem = errno;
    free(temporary);
    free(path);
    errno = problem;
    return ok;
}
