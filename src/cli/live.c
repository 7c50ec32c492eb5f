/** sotto live: what is said, while it is said. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "sotto.h"

static const char help[] =
    "usage: sotto live [options]                    from a microphone\n"
    "       PROGRAM | sotto live [options]          from a pipe of samples: mono, 16 kHz, no header\n"
    "Writes what is said while it is said. Text is written when two passes over the same sound agree on it, "
    "and is never taken\n"
    "back. How far it is behind is said on standard error. Ctrl-C ends a microphone.\n"
    "\n"
    "  -m, --model NAME|PATH      model (default base)\n"
    "  -l, --language CODE|auto   language spoken (default auto: asked at every pass, so better given)\n"
    "      --task transcribe|translate   translate: into English\n"
    "  -f, --format txt|json      txt: one line for each confirmed piece (default); json: one object a line, "
    "partial text too\n"
    "      --raw s16le|f32le      what comes through the pipe (default s16le)\n"
    "      --microphone [DRIVER:]NAME   FFmpeg's name of a device, as alsa:hw:1 (default: pulse's or alsa's "
    "default)\n"
    "      --step SECONDS         new sound after which it is heard again, 0.2 to 10 (default 1)\n"
    "      --prompt TEXT, --hotwords A,B, --threads N, --no-vad, --vad-threshold P   as for sotto "
    "transcribe\n"
    "  -q, --quiet                nothing on standard error but mistakes\n"
    "  -h, --help\n";

struct live {
    sotto_options options;
    sotto_live_options how;
    const char *model, *microphone; /* microphone: NULL if none was named */
    bool json, f32le, quiet, shown;
    size_t n_confirmed, n_passes;
    double latency_sum, latency_worst, pass_sum;
    int stdout_error;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static bool complain(const char *message) {
    fprintf(stderr, "sotto live: %s (see sotto live --help)\n", message);
    return false;
}

static void write_out(struct live *live, const char *bytes, size_t length) {
    if (live->stdout_error || so_console_write(bytes, length)) return;
    live->stdout_error = errno ? errno : EIO;
    so_console_error("cannot write to standard output", strerror(live->stdout_error));
}

/** A JSON string of UTF-8 text. */
static void put_string(FILE *out, const char *text) {
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ')
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static double latency(const sotto_live_text *text) {
    return text->heard - text->end + text->pass_seconds;
}

static void write_json(struct live *live, const sotto_live_text *text) {
    char *line = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&line, &length);
    if (!out) return;
    if (text->confirmed[0]) {
        fputs("{\"type\": \"confirmed\", \"text\": ", out);
        put_string(out, text->confirmed);
        fprintf(out, ", \"start\": %.3f, \"end\": %.3f, \"latency\": %.3f}\n", text->start, text->end,
                latency(text));
    }
    fputs("{\"type\": \"partial\", \"text\": ", out);
    put_string(out, text->partial);
    fprintf(out, ", \"heard\": %.3f}\n", text->heard);
    if (fclose(out) == 0) write_out(live, line, length);
    free(line);
}

static void write_text(struct live *live, const sotto_live_text *text) {
    const char *from = text->confirmed + strspn(text->confirmed, " ");
    if (!*from) return;
    write_out(live, from, strlen(from));
    write_out(live, "\n", 1);
}

/** Partial text on a terminal: its end, in one line that is written over. */
static void show_partial(struct live *live, const char *text) {
    enum { WIDTH = 76 };
    if (live->quiet || live->json || !isatty(STDERR_FILENO)) return;
    size_t length = strlen(text), first = length > WIDTH ? length - WIDTH : 0;
    while (((unsigned char)text[first] & 0xc0) == 0x80) first++;
    fprintf(stderr, "\r\033[K%s", text + first);
    fflush(stderr);
    live->shown = true;
}

