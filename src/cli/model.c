/** sotto model list | fetch | import | show | verify. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "cli/outfile.h"
#include "sotto.h"

static const char usage[] =
    "usage: sotto model list                                  models in $SOTTO_MODELS or the user's cache "
    "folder\n"
    "       sotto model fetch NAME [--precision int8|f32]     download a model and import it\n"
    "       sotto model import SRC -o DST [--precision int8|f32|int4] [--calibration RECORDING] [--name N]\n"
    "                          [--vocab FILE] [-q]\n"
    "                                                         SRC: CTranslate2, safetensors, ONNX, ggml: a "
    "file or its folder\n"
    "                                                         DST: a path, or a NAME in the model folder\n"
    "                                                         int4: layers in 4 bits, for large models on small\n"
    "                                                         memory; rounding is guided by --calibration, up to\n"
    "                                                         5 minutes of real speech. With it Whisper base\n"
    "                                                         makes 1 to 2 points more word errors than in INT8,\n"
    "                                                         without a recording more than 2\n"
    "       sotto model show FILE|NAME [--precision int8|f32] what a model consists of\n"
    "       sotto model verify FILE|NAME [--precision int8|f32]   compare the whole file with its hash\n";

struct arguments {
    const char *positional, *output, *name, *vocab;
    const char *calibration;
    bool f32, int4, quiet;
};

/** -1: go on; else the exit status. */
static int parse(int argc, char **argv, bool import, struct arguments *a) {
    *a = (struct arguments){0};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *precision = NULL;
        bool more = i + 1 < argc;
        if (!strcmp(arg, "-h") || !strcmp(arg, "--help")) {
            fputs(usage, stdout);
            return SO_EXIT_OK;
        }
        if (!strcmp(arg, "--precision") && more)
            precision = argv[++i];
        else if (!strncmp(arg, "--precision=", 12))
            precision = arg + 12;
        else if (import && (!strcmp(arg, "-o") || !strcmp(arg, "--output")) && more)
            a->output = argv[++i];
        else if (import && !strcmp(arg, "--name") && more)
            a->name = argv[++i];
        else if (import && !strcmp(arg, "--vocab") && more)
            a->vocab = argv[++i];
        else if (import && !strcmp(arg, "--calibration") && more)
            a->calibration = argv[++i];
        else if (import && (!strcmp(arg, "-q") || !strcmp(arg, "--quiet")))
            a->quiet = true;
        else if (arg[0] != '-' && !a->positional)
            a->positional = arg;
        else {
            so_console_error(arg, "not understood here, or without its value (sotto model --help)");
            return SO_EXIT_USAGE;
        }
        if (precision && strcmp(precision, "f32") && strcmp(precision, "int8") && !(import && !strcmp(precision, "int4"))) {
            so_console_error(precision, import ? "not a precision: int8, int4 or f32" : "not a precision: int8 or f32");
            return SO_EXIT_USAGE;
        }
        if (precision) {
            a->f32 = !strcmp(precision, "f32");
            a->int4 = !strcmp(precision, "int4");
        }
    }
    if (!a->positional || (import && !a->output)) {
        fputs(usage, stderr);
        return SO_EXIT_USAGE;
    }
    return -1;
}

static int fail(const sotto_error *err) {
    so_console_error("model", err->message);
    return err->code == SOTTO_ERR_ARGUMENT ? SO_EXIT_USAGE : SO_EXIT_FAILURE;
}

/** An empty name, which the library takes as an argument that was forgotten, included. */
static int find(const struct arguments *a, const char *name, char path[PATH_MAX]) {
    sotto_error err;
    return sotto_model_path(name, a->f32, path, PATH_MAX, &err) ? fail(&err) : -1;
}

static void print_megabytes(uint64_t bytes) {
    printf("%" PRIu64 ".%" PRIu64 " MB", bytes / 1000000, bytes / 100000 % 10);
}

/** A file that is whole and no model of speech recognition: the speaker models. */
static bool list_speakers(const char *path, const char *file) {
    struct stat info;
    if (sotto_model_verify(path, NULL) || stat(path, &info)) return false;
    printf("%-20.*s      %6" PRIu64 ".%" PRIu64 " MB  speaker models\n", (int)(strrchr(file, '.') - file),
           file, (uint64_t)info.st_size / 1000000, (uint64_t)info.st_size / 100000 % 10);
    return true;
}

static int list_one(const char *folder, const char *file) {
    char path[PATH_MAX];
    sotto_error err;
    sotto_model *model;
    sotto_model_info info;
    int n = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (n < 0 || (size_t)n >= sizeof path) return SO_EXIT_FAILURE;
    if (sotto_model_open(path, &model, &err)) return list_speakers(path, file) ? SO_EXIT_OK : fail(&err);
    sotto_model_describe(model, &info);
    printf("%-20s %-4s %6" PRIu64 ".%" PRIu64 " MB  %2u + %-2u layers of %4u channels, %3u mel bins, %s\n",
           info.name, info.precision, info.file_size / 1000000, info.file_size / 100000 % 10,
           info.n_audio_layer, info.n_text_layer, info.n_audio_state, info.n_mels,
           info.multilingual ? "multilingual" : "English");
    sotto_model_close(model);
    return SO_EXIT_OK;
}

