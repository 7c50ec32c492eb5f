#include "server/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

enum kind { TEXT, WHOLE, SECONDS, MIB, YES, DEVICE, PERCENT };

/** One option: what it sets and the range it has. */
struct option_of {
    const char *name, *value, *help;
    enum kind kind;
    size_t offset;
    double low, high, standard;
};

#define AT(field) offsetof(struct so_settings, field)
#define UNBOUNDED 1e9

static const struct option_of table[] = {
    {"keys", "FILE", "ask for a bearer key; FILE has their hashes (see --new-key)", TEXT, AT(keys), 0, 0, 0},
    {"allow-host", "NAMES", "names (a,b) by which this server may be asked for; addresses and localhost always may", TEXT, AT(allow_host), 0, 0, 0},
    {"spool", "DIR", "folder for uploads and jobs (default: $TMPDIR or /tmp)", TEXT, AT(spool), 0, 0, 0},
    {"max-upload", "MIB", "size of one upload", MIB, AT(upload_bytes), 1, 1 << 20, SO_DEFAULT_UPLOAD_MIB},
    {"max-spool", "MIB", "size of all uploads that are held", MIB, AT(spool_bytes), 1, 1 << 24, SO_DEFAULT_SPOOL_MIB},
    {"max-audio", "SECONDS", "decoded sound of one upload", SECONDS, AT(audio_seconds), 1, UNBOUNDED, SO_DEFAULT_AUDIO_SECONDS},
    {"deadline", "SECONDS", "work on one request, waiting included", SECONDS, AT(deadline), 0.1, UNBOUNDED, SO_DEFAULT_DEADLINE_SECONDS},
    {"header-timeout", "SECONDS", "to send a request's headers", WHOLE, AT(header_seconds), 1, 3600, SO_DEFAULT_HEADER_SECONDS},
    {"body-timeout", "SECONDS", "to send a request's body", WHOLE, AT(body_seconds), 1, 86400, SO_DEFAULT_BODY_SECONDS},
    {"idle-timeout", "SECONDS", "without a byte while one is awaited", WHOLE, AT(idle_seconds), 1, 3600, SO_DEFAULT_IDLE_SECONDS},
    {"answer-timeout", "SECONDS", "to take an answer", WHOLE, AT(answer_seconds), 1, 86400, SO_DEFAULT_ANSWER_SECONDS},
    {"connections", "N", "open at once", WHOLE, AT(connections), 1, 65536, SO_DEFAULT_CONNECTIONS},
    {"per-address", "N", "of them from one address", WHOLE, AT(per_address), 1, 65536, SO_DEFAULT_PER_ADDRESS},
    {"queue", "N", "requests that wait or are worked on; more get 429", WHOLE, AT(queue), 1, 65536, SO_DEFAULT_QUEUE},
    {"queue-work", "SECONDS", "estimated work that may wait; more gets 429", SECONDS, AT(queue_seconds), 0.001, UNBOUNDED, SO_DEFAULT_QUEUE_SECONDS},
    {"parallel", "N", "requests worked on at once, and one more if it is short", WHOLE, AT(parallel), 1, 64, SO_DEFAULT_PARALLEL},
    {"threads", "N", "threads for computing (0: one for each core)", WHOLE, AT(threads), 0, 1024, 0},
    {"live", "N", "live sessions (WebSocket) at once", WHOLE, AT(live), 0, 1024, SO_DEFAULT_LIVE},
    {"live-idle", "SECONDS", "without a message in a live session", WHOLE, AT(live_idle), 1, 86400, SO_DEFAULT_LIVE_IDLE},
    {"live-time", "SECONDS", "that a live session lasts", WHOLE, AT(live_seconds), 1, 604800, SO_DEFAULT_LIVE_SECONDS},
    {"drain", "SECONDS", "that a stop waits for work in progress", WHOLE, AT(drain_seconds), 0, 86400, SO_DEFAULT_DRAIN_SECONDS},
    {"keep", "SECONDS", "that a finished job's result is kept", WHOLE, AT(keep_seconds), 1, 31536000, SO_DEFAULT_KEEP_SECONDS},
    {"device", "NAME", "what the NPU's share of requests goes to: xdna, emulator; cpu: no NPU; auto: xdna if NPU_MATMUL_ENABLED=1", DEVICE, AT(device), 0, 0, 0},
    {"npu-rollout", "PERCENT", "of requests that go to the NPU, 0 to 100 (100 with a device or NPU_MATMUL_ENABLED=1, else 0)", PERCENT, AT(rollout), 0, 100, -1},
    {"npu-errors", "PERCENT", "of requests that fail on the NPU, above which all return to the CPU", WHOLE, AT(npu_errors), 0, 100, SO_DEFAULT_NPU_ERRORS},
    {"log-json", NULL, "log lines are JSON objects", YES, AT(log.json), 0, 0, 0},
    {"log-text", NULL, "write transcripts into the log (they are private: off)", YES, AT(log_text), 0, 0, 0},
};

enum { FIRST_LONG = 256, N_TABLE = SO_COUNT(table), OPT_LEVEL = FIRST_LONG + N_TABLE };

