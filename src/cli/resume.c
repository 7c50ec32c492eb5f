#include "cli/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"

static char *join(const char *folder, const char *name, const char *extension) {
    size_t size = strlen(folder) + strlen(name) + strlen(extension) + 3;
    char *path = malloc(size);
    if (path) snprintf(path, size, "%s/%s%s%s", folder, name, *extension ? "." : "", extension);
    return path;
}

char *so_resume_journal(const char *folder, const char *name) {
    return join(folder, name, "partial");
}

static bool exists(const char *folder, const char *name, const char *extension) {
    char *path = join(folder, name, extension);
    bool found = path && access(path, F_OK) == 0;
    free(path);
    return found;
}

/** Whether the list has this line. */
static bool is_listed(const char *folder, const char *name, const char *fingerprint) {
    char *path = join(folder, ".sotto-done", ""), *line = NULL;
    FILE *list = path ? fopen(path, "r") : NULL;
    size_t size = 0, n = strlen(fingerprint);
    bool found = false;
    for (ssize_t length; list && !found && (length = getline(&line, &size, list)) > 0;) {
        if (line[length - 1] != '\n') break; /* torn: it was being written when the machine stopped */
        line[length - 1] = '\0';
        found = strncmp(line, fingerprint, n) == 0 && line[n] == ' ' && strcmp(line + n + 1, name) == 0;
    }
    free(line);
    if (list) fclose(list);
    free(path);
    return found;
}

bool so_resume_is_done(const char *folder, const char *name, const char *fingerprint,
                       const sotto_format *formats, size_t n_formats) {
    if (!fingerprint[0] || !is_listed(folder, name, fingerprint)) return false;
    for (size_t i = 0; i < n_formats; i++)
        if (!exists(folder, name, so_format_extension(formats[i]))) return false;
    return true;
}

/** One write, so that programs that share a folder do not mix their lines. */
static bool append(const char *path, const char *line) {
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) return false;
    size_t length = strlen(line);
    ssize_t written = write(file, line, length);
    int problem = written < 0 ? errno : ENOSPC;
    bool ok = written == (ssize_t)length;
    if (close(file) != 0 && ok) ok = false, problem = errno;
    errno = problem;
    return ok;
}

bool so_resume_finish(const char *folder, const char *name, const char *fingerprint) {
    char *path = join(folder, ".sotto-done", "");
    size_t size = strlen(fingerprint) + strlen(name) + 3;
    char *line = malloc(size);
    bool ok = path && line;
    /* A name with a line end would be two lines; it is done again the next time. */
    if (ok && fingerprint[0] && !strchr(name, '\n')) {
        snprintf(line, size, "%s %s\n", fingerprint, name);
        ok = append(path, line);
    }
    int problem = errno;
    free(path);
    free(line);
    errno = problem;
    return ok;
}

bool so_resume_has_list(const char *folder) {
    return exists(folder, ".sotto-done", "");
}

void so_resume_forget(const char *folder) {
    char *path = join(folder, ".sotto-done", "");
    if (path) unlink(path);
    free(path);
}