static int is_model(const struct dirent *entry) {
    size_t length = strlen(entry->d_name), suffix = strlen(".sotto");
    return entry->d_name[0] != '.' && length > suffix && !strcmp(entry->d_name + length - suffix, ".sotto");
}

static int list(int argc, char **argv) {
    char folder[PATH_MAX];
    sotto_error err;
    struct dirent **entries;
    int status = SO_EXIT_OK;
    if (argc > 1) {
        so_console_error(argv[1], "sotto model list takes no arguments");
        return SO_EXIT_USAGE;
    }
    if (sotto_model_path("any", false, folder, sizeof folder, &err)) return fail(&err);
    *strrchr(folder, '/') = '\0';
    int n = scandir(*folder ? folder : "/", &entries, is_model, alphasort);
    if (n < 0 && errno != ENOENT) {
        so_console_error(folder, strerror(errno));
        return SO_EXIT_FAILURE;
    }
    if (n <= 0) fprintf(stderr, "sotto: no models in %s: sotto model fetch base\n", folder);
    for (int i = 0; i < n; i++) {
        int one = list_one(folder, entries[i]->d_name);
        if (one) status = one;
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return status;
}

static int show(int argc, char **argv) {
    struct arguments a;
    char path[PATH_MAX];
    sotto_error err;
    sotto_model *model;
    sotto_model_info info;
    int status = parse(argc, argv, false, &a);
    if (status < 0) status = find(&a, a.positional, path);
    if (status >= 0) return status;
    if (sotto_model_open(path, &model, &err)) return list_speakers(path, path) ? SO_EXIT_OK : fail(&err);
    sotto_model_describe(model, &info);
    printf("file        %s, ", path);
    print_megabytes(info.file_size);
    printf("\nname        %s\nprecision   %s\n", info.name, info.precision);
    printf("audio       %u layers, %u heads, %u channels, %u positions, %u mel bins\n", info.n_audio_layer,
           info.n_audio_head, info.n_audio_state, info.n_audio_ctx, info.n_mels);
    printf("text        %u layers, %u heads, %u channels, %u positions\n", info.n_text_layer,
           info.n_text_head, info.n_text_state, info.n_text_ctx);
    printf("vocabulary  %u tokens, %u suppressed, ", info.n_vocab, info.n_suppressed);
    if (info.multilingual)
        printf("%u languages\n", info.n_languages);
    else
        printf("English only\n");
    printf("tensors     %u\nword times  %u alignment heads\nhash        %s\n", info.n_tensors,
           info.n_alignment_heads, info.hash);
    sotto_model_close(model);
    return SO_EXIT_OK;
}

static int verify(int argc, char **argv) {
    struct arguments a;
    char path[PATH_MAX];
    sotto_error err;
    int status = parse(argc, argv, false, &a);
    if (status < 0) status = find(&a, a.positional, path);
    if (status >= 0) return status;
    if (sotto_model_verify(path, &err)) return fail(&err);
    printf("%s: ok\n", path);
    return SO_EXIT_OK;
}

static void show_progress(void *user, size_t done, size_t total) {
    (void)user;
    fprintf(stderr, "\r\033[Kimporting: %zu of %zu%s", done, total, done == total ? "\r\033[K" : "");
    fflush(stderr);
}

static int import(int argc, char **argv) {
    struct arguments a;
    char path[PATH_MAX], folder[PATH_MAX];
    sotto_error err;
    sotto_import_options options;
    double correlation = 0;
    int status = parse(argc, argv, true, &a);
    if (status < 0) status = find(&a, a.output, path);
    if (status >= 0) return status;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    /* A NAME goes to the model folder, which may not exist yet; the folder of a path is the user's affair. */
    if (slash && strcmp(path, a.output)) {
        *slash = '\0';
        if (!so_outfile_make_folder(folder)) {
            so_console_error(folder, strerror(errno));
            return SO_EXIT_FAILURE;
        }
    }
    sotto_import_options_init(&options);
    options.f32 = a.f32;
    options.name = a.name;
    options.vocab = a.vocab;
    options.int4 = a.int4;
    options.calibration = a.calibration;
    options.correlation = &correlation;
    if (!a.quiet && isatty(STDERR_FILENO)) options.on_progress = show_progress;
    if (sotto_model_import(a.positional, path, &options, &err)) return fail(&err);
    if (!a.quiet && correlation > 0)
        fprintf(stderr, "sotto: encoder states in %s correlate %.4f with float32's\n", a.int4 ? "INT4" : "INT8", correlation);
    if (!a.quiet) printf("%s\n", path);
    return SO_EXIT_OK;
}

int so_cli_model(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"list", list},
                    {"fetch", so_cli_model_fetch},
                    {"import", import},
                    {"show", show},
                    {"verify", verify}};
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(name, commands[i].name)) return commands[i].run(argc - 1, argv + 1);
    if (!strcmp(name, "-h") || !strcmp(name, "--help")) {
        fputs(usage, stdout);
        return SO_EXIT_OK;
    }
    if (*name) so_console_error(name, "not a command of sotto model");
    fputs(usage, stderr);
    return SO_EXIT_USAGE;
}