static int help(void) {
    printf("usage: sotto serve [OPTION..]\n\n"
           "Transcription over HTTP: POST /v1/audio/transcriptions, /v1/audio/translations (as OpenAI's API), /transcribe; a page at /.\n\n"
           "  -m, --model NAME          a model to offer; may be repeated, the first is the default (base)\n"
           "      --host ADDRESS        to listen on (127.0.0.1)\n"
           "  -p, --port N              to listen on (%d)\n",
           SO_DEFAULT_PORT);
    for (size_t i = 0; i < N_TABLE; i++) {
        char left[40];
        const struct option_of *o = &table[i];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("      --%-20s%s", left, o->help);
        if (o->kind != TEXT && o->kind != YES && o->kind != DEVICE && o->kind != PERCENT) printf(" (%g)", o->standard);
        putchar('\n');
    }
    printf("      --log-level LEVEL     error, warning, info or debug (info)\n"
           "      --new-key NAME        print a new key, and the line for the file of --keys, and end\n"
           "  -h, --help\n\nSIGTERM stops it when the work in progress is done, SIGHUP opens models and keys again. docs/server.md has more.\n");
    return fflush(stdout) ? 1 : 0;
}

static bool complain(const char *option, const char *what) {
    fprintf(stderr, "sotto: serve: --%s %s\n", option, what);
    return false;
}

static bool set_device(const char *text, const char **field) {
    static const char *const names[] = {"auto", "cpu", "xdna", "emulator"};
    *field = text;
    for (size_t i = 0; text && i < SO_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) return true;
    return !text || complain("device", "takes auto, cpu, xdna or emulator");
}

static bool set(const struct option_of *o, const char *text, struct so_settings *s) {
    void *field = (char *)s + o->offset;
    double value = o->standard;
    if (o->kind == DEVICE) return set_device(text, (const char **)field);
    if (o->kind == TEXT) return *(const char **)field = text, true;
    if (o->kind == YES) return *(bool *)field = text != NULL, true;
    if (text) {
        char *end, range[96];
        errno = 0;
        value = strtod(text, &end);
        bool whole = o->kind == SECONDS || value == (double)(long long)value;
        if (end == text || *end || errno || !(value >= o->low && value <= o->high) || !whole) {
            snprintf(range, sizeof range, "takes a%s number from %g to %g", o->kind == SECONDS ? "" : " whole", o->low, o->high);
            return complain(o->name, range);
        }
    }
    if (o->kind == WHOLE) *(unsigned *)field = (unsigned)value;
    else if (o->kind == PERCENT) *(int *)field = (int)value;
    else if (o->kind == SECONDS) *(double *)field = value;
    else *(uint64_t *)field = (uint64_t)value << 20;
    return true;
}

static bool set_level(const char *text, struct so_settings *s) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (size_t i = 0; i < SO_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0) {
            s->log.level = (sotto_log_level)i;
            return true;
        }
    return complain("log-level", "takes error, warning, info or debug");
}

static bool set_port(const char *text, struct so_settings *s) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end || *text == '-' || value > 65535) return complain("port", "takes a number from 0 to 65535");
    s->port = (uint16_t)value;
    return true;
}

static bool take(int option, const char *text, struct so_settings *s) {
    if (option >= FIRST_LONG && option < FIRST_LONG + N_TABLE) return set(&table[option - FIRST_LONG], text ? text : "", s);
    if (option == OPT_LEVEL) return set_level(text, s);
    if (option == 'p') return set_port(text, s);
    if (option == 'H') return s->host = text, true;
    if (s->n_models == SO_MAX_MODELS) return complain("model", "was given too often");
    s->models[s->n_models++] = text;
    return true;
}

int so_settings_parse(int argc, char **argv, struct so_settings *s) {
    struct option options[N_TABLE + 6] = {{"model", required_argument, NULL, 'm'}, {"host", required_argument, NULL, 'H'},
                                          {"port", required_argument, NULL, 'p'},  {"help", no_argument, NULL, 'h'},
                                          {"log-level", required_argument, NULL, OPT_LEVEL}};
    const char *temporary = getenv("TMPDIR");
    *s = (struct so_settings){.host = "127.0.0.1", .port = SO_DEFAULT_PORT, .log.level = SOTTO_LOG_INFO};
    for (int i = 0; i < N_TABLE; i++) {
        options[5 + i] = (struct option){table[i].name, table[i].kind == YES ? no_argument : required_argument, NULL, FIRST_LONG + i};
        set(&table[i], NULL, s);
    }
    s->spool = temporary && *temporary ? temporary : "/tmp";
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":m:p:h", options, NULL)) != -1;) {
        const char *given = argv[optind - 1];
        if (option == 'h') return help();
        if (option == ':' || option == '?') {
            fprintf(stderr, option == ':' ? "sotto: serve: %s needs a value\n" : "sotto: serve: unknown or ambiguous option %s\n", given);
            return 2;
        }
        if (!take(option, optarg, s)) return 2;
    }
    if (optind < argc) {
        fprintf(stderr, "sotto: serve: takes no argument \"%.60s\"\n", argv[optind]);
        return 2;
    }
    if (s->n_models == 0) s->models[s->n_models++] = "base";
    return -1;
}
