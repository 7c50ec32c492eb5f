/** sotto transcribe: files in, text out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/outfile.h"
#include "cli/resume.h"
#include "util/clock.h"

/** Room for what the outputs depend on. */
enum { SETTINGS = 128 };

struct run {
    struct so_arguments arguments;
    sotto_model *model;
    char **names; /**< of the output files; NULL: standard output */
    double load;  /**< seconds it took to open the model; told with the first result */
    bool live;    /**< segments go to standard output as they are finished */
    struct so_progress progress;
    int stdout_error; /**< errno of the write that failed, 0: none */
    bool failed;      /**< something went wrong with some file */
    char told[8][256]; /**< warnings, each said once */
    size_t n_told;
    bool has_list; /**< the folder had a list of what is done before this run */
};

static volatile sig_atomic_t interrupted;

/** The first signal asks for a clean end, the second has its usual effect. */
static void on_signal(int number) {
    interrupted = number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void watch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); // a reader that went away is an error like a full disk, not a silent death
}

static void write_stdout(struct run *run, const char *bytes, size_t length) {
    if (run->stdout_error || so_console_write(bytes, length)) return;
    run->stdout_error = errno ? errno : EIO;
    so_progress_hide(&run->progress);
    so_console_error("cannot write to standard output", strerror(run->stdout_error));
}

static void on_segment(void *user, const sotto_segment *segment) {
    struct run *run = user;
    if (!run->live) return;
    sotto_result one = {.segments = segment, .n_segments = 1};
    char *line;
    size_t length;
    if (sotto_result_format(&one, SOTTO_FORMAT_TXT, NULL, &line, &length, NULL)) {
        run->failed = true;
        return;
    }
    so_progress_hide(&run->progress);
    write_stdout(run, line, length);
    free(line);
}

static void on_progress(void *user, double done, double total) {
    struct run *run = user;
    so_progress_show(&run->progress, done, total);
}

/** Each warning once, however many files it is about. */
static void on_log(void *user, sotto_log_level level, const char *message) {
    struct run *run = user;
    const size_t most = sizeof run->told / sizeof run->told[0];
    if (level > SOTTO_LOG_WARNING) return;
    for (size_t i = 0; i < run->n_told; i++)
        if (strncmp(run->told[i], message, sizeof run->told[0] - 1) == 0) return;
    if (run->n_told < most) snprintf(run->told[run->n_told++], sizeof run->told[0], "%s", message);
    so_progress_hide(&run->progress);
    so_console_error("transcribe", message);
}

static bool cancelled(void *user) {
    const struct run *run = user;
    return interrupted || run->stdout_error;
}

static bool is_path(const char *name) {
    size_t n = strlen(name);
    return strchr(name, '/') || (n >= 6 && strcmp(name + n - 6, ".sotto") == 0);
}

static int open_model(struct run *run) {
    const struct so_arguments *a = &run->arguments;
    sotto_error err;
    char path[4096];
    double from = so_now();
    if (sotto_model_path(a->model, a->f32, path, sizeof path, &err)) {
        so_console_error(a->model, err.message);
        return SO_EXIT_FAILURE;
    }
    if (!is_path(a->model) && access(path, F_OK) != 0) {
        char message[4352];
        snprintf(message, sizeof message, "no model of this name is here (%s is missing); get it with: sotto model fetch %s%s", path,
                 a->model, a->f32 ? " --precision f32" : "");
        so_console_error(a->model, message);
        return SO_EXIT_FAILURE;
    }
    if (sotto_model_open(path, &run->model, &err)) {
        so_console_error(a->model, err.message);
        return SO_EXIT_FAILURE;
    }
    run->load = so_now() - from;
    sotto_model_info info;
    sotto_model_describe(run->model, &info);
    if (a->f32 && strcmp(info.precision, "f32") != 0) {
        so_console_error(a->model, "this file holds an int8 model; --precision f32 needs one that was imported as f32");
        return SO_EXIT_USAGE;
    }
    if (sotto_options_check(run->model, &a->options, &err)) {
        so_console_error("transcribe", err.message);
        return SO_EXIT_USAGE;
    }
    return SO_EXIT_OK;
}

static const char *label(const char *file) { return strcmp(file, "-") == 0 ? "standard input" : file; }

/** One format of a finished result to its file or to standard output. */
static void deliver(struct run *run, size_t index, const sotto_result *result, sotto_format format) {
    const char *file = run->arguments.files[index], *folder = run->arguments.folder;
    sotto_error err;
    char *text;
    size_t length;
    const sotto_format_options *cues = run->arguments.shape ? &run->arguments.cues : NULL;
    if (sotto_result_format_shaped(result, format, label(file), cues, &text, &length, &err)) {
        so_console_error(label(file), err.message);
        run->failed = true;
        return;
    }
    if (!folder) {
        write_stdout(run, text, length);
    } else if (!so_outfile_write(folder, run->names[index], so_format_extension(format), text, length)) {
        char message[256];
        snprintf(message, sizeof message, "cannot write the %s file: %s", so_format_extension(format), strerror(errno));
        so_console_error(label(file), message);
        run->failed = true;
    }
    free(text);
}

/** All outputs of one recording; with a folder only complete ones get their names. */
static void deliver_all(struct run *run, size_t index, const sotto_result *result, const char *settings) {
    const struct so_arguments *a = &run->arguments;
    bool failed = run->failed;
    run->failed = false;
    for (size_t i = 0; i < a->n_formats && !run->live; i++) deliver(run, index, result, a->formats[i]);
    if (a->folder) unlink(a->options.journal);
    if (a->folder && !run->failed && !so_resume_finish(a->folder, run->names[index], settings))
        so_console_error(label(a->files[index]), strerror(errno));
    run->failed = run->failed || failed;
}

