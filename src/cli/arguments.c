#include "cli/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
    "usage: sotto transcribe FILE... [options]\n"
    "Writes what is said in audio or video files (\"-\": standard input).\n"
    "\n"
    "  -m, --model NAME|PATH      model (default base); NAME.sotto in $SOTTO_MODELS or the user's cache folder\n"
    "      --precision int8|f32   arithmetic of a model that is named, not given as a path (default int8)\n"
    "  -l, --language CODE|auto   language spoken (default auto)\n"
    "      --language-per-segment detect the language of each chunk by itself\n"
    "      --language-floor P     below this probability a detected language is not sure (default 0.5)\n"
    "      --task transcribe|translate   translate: into English\n"
    "  -f, --format LIST          txt, srt, vtt, tsv, json, rttm (default txt); several separated by commas\n"
    "  -o, --output DIR           write DIR/NAME.FORMAT in place of standard output\n"
    "                             (while it works, DIR/NAME.partial keeps what is finished, one line for each segment)\n"
    "      --resume               with -o: skip recordings whose outputs of the same settings are complete, and go on with\n"
    "                             unfinished ones where they stopped\n"
    "      --prompt TEXT          text that could stand before: names, spelling, style\n"
    "      --hotwords A,B         words to expect\n"
    "      --condition-on-previous   show each window the text of those before\n"
    "      --no-timestamps        decode without times\n"
    "      --beam N               beam search over N sequences (default 1: greedy)\n"
    "      --patience P           finished sequences to wait for, as a multiple of N (default 1)\n"
    "      --temperature T[,T..]  temperatures to try in order (default 0,0.2,0.4,0.6,0.8,1)\n"
    "      --no-fallback          temperature 0 only\n"
    "      --best-of N            sequences to draw above temperature 0 (default 5)\n"
    "      --seed N               of the random generator (default 0)\n"
    "      --channels N           take channel N, from 0 (default: the mean of all)\n"
    "      --stream N             take audio stream N, from 0 (default: the best)\n"
    "      --max-duration SECONDS refuse longer recordings\n"
    "      --sequential           classic windows that advance by the last timestamp\n"
    "      --batch N              chunks decoded side by side, 1 to 64 (default 8); changes no result\n"
    "      --full-context         encode short chunks as windows of 30 s too\n"
    "      --no-vad               transcribe silence too\n"
    "      --vad-threshold P      probability at which speech begins (default 0.25)\n"
    "      --vad-min-speech S     drop speech shorter than this, seconds (default 0.09)\n"
    "      --vad-min-silence S    silence that parts speech, seconds (default 0.16)\n"
    "      --vad-pad S            keep this much on both sides of speech, seconds (default 1)\n"
    "      --device auto|cpu|xdna|emulator   who multiplies (auto: the NPU if NPU_MATMUL_ENABLED=1, else the CPU)\n"
    "      --npu-all              also the decoder's steps, which the CPU does faster\n"
    "      --npu-attention        also the products of the encoder's attention\n"
    "      --kernel gemm|tile16|tile32|tile64   of the NPU: tiles shift each result to 8 bits, are lossy and slow, and need --force\n"
    "      --force                use a tile kernel all the same; the result says that it is lossy\n"
    "      --threads N            default: one for each core\n"
    "      --words                a start, an end and a probability for each word\n"
    "      --no-word-snapping     leave words' edges where the model's attention puts them\n"
    "      --line-length N        srt, vtt: characters of a line at most (default 42 with --words, else segments as they are)\n"
    "      --cue-lines N          srt, vtt: lines shown at once at most (default 2)\n"
    "      --cue-seconds S        srt, vtt: longest time that lines are shown (default 7)\n"
    "  -q, --quiet                no progress bar\n"
    "  -h, --help\n";

static const char help_on_speakers[] =
    "\n"
    "      --diarize              say who speaks: speakers of segments and words, turns; the options below and rttm imply it\n" SO_SPEAKER_HELP;

enum {
    OPT_TASK = 256, OPT_WORDS, OPT_DIARIZE, OPT_PROMPT, OPT_HOTWORDS,
    OPT_DEVICE, OPT_THREADS, OPT_PRECISION, OPT_BEAM, OPT_SEQUENTIAL, OPT_FULL_CONTEXT, OPT_NO_VAD, OPT_BATCH, OPT_CHANNELS, OPT_STREAM,
    OPT_TEMPERATURE, OPT_NO_FALLBACK, OPT_BEST_OF, OPT_PATIENCE, OPT_NO_TIMESTAMPS, OPT_CONDITION, OPT_SEED,
    OPT_MAX_DURATION, OPT_NO_WORD_SNAPPING, OPT_LINE_LENGTH, OPT_CUE_LINES, OPT_CUE_SECONDS, OPT_NPU_ALL, OPT_NPU_ATTENTION, OPT_KERNEL, OPT_FORCE,
    OPT_LANGUAGE_PER_SEGMENT, OPT_LANGUAGE_FLOOR, OPT_VAD_THRESHOLD, OPT_VAD_MIN_SPEECH, OPT_VAD_MIN_SILENCE, OPT_VAD_PAD,
    OPT_RESUME,
};

