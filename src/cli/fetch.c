/**
 * sotto model fetch NAME: download a model of the catalogue and import it. The download is a Python program
 * that stands beside this one (fetch.py), run without a shell; transcribing never needs it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "sotto.h"

static const char usage[] = "usage: sotto model fetch NAME [--precision int8|f32] [-q]\n"
                            "       sotto model fetch --list\n"
                            "Downloads a model into $SOTTO_MODELS (default: sotto in the user's cache "
                            "folder), checks and imports it;\n"
                            "with it the weights of the speech detector (NAME vad). NAME speakers: the models that tell "
                            "who speaks.\n";

/* Where fetch.py may stand, seen from the program: installed in PREFIX/bin, or built in a folder of the
 * source tree. */
static const char *const script_places[] = {"../share/sotto/fetch.py", "../scripts/fetch.py"};

/** Find fetch.py: in $SOTTO_SHARE if that is set, else beside the program. */
static bool find_script(char *path, size_t size) {
    const char *share = getenv("SOTTO_SHARE");
    if (share != NULL && *share != '\0') {
        const int n = snprintf(path, size, "%s/fetch.py", share);
        return n > 0 && (size_t)n < size && access(path, R_OK) == 0;
    }
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return false;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof script_places / sizeof *script_places; i++) {
        const int n = snprintf(path, size, "%s/%s", program, script_places[i]);
        if (n > 0 && (size_t)n < size && access(path, R_OK) == 0) return true;
    }
    return false;
}

/**
 * Run fetch.py with one argument. Its standard output goes to `line` (without the newline) or, if that is
 * NULL, to ours. Returns its exit status, -1 if it cannot be run.
 */
static int run_script(const char *script, const char *argument, char *line, size_t size) {
    int ends[2] = {-1, -1};
    if (line != NULL && pipe(ends) != 0) return -1;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        if (line != NULL && dup2(ends[1], STDOUT_FILENO) < 0) _exit(127);
        if (line != NULL) {
            close(ends[0]);
            close(ends[1]);
        }
        /* -E, -s: what a user has set up for Python's own sake does not change what is fetched. */
        execlp("python3", "python3", "-E", "-s", script, argument, (char *)NULL);
        fprintf(stderr, "sotto: python3 is needed to fetch a model, and cannot be run: %s\n",
                strerror(errno));
        _exit(127);
    }
    if (line != NULL) close(ends[1]);
    size_t used = 0;
    if (child > 0 && line != NULL) {
        for (;;) {
            const ssize_t n = read(ends[0], line + used, size - 1 - used);
            if (n > 0) used += (size_t)n;
            if (n == 0 || used == size - 1 || (n < 0 && errno != EINTR)) break;
        }
        while (used > 0 && line[used - 1] == '\n') used--;
        line[used] = '\0';
    }
    if (line != NULL) close(ends[0]);
    int status = 0;
    if (child < 0) return -1;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : SO_EXIT_FAILURE;
}

static void show_progress(void *user, size_t done, size_t total) {
    (void)user;
    fprintf(stderr, "\r\033[Kimporting: %zu of %zu tensors%s", done, total, done == total ? "\r\033[K" : "");
    fflush(stderr);
}

/** The speech detector's weights beside a model that is there already; nothing is asked of the network if they are there too. */
static bool fetch_detector(const char *model) {
    char path[PATH_MAX + 32], script[PATH_MAX + 64], line[PATH_MAX];
    const char *slash = strrchr(model, '/');
    snprintf(path, sizeof path, "%.*s/silero-vad.safetensors", slash ? (int)(slash - model) : 1, slash ? model : ".");
    if (access(path, F_OK) == 0) return true;
    if (find_script(script, sizeof script)) return run_script(script, "vad", line, sizeof line) == 0;
    fprintf(stderr, "sotto: fetch.py, which gets the speech detector's weights, is not where this program looks for it\n");
    return false;
}

static int fetch(const char *name, bool f32, bool quiet) {
    sotto_error err;
    char path[PATH_MAX], source[PATH_MAX], script[PATH_MAX + 64];
    if (sotto_model_path(name, f32, path, sizeof path, &err) != SOTTO_OK) {
        fprintf(stderr, "sotto: %s\n", err.message);
        return SO_EXIT_FAILURE;
    }
    struct stat info;
    if (stat(path, &info) == 0) {
        if (sotto_model_verify(path, &err) == SOTTO_OK) {
            if (!fetch_detector(path)) return SO_EXIT_FAILURE;
            if (!quiet) printf("%s\n", path);
            return SO_EXIT_OK;
        }
        fprintf(stderr, "sotto: %s is damaged and is made again: %s\n", path, err.message);
    }
    if (!find_script(script, sizeof script)) {
        fprintf(stderr, "sotto: fetch.py is not where this program looks for it (share/sotto beside its "
                        "folder; $SOTTO_SHARE "
                        "names another place)\n");
        return SO_EXIT_FAILURE;
    }
    const int status = run_script(script, name, source, sizeof source);
    if (status != 0) return SO_EXIT_FAILURE; /* the reason has been printed */
    if (stat(source, &info) == 0 &&
        S_ISREG(info.st_mode)) { /* used as it is, as the weights of the speech detector */
        if (!quiet) printf("%s\n", source);
        return SO_EXIT_OK;
    }

    sotto_import_options options;
    sotto_import_options_init(&options);
    options.f32 = f32;
    options.name = name;
    if (isatty(STDERR_FILENO) && !quiet) options.on_progress = show_progress;
    if (sotto_model_import(source, path, &options, &err) != SOTTO_OK) {
        fprintf(stderr, "sotto: %s\n", err.message);
        return SO_EXIT_FAILURE;
    }
    if (!quiet) printf("%s\n", path);
    return SO_EXIT_OK;
}

int so_cli_model_fetch(int argc, char **argv) {
    const char *name = NULL;
    bool f32 = false, quiet = false, list = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const char *precision = NULL;
        if (strcmp(arg, "--precision") == 0 && i + 1 < argc)
            precision = argv[++i];
        else if (strncmp(arg, "--precision=", 12) == 0)
            precision = arg + 12;
        else if (strcmp(arg, "-q") == 0 || strcmp(arg, "--quiet") == 0)
            quiet = true;
        else if (strcmp(arg, "--list") == 0)
            list = true;
        else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            return SO_EXIT_OK;
        } else if (arg[0] != '-' && name == NULL)
            name = arg;
        else {
            fprintf(stderr, "sotto: model fetch does not take \"%s\"\n%s", arg, usage);
            return SO_EXIT_USAGE;
        }
        if (precision != NULL && strcmp(precision, "f32") != 0 && strcmp(precision, "int8") != 0) {
            fprintf(stderr, "sotto: --precision is int8 or f32, not \"%s\"\n", precision);
            return SO_EXIT_USAGE;
        }
        if (precision != NULL) f32 = strcmp(precision, "f32") == 0;
    }
    if (list) {
        char script[PATH_MAX + 64];
        if (find_script(script, sizeof script))
            return run_script(script, "--list", NULL, 0) == 0 ? SO_EXIT_OK : SO_EXIT_FAILURE;
        fprintf(stderr, "sotto: fetch.py is not where this program looks for it\n");
        return SO_EXIT_FAILURE;
    }
    /* A path is no name of the catalogue, and would be taken as one by sotto_model_path. */
    if (name == NULL || strchr(name, '/') != NULL || strstr(name, ".sotto") != NULL) {
        fputs(usage, stderr);
        return SO_EXIT_USAGE;
    }
    return fetch(name, f32, quiet);
}