static void on_text(void *user, const sotto_live_text *text) {
    struct live *live = user;
    if (live->shown) fputs("\r\033[K", stderr);
    live->shown = false;
    live->n_passes++;
    live->pass_sum += text->pass_seconds;
    if (live->json)
        write_json(live, text);
    else
        write_text(live, text);
    if (text->confirmed[0]) {
        live->n_confirmed++;
        live->latency_sum += latency(text);
        live->latency_worst = fmax(live->latency_worst, latency(text));
        if (!live->quiet)
            fprintf(stderr, "sotto: up to %.1f s, %.2f s behind (a pass took %.2f s)\n", text->end,
                    latency(text), text->pass_seconds);
    }
    show_partial(live, text->partial);
}

static void on_log(void *user, sotto_log_level level, const char *message) {
    struct live *live = user;
    /* Every pass would say the same again. */
    if (level <= SOTTO_LOG_WARNING && !live->quiet && live->n_passes == 0) so_console_error("live", message);
}

static bool parse_seconds(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

enum {
    OPT_RAW = 256,
    OPT_MICROPHONE,
    OPT_STEP,
    OPT_TASK,
    OPT_PROMPT,
    OPT_HOTWORDS,
    OPT_THREADS,
    OPT_NO_VAD,
    OPT_VAD_THRESHOLD
};

static bool take(struct live *live, int option, const char *value) {
    double number = 0;
    switch (option) {
    case 'm':
        live->model = value;
        return true;
    case 'l':
        live->options.language = value;
        return true;
    case 'q':
        live->quiet = true;
        return true;
    case 'f':
        live->json = strcmp(value, "json") == 0;
        return live->json || strcmp(value, "txt") == 0 || complain("--format takes txt or json");
    case OPT_RAW:
        live->f32le = strcmp(value, "f32le") == 0;
        return live->f32le || strcmp(value, "s16le") == 0 || complain("--raw takes s16le or f32le");
    case OPT_TASK:
        live->options.task = strcmp(value, "translate") == 0 ? SOTTO_TRANSLATE : SOTTO_TRANSCRIBE;
        return live->options.task || strcmp(value, "transcribe") == 0 ||
               complain("--task takes transcribe or translate");
    case OPT_MICROPHONE:
        live->microphone = value;
        return true;
    case OPT_STEP:
        return (parse_seconds(value, &live->how.step) && live->how.step >= 0.2 && live->how.step <= 10) ||
               complain("--step takes 0.2 to 10 seconds");
    case OPT_PROMPT:
        live->options.initial_prompt = value;
        return true;
    case OPT_HOTWORDS:
        live->options.hotwords = value;
        return true;
    case OPT_NO_VAD:
        live->options.vad = false;
        return true;
    case OPT_THREADS:
        if (!parse_seconds(value, &number) || number < 1 || number > 1024 || number != floor(number))
            return complain("--threads takes 1 to 1024");
        live->options.threads = (uint32_t)number;
        return true;
    default:
        if (!parse_seconds(value, &number)) return complain("--vad-threshold takes a number");
        live->options.vad_threshold = (float)number;
        return true;
    }
}

/** -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct live *live) {
    static const struct option names[] = {
        {"model", required_argument, NULL, 'm'},
        {"language", required_argument, NULL, 'l'},
        {"format", required_argument, NULL, 'f'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {"raw", required_argument, NULL, OPT_RAW},
        {"microphone", required_argument, NULL, OPT_MICROPHONE},
        {"step", required_argument, NULL, OPT_STEP},
        {"task", required_argument, NULL, OPT_TASK},
        {"prompt", required_argument, NULL, OPT_PROMPT},
        {"hotwords", required_argument, NULL, OPT_HOTWORDS},
        {"threads", required_argument, NULL, OPT_THREADS},
        {"no-vad", no_argument, NULL, OPT_NO_VAD},
        {"vad-threshold", required_argument, NULL, OPT_VAD_THRESHOLD},
        {0},
    };
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":m:l:f:qh", names, NULL)) != -1;) {
        if (option == 'h') return fputs(help, stdout) < 0 || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
        if (option == ':') return complain("an option has no value"), SO_EXIT_USAGE;
        if (option == '?') return complain("unknown or ambiguous option"), SO_EXIT_USAGE;
        if (!take(live, option, optarg)) return SO_EXIT_USAGE;
    }
    if (optind < argc)
        return complain("there are no files to name: samples come through a pipe or from a microphone"),
               SO_EXIT_USAGE;
    return -1;
}

/** Whole samples of `bytes` [n] as floats; what is left of the last one moves to the front. Returns how many.
 */
static size_t take_samples(const struct live *live, unsigned char *bytes, size_t *n, float *samples) {
    size_t width = live->f32le ? 4 : 2, count = *n / width;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *b = bytes + i * width;
        uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 |
                        (live->f32le ? (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24 : 0);
        if (live->f32le)
            memcpy(&samples[i], &bits, sizeof bits);
        else
            samples[i] = (float)(int16_t)(uint16_t)bits / 32768.0f;
    }
    *n -= count * width;
    memmove(bytes, bytes + count * width, *n);
    return count;
}

static sotto_status run_pipe(struct live *live, sotto_live *stream, sotto_error *err) {
    static unsigned char bytes[65536];
    static float samples[sizeof bytes / 2];
    size_t n = 0;
    sotto_status status = SOTTO_OK;
    while (!status && !interrupted && !live->stdout_error) {
        ssize_t got = read(STDIN_FILENO, bytes + n, sizeof bytes - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            snprintf(err->message, sizeof err->message, "cannot read standard input: %s", strerror(errno));
            return SOTTO_ERR_IO;
        }
        if (got == 0) break;
        n += (size_t)got;
        size_t count = take_samples(live, bytes, &n, samples);
        if (count) status = sotto_live_push(stream, samples, count, err);
    }
    return status;
}

static sotto_status run_microphone(struct live *live, sotto_live *stream, sotto_error *err) {
    char driver[32] = "";
    const char *name = live->microphone, *colon = name ? strchr(name, ':') : NULL;
    if (colon && (size_t)(colon - name) < sizeof driver) {
        memcpy(driver, name, (size_t)(colon - name));
        name = colon + 1;
    }
    sotto_audio *audio;
    float samples[SOTTO_SAMPLE_RATE / 10];
    sotto_status status =
        sotto_audio_open_device(*driver ? driver : NULL, name && *name ? name : NULL, &audio, err);
    if (!status && !live->quiet) fputs("sotto: listening; Ctrl-C ends it\n", stderr);
    for (size_t n = 1; !status && n > 0 && !interrupted && !live->stdout_error;) {
        status = sotto_audio_read(audio, samples, sizeof samples / sizeof *samples, &n, err);
        if (!status && n) status = sotto_live_push(stream, samples, n, err);
    }
    sotto_audio_close(audio);
    return status;
}

static int run(struct live *live) {
    sotto_error err = {0};
    sotto_model *model = NULL;
    sotto_live *stream = NULL;
    sotto_status status = sotto_model_open(live->model, &model, &err);
    if (!status) status = sotto_live_open(model, &live->how, &live->options, on_text, live, &stream, &err);
    bool usage = status == SOTTO_ERR_ARGUMENT;
    if (!status)
        status = live->microphone || isatty(STDIN_FILENO) ? run_microphone(live, stream, &err)
                                                          : run_pipe(live, stream, &err);
    if (!status && !live->stdout_error) status = sotto_live_finish(stream, &err);
    if (status)
        so_console_error("live", err.message);
    else if (!live->quiet && live->n_confirmed)
        fprintf(stderr,
                "sotto: %.2f s behind on average, %.2f s at worst, over %zu confirmations; %.2f s for each "
                "of %zu passes\n",
                live->latency_sum / (double)live->n_confirmed, live->latency_worst, live->n_confirmed,
                live->pass_sum / (double)live->n_passes, live->n_passes);
    sotto_live_close(stream);
    sotto_model_close(model);
    return status || live->stdout_error ? usage ? SO_EXIT_USAGE : SO_EXIT_FAILURE : SO_EXIT_OK;
}

int so_cli_live(int argc, char **argv) {
    struct live live = {.model = "base"};
    sotto_options_init(&live.options);
    sotto_live_options_init(&live.how);
    live.options.user = &live;
    live.options.on_log = on_log;
    int status = parse(argc, argv, &live);
    if (status >= 0) return status;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return run(&live);
}