static const struct option long_options[] = {
    {"model", required_argument, NULL, 'm'},
    {"language", required_argument, NULL, 'l'},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"language-per-segment", no_argument, NULL, OPT_LANGUAGE_PER_SEGMENT},
    {"language-floor", required_argument, NULL, OPT_LANGUAGE_FLOOR},
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"task", required_argument, NULL, OPT_TASK},
    {"words", no_argument, NULL, OPT_WORDS},
    {"no-word-snapping", no_argument, NULL, OPT_NO_WORD_SNAPPING},
    {"line-length", required_argument, NULL, OPT_LINE_LENGTH},
    {"cue-lines", required_argument, NULL, OPT_CUE_LINES},
    {"cue-seconds", required_argument, NULL, OPT_CUE_SECONDS},
    {"diarize", no_argument, NULL, OPT_DIARIZE},
    SO_SPEAKER_OPTIONS,
    {"prompt", required_argument, NULL, OPT_PROMPT},
    {"hotwords", required_argument, NULL, OPT_HOTWORDS},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"precision", required_argument, NULL, OPT_PRECISION},
    {"beam", required_argument, NULL, OPT_BEAM},
    {"sequential", no_argument, NULL, OPT_SEQUENTIAL},
    {"full-context", no_argument, NULL, OPT_FULL_CONTEXT},
    {"no-vad", no_argument, NULL, OPT_NO_VAD},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"channels", required_argument, NULL, OPT_CHANNELS},
    {"stream", required_argument, NULL, OPT_STREAM},
    {"temperature", required_argument, NULL, OPT_TEMPERATURE},
    {"no-fallback", no_argument, NULL, OPT_NO_FALLBACK},
    {"best-of", required_argument, NULL, OPT_BEST_OF},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {"no-timestamps", no_argument, NULL, OPT_NO_TIMESTAMPS},
    {"condition-on-previous", no_argument, NULL, OPT_CONDITION},
    {"seed", required_argument, NULL, OPT_SEED},
    {"max-duration", required_argument, NULL, OPT_MAX_DURATION},
    {"npu-all", no_argument, NULL, OPT_NPU_ALL},
    {"npu-attention", no_argument, NULL, OPT_NPU_ATTENTION},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"force", no_argument, NULL, OPT_FORCE},
    {"vad-threshold", required_argument, NULL, OPT_VAD_THRESHOLD},
    {"vad-min-speech", required_argument, NULL, OPT_VAD_MIN_SPEECH},
    {"vad-min-silence", required_argument, NULL, OPT_VAD_MIN_SILENCE},
    {"vad-pad", required_argument, NULL, OPT_VAD_PAD},
    {0},
};

static const char *const extensions[] = {
    [SOTTO_FORMAT_TXT] = "txt", [SOTTO_FORMAT_JSON] = "json", [SOTTO_FORMAT_SRT] = "srt",
    [SOTTO_FORMAT_VTT] = "vtt", [SOTTO_FORMAT_TSV] = "tsv",   [SOTTO_FORMAT_RTTM] = "rttm",
};

enum { N_EXTENSIONS = sizeof extensions / sizeof *extensions };

const char *so_format_extension(sotto_format format) { return extensions[format]; }

/** Always false, so that callers write `return complain(..)`. */
__attribute__((format(printf, 1, 2))) static bool complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("sotto transcribe: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs(" (see sotto transcribe --help)\n", stderr);
    va_end(arguments);
    return false;
}

static bool parse_whole(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value) {
    char *end;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || parsed < low || parsed > high)
        return complain("%s takes a whole number from %llu to %llu", option, (unsigned long long)low, (unsigned long long)high);
    *value = parsed;
    return true;
}

static bool parse_uint32(const char *option, const char *text, uint64_t low, uint64_t high, uint32_t *value) {
    uint64_t parsed = 0;
    bool ok = parse_whole(option, text, low, high, &parsed);
    if (ok) *value = (uint32_t)parsed;
    return ok;
}

static bool parse_index(const char *option, const char *text, int *value) {
    uint64_t parsed = 0;
    bool ok = parse_whole(option, text, 0, 1023, &parsed);
    if (ok) *value = (int)parsed;
    return ok;
}