/** What is said when a call ended early. */
static void report(struct run *run, const char *file, sotto_status status, const char *message) {
    const struct so_arguments *a = &run->arguments;
    char line[4400];
    if (status == SOTTO_ERR_CANCELLED && interrupted && a->folder) {
        snprintf(line, sizeof line, "interrupted; what was finished is in %.4000s, and --resume goes on with it", a->options.journal);
        so_console_error(label(file), line);
    } else if (status == SOTTO_ERR_CANCELLED && interrupted) {
        so_console_error(label(file), "interrupted; what was finished is kept");
    } else if (status && status != SOTTO_ERR_CANCELLED) {
        so_console_error(label(file), message);
    }
    run->failed = run->failed || status;
}

/** A fingerprint with what else the outputs depend on. */
static void add_shape(const struct so_arguments *a, char settings[SETTINGS], const char *fingerprint) {
    int shaped = a->shape ? 1 : 0;
    snprintf(settings, SETTINGS, "%s%s%d-%u-%u-%.17g", fingerprint, *fingerprint ? "-" : "", shaped, a->cues.line_characters, a->cues.cue_lines,
             a->cues.cue_max_seconds);
    if (!*fingerprint) settings[0] = '\0';
}

/** False if the recording is done already, or something is wrong. journal: to be freed. */
static bool prepare_folder(struct run *run, size_t index, char settings[SETTINGS], char **journal) {
    char fingerprint[33];
    struct so_arguments *a = &run->arguments;
    sotto_error err;
    if (sotto_fingerprint(run->model, a->files[index], &a->options, fingerprint, &err)) {
        so_console_error(label(a->files[index]), err.message);
        run->failed = true;
        return false;
    }
    add_shape(a, settings, fingerprint);
    if (a->resume && so_resume_is_done(a->folder, run->names[index], settings, a->formats, a->n_formats)) {
        so_console_error(label(a->files[index]), "done already with these settings, skipped");
        return false;
    }
    a->options.journal = *journal = so_resume_journal(a->folder, run->names[index]);
    if (*journal) return true;
    so_console_error(label(a->files[index]), "out of memory");
    run->failed = true;
    return false;
}

static void transcribe_one(struct run *run, size_t index) {
    const struct so_arguments *a = &run->arguments;
    const char *file = a->files[index];
    char settings[SETTINGS] = "", *journal = NULL;
    sotto_error err;
    sotto_result *result = NULL;
    if (a->folder && !prepare_folder(run, index, settings, &journal)) return;
    so_progress_start(&run->progress, a->quiet);
    sotto_status status = sotto_transcribe_file(run->model, file, &a->options, &result, &err);
    so_progress_hide(&run->progress);
    report(run, file, status, err.message);
    if (result) {
        result->timing.load += run->load;
        result->timing.total += run->load;
        result->timing.realtime_factor = result->timing.total > 0 ? result->duration / result->timing.total : 0;
        run->load = 0;
        if (!a->quiet) so_speaker_report(label(file), result);
        if (!status || !a->folder) deliver_all(run, index, result, settings);
        sotto_result_free(result);
    }
    free(journal);
}

static int prepare(struct run *run) {
    const struct so_arguments *a = &run->arguments;
    sotto_error err;
    int status = SO_EXIT_OK;
    if (sotto_options_check(NULL, &a->options, &err)) {
        so_console_error("transcribe", err.message);
        return SO_EXIT_USAGE;
    }
    if (a->folder) {
        run->names = so_outfile_names(a->files, a->n_files, &status);
        if (!run->names) return status;
    }
    status = open_model(run);
    if (status == SO_EXIT_OK && a->folder && !so_outfile_make_folder(a->folder)) {
        so_console_error(a->folder, strerror(errno));
        status = SO_EXIT_FAILURE;
    }
    return status;
}

int so_cli_transcribe(int argc, char **argv) {
    struct run run = {0};
    int status = so_arguments_parse(argc, argv, &run.arguments);
    if (status >= 0) return status;
    struct so_arguments *a = &run.arguments;
    run.live = !a->folder && !a->options.diarize && a->n_formats == 1 && a->formats[0] == SOTTO_FORMAT_TXT;
    a->options.user = &run;
    a->options.on_segment = on_segment;
    a->options.on_progress = on_progress;
    a->options.cancel = cancelled;
    a->options.on_log = on_log;
    watch_signals();
    status = prepare(&run);
    sotto_people *people = NULL;
    if (status == SO_EXIT_OK && !so_speaker_people(&a->speakers, &a->options, &people)) status = SO_EXIT_FAILURE;
    run.has_list = a->folder && so_resume_has_list(a->folder);
    for (size_t i = 0; status == SO_EXIT_OK && i < a->n_files && !cancelled(&run); i++) transcribe_one(&run, i);
    if (status == SO_EXIT_OK && (run.failed || cancelled(&run))) status = SO_EXIT_FAILURE;
    if (status == SO_EXIT_OK && a->folder && !a->resume && !run.has_list) so_resume_forget(a->folder);
    so_outfile_names_free(run.names, a->n_files);
    sotto_people_free(people);
    sotto_model_close(run.model);
    return status;
}
