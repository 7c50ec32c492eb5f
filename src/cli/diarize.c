/** sotto diarize: who speaks when. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "cli/outfile.h"
#include "cli/speakers.h"

static const char help[] =
    "usage: sotto diarize FILE... [options]\n"
    "Writes who speaks when in audio or video files (\"-\": standard input), without the text.\n"
    "\n"
    "  -f, --format rttm|json     (default rttm)\n"
    "  -o, --output DIR           write DIR/NAME.FORMAT in place of standard output\n" SO_SPEAKER_HELP
    "      --precision int8|f32   arithmetic of the speaker models (default int8)\n"
    "      --channels N           take channel N, from 0 (default: the mean of all)\n"
    "      --stream N             take audio stream N, from 0 (default: the best)\n"
    "      --max-duration SECONDS refuse longer recordings\n"
    "      --threads N            default: one for each core\n"
    "  -q, --quiet                no progress bar\n"
    "  -h, --help\n";

struct run {
    sotto_options options;
    struct so_speaker_arguments speakers;
    sotto_format format;
    const char *folder;
    bool quiet, f32;
    struct so_progress progress;
    char model[4096]; /* path of the float models */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static bool cancelled(void *user) {
    (void)user;
    return interrupted;
}

static void on_progress(void *user, double done, double total) {
    struct run *run = user;
    so_progress_show(&run->progress, done, total);
}

static int usage(const char *problem) {
    fprintf(stderr, "sotto diarize: %s (see sotto diarize --help)\n", problem);
    return SO_EXIT_USAGE;
}

/** A whole number up to `most`; false if it is none. */
static bool parse_whole(const char *text, unsigned long most, unsigned long *value) {
    char *end;
    errno = 0;
    *value = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *value <= most;
}

static const char *take(int option, const char *value, struct run *run) {
    unsigned long n = 0;
    char *end;
    switch (option) {
    case 'f':
        run->format = strcmp(value, "json") == 0 ? SOTTO_FORMAT_JSON : SOTTO_FORMAT_RTTM;
        return run->format == SOTTO_FORMAT_JSON || strcmp(value, "rttm") == 0
                   ? NULL
                   : "the formats are rttm and json";
    case 'o':
        run->folder = value;
        return *value ? NULL : "--output takes a folder";
    case 'q':
        run->quiet = true;
        return NULL;
    case 'p':
        run->f32 = strcmp(value, "f32") == 0;
        return run->f32 || strcmp(value, "int8") == 0 ? NULL : "--precision takes int8 or f32";
    case 't':
        if (!parse_whole(value, 1024, &n) || n == 0) return "--threads takes a whole number from 1 to 1024";
        run->options.threads = (uint32_t)n;
        return NULL;
    case 'c':
    case 's':
        if (!parse_whole(value, 1023, &n))
            return "--channels and --stream take a whole number from 0 to 1023";
        *(option == 'c' ? &run->options.channel : &run->options.stream) = (int)n;
        return NULL;
    case 'd':
        run->options.max_duration = strtod(value, &end);
        return end != value && !*end && run->options.max_duration >= 0
                   ? NULL
                   : "--max-duration takes a number of seconds";
    default:
        return "unknown option";
    }
}

static int parse(int argc, char **argv, struct run *run) {
    static const struct option table[] = {{"format", 1, NULL, 'f'},
                                          {"output", 1, NULL, 'o'},
                                          {"quiet", 0, NULL, 'q'},
                                          {"help", 0, NULL, 'h'},
                                          {"precision", 1, NULL, 'p'},
                                          {"threads", 1, NULL, 't'},
                                          {"channels", 1, NULL, 'c'},
                                          {"stream", 1, NULL, 's'},
                                          {"max-duration", 1, NULL, 'd'},
                                          SO_SPEAKER_OPTIONS,
                                          {0}};
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":f:o:qh", table, NULL)) != -1;) {
        const char *problem;
        if (option == 'h') return fputs(help, stdout) < 0 || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
        if (option == ':') return usage("an option lacks its value");
        if (option == '?') return usage("unknown or ambiguous option");
        if (!so_speaker_take(option, optarg, &run->speakers, &run->options, &problem))
            problem = take(option, optarg, run);
        if (problem) return usage(problem);
    }
    return optind == argc ? usage("no file was given") : -1;
}

static const char *label(const char *file) {
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

static bool deliver(const struct run *run, const char *file, const char *name, const sotto_result *result) {
    sotto_error err;
    char *text;
    size_t length;
    if (sotto_result_format(result, run->format, name ? name : label(file), &text, &length, &err)) {
        so_console_error(label(file), err.message);
        return false;
    }
    bool ok = run->folder ? so_outfile_write(run->folder, name,
                                             run->format == SOTTO_FORMAT_JSON ? "json" : "rttm", text, length)
                          : so_console_write(text, length);
    if (!ok) so_console_error(label(file), strerror(errno));
    free(text);
    return ok;
}

static bool diarize_one(struct run *run, const char *file, const char *name) {
    sotto_error err;
    sotto_result *result;
    so_progress_start(&run->progress, run->quiet);
    sotto_status status = sotto_diarize_file(file, &run->options, &result, &err);
    so_progress_hide(&run->progress);
    if (status) {
        so_console_error(label(file), status == SOTTO_ERR_CANCELLED ? "interrupted" : err.message);
        return false;
    }
    if (!run->quiet) so_speaker_report(label(file), result);
    bool ok = deliver(run, file, name, result);
    sotto_result_free(result);
    return ok;
}

/** -1: go on. */
static int prepare(struct run *run) {
    sotto_error err;
    if (run->f32) {
        const char *model = run->options.speaker_model ? run->options.speaker_model : "speakers";
        if (sotto_model_path(model, true, run->model, sizeof run->model, &err)) return usage(err.message);
        run->options.speaker_model = run->model;
    }
    if (run->options.max_speakers && run->options.min_speakers > run->options.max_speakers)
        return usage("the least number of speakers is above the largest");
    if (run->folder && !so_outfile_make_folder(run->folder)) {
        so_console_error(run->folder, strerror(errno));
        return SO_EXIT_FAILURE;
    }
    return -1;
}

int so_cli_diarize(int argc, char **argv) {
    struct run run = {.format = SOTTO_FORMAT_RTTM};
    sotto_options_init(&run.options);
    int status = parse(argc, argv, &run);
    if (status < 0) status = prepare(&run);
    if (status >= 0) return status;
    char **files = argv + optind, **names = NULL;
    size_t n = (size_t)(argc - optind);
    sotto_people *people;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    run.options.user = &run;
    run.options.on_progress = on_progress;
    run.options.cancel = cancelled;
    if (run.folder && !(names = so_outfile_names(files, n, &status))) return status;
    status = SO_EXIT_OK;
    if (!so_speaker_people(&run.speakers, &run.options, &people)) status = SO_EXIT_FAILURE;
    for (size_t i = 0; i < n && !interrupted && (i > 0 || status == SO_EXIT_OK); i++)
        if (!diarize_one(&run, files[i], names ? names[i] : NULL)) status = SO_EXIT_FAILURE;
    sotto_people_free(people);
    so_outfile_names_free(names, n);
    return interrupted ? SO_EXIT_FAILURE : status;
}