/** A decimal number in the C locale's form; *end where it stops. */
static bool parse_number(const char *option, const char *text, const char *stops, double *value, const char **end) {
    char *after;
    double parsed = strtod(text, &after);
    if (after == text || !strchr(stops, *after) || !isfinite(parsed) || parsed < 0)
        return complain("%s takes a number that is not negative", option);
    *value = parsed;
    *end = after;
    return true;
}

static bool parse_temperatures(const char *text, sotto_options *options) {
    const uint32_t most = sizeof options->temperatures / sizeof *options->temperatures;
    for (uint32_t n = 0; n < most; n++) {
        double value = 0;
        if (!parse_number("--temperature", text, ",", &value, &text)) return false;
        options->temperatures[n] = (float)value;
        options->n_temperatures = n + 1;
        if (!*text++) return true;
    }
    return complain("--temperature takes at most %u numbers", most);
}

static bool parse_formats(const char *text, struct so_arguments *arguments) {
    arguments->n_formats = 0;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        int format = 0;
        while (format < N_EXTENSIONS && (strlen(extensions[format]) != n || strncmp(at, extensions[format], n) != 0)) format++;
        if (format == N_EXTENSIONS) return complain("unknown format in \"%s\": there are txt, srt, vtt, tsv, json and rttm", text);
        bool known = false;
        for (size_t i = 0; i < arguments->n_formats; i++) known = known || arguments->formats[i] == (sotto_format)format;
        if (!known) arguments->formats[arguments->n_formats++] = (sotto_format)format;
        at += n;
        if (!*at) return true;
    }
}

/** Index of `text` among `choices` (NULL-terminated), -1 with a complaint. */
static int parse_choice(const char *option, const char *text, const char *const *choices, const char *list) {
    for (int i = 0; choices[i]; i++)
        if (strcmp(text, choices[i]) == 0) return i;
    complain("%s takes %s, not \"%s\"", option, list, text);
    return -1;
}

static bool parse_device(const char *text, sotto_options *options) {
    static const char *const names[] = {"auto", "cpu", "xdna", "emulator", NULL};
    int choice = parse_choice("--device", text, names, "auto, cpu, xdna or emulator");
    static const sotto_device devices[] = {SOTTO_DEVICE_AUTO, SOTTO_DEVICE_CPU, SOTTO_DEVICE_XDNA, SOTTO_DEVICE_EMULATOR};
    if (choice >= 0) options->device = devices[choice];
    return choice >= 0;
}

static bool parse_kernel(const char *text, sotto_options *options) {
    static const char *const names[] = {"gemm", "tile16", "tile32", "tile64", NULL};
    static const uint32_t kernels[] = {0, 16, 32, 64};
    int choice = parse_choice("--kernel", text, names, "gemm, tile16, tile32 or tile64");
    if (choice >= 0) options->npu_kernel = kernels[choice];
    return choice >= 0;
}

static bool parse_task(const char *text, sotto_options *options) {
    static const char *const names[] = {"transcribe", "translate", NULL};
    int choice = parse_choice("--task", text, names, "transcribe or translate");
    options->task = choice == 1 ? SOTTO_TRANSLATE : SOTTO_TRANSCRIBE;
    return choice >= 0;
}

static bool parse_precision(const char *text, struct so_arguments *arguments) {
    static const char *const names[] = {"int8", "f32", NULL};
    int choice = parse_choice("--precision", text, names, "int8 or f32");
    arguments->f32 = choice == 1;
    return choice >= 0;
}

static bool parse_double(const char *option, const char *text, double *value) {
    const char *end;
    return parse_number(option, text, "", value, &end);
}

static bool parse_float(const char *option, const char *text, float *value) {
    double parsed = 0;
    bool ok = parse_double(option, text, &parsed);
    if (ok) *value = (float)parsed;
    return ok;
}

static bool parse_cue_seconds(const char *text, sotto_format_options *cues) {
    if (!parse_double("--cue-seconds", text, &cues->cue_max_seconds)) return false;
    return (cues->cue_max_seconds >= 1 && cues->cue_max_seconds <= 60) || complain("--cue-seconds takes a number from 1 to 60");
}

static bool take(int option, const char *value, struct so_arguments *a) {
    sotto_options *o = &a->options;
    switch (option) {
    case 'm': a->model = value; return true;
    case 'l': o->language = value; return true;
    case 'f': return parse_formats(value, a);
    case 'o': a->folder = value; return *value || complain("--output takes a folder");
    case 'q': a->quiet = true; return true;
    case OPT_TASK: return parse_task(value, o);
    case OPT_PROMPT: o->initial_prompt = value; return true;
    case OPT_HOTWORDS: o->hotwords = value; return true;
    case OPT_DEVICE: return parse_device(value, o);
    case OPT_NPU_ALL: o->npu_all = true; return true;
    case OPT_KERNEL: return parse_kernel(value, o);
    case OPT_FORCE: o->npu_force = true; return true;
    case OPT_NPU_ATTENTION: o->npu_attention = true; return true;
    case OPT_THREADS: return parse_uint32("--threads", value, 1, 1024, &o->threads);
    case OPT_PRECISION: return parse_precision(value, a);
    case OPT_BEAM: return parse_uint32("--beam", value, 1, 64, &o->beam_size);
    case OPT_BEST_OF: return parse_uint32("--best-of", value, 1, 64, &o->best_of);
    case OPT_PATIENCE: return parse_float("--patience", value, &o->patience);
    case OPT_TEMPERATURE: return parse_temperatures(value, o);
    case OPT_NO_FALLBACK: o->n_temperatures = 1; o->temperatures[0] = 0; return true;
    case OPT_SEED: return parse_whole("--seed", value, 0, UINT64_MAX, &o->seed);
    case OPT_CHANNELS: return parse_index("--channels", value, &o->channel);
    case OPT_STREAM: return parse_index("--stream", value, &o->stream);
    case OPT_MAX_DURATION: return parse_double("--max-duration", value, &o->max_duration);
    case OPT_NO_TIMESTAMPS: o->no_timestamps = true; return true;
    case OPT_CONDITION: o->condition_on_previous = true; return true;
    case OPT_SEQUENTIAL: o->sequential = true; return true;
    case OPT_FULL_CONTEXT: o->full_context = true; return true;
    case OPT_NO_VAD: o->vad = false; return true;
    case OPT_RESUME: a->resume = o->resume = true; return true;
    case OPT_LANGUAGE_PER_SEGMENT: o->language_per_segment = true; return true;
    case OPT_LANGUAGE_FLOOR: return parse_float("--language-floor", value, &o->language_floor);
    case OPT_VAD_THRESHOLD: return parse_float("--vad-threshold", value, &o->vad_threshold);
    case OPT_VAD_MIN_SPEECH: return parse_double("--vad-min-speech", value, &o->vad_min_speech);
    case OPT_VAD_MIN_SILENCE: return parse_double("--vad-min-silence", value, &o->vad_min_silence);
    case OPT_VAD_PAD: return parse_double("--vad-pad", value, &o->vad_pad);
    case OPT_BATCH: return parse_uint32("--batch", value, 1, 64, &o->batch_size);
    case OPT_WORDS: o->word_timestamps = a->shape = true; return true;
    case OPT_LINE_LENGTH: a->shape = true; return parse_uint32("--line-length", value, 8, 1000, &a->cues.line_characters);
    case OPT_CUE_LINES: a->shape = true; return parse_uint32("--cue-lines", value, 1, 10, &a->cues.cue_lines);
    case OPT_CUE_SECONDS: a->shape = true; return parse_cue_seconds(value, &a->cues);
    case OPT_NO_WORD_SNAPPING: o->no_word_snapping = true; return true;
    case OPT_DIARIZE: o->diarize = true; return true;
    default: return false;
    }
}

static bool wants_speakers(const struct so_arguments *arguments) {
    for (size_t i = 0; i < arguments->n_formats; i++)
        if (arguments->formats[i] == SOTTO_FORMAT_RTTM) return true;
    return false;
}

int so_arguments_parse(int argc, char **argv, struct so_arguments *arguments) {
    *arguments = (struct so_arguments){.model = "base", .formats = {SOTTO_FORMAT_TXT}, .n_formats = 1};
    sotto_options_init(&arguments->options);
    sotto_format_options_init(&arguments->cues);
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":m:l:f:o:qh", long_options, NULL)) != -1;) {
        const char *given = argv[optind - 1], *problem;
        if (option == 'h') return fputs(help, stdout) < 0 || fputs(help_on_speakers, stdout) < 0 || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
        if (option == ':') return complain("%s needs a value", given), SO_EXIT_USAGE;
        if (option == '?') return complain("unknown or ambiguous option %s", given), SO_EXIT_USAGE;
        if (so_speaker_take(option, optarg, &arguments->speakers, &arguments->options, &problem)) {
            if (problem) return complain("%s", problem), SO_EXIT_USAGE;
            arguments->options.diarize = true;
        } else if (!take(option, optarg, arguments)) {
            return SO_EXIT_USAGE;
        }
    }
    arguments->files = argv + optind;
    arguments->n_files = (size_t)(argc - optind);
    if (wants_speakers(arguments)) arguments->options.diarize = true;
    if (arguments->n_files == 0) return complain("no file was given"), SO_EXIT_USAGE;
    if (arguments->resume && !arguments->folder) return complain("--resume goes on with outputs in a folder: give it by -o"), SO_EXIT_USAGE;
    return -1;
}
