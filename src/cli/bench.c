/** sotto bench: the same recording on the CPU and on a device, side by side. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "cli/wer.h"
#include "sotto.h"

static const char help[] =
    "usage: sotto bench --audio FILE [--model NAME|PATH] [--device cpu|xdna|emulator] [--reference TEXT] [--language CODE]\n"
    "                   [--threads N] [--npu-all] [--npu-attention]\n"
    "Transcribes on the CPU and, if asked for, on a device; prints time, word error rate, products and energy of both.\n";

struct request {
    const char *audio, *model, *reference;
    sotto_device device;
    sotto_options options;
};

static int usage(const char *problem) {
    so_console_error("bench", problem);
    fputs(help, stderr);
    return SO_EXIT_USAGE;
}

static const char *parse(int argc, char **argv, struct request *r) {
    static const struct option options[] = {{"audio", 1, NULL, 'a'}, {"model", 1, NULL, 'm'}, {"device", 1, NULL, 'd'},
                                            {"reference", 1, NULL, 'r'}, {"language", 1, NULL, 'l'}, {"threads", 1, NULL, 't'},
                                            {"npu-all", 0, NULL, 'A'}, {"npu-attention", 0, NULL, 'B'}, {0}};
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "m:l:", options, NULL)) != -1;) {
        switch (c) {
        case 'a': r->audio = optarg; break;
        case 'm': r->model = optarg; break;
        case 'r': r->reference = optarg; break;
        case 'l': r->options.language = optarg; break;
        case 't':
            r->options.threads = (uint32_t)strtoul(optarg, NULL, 10);
            if (r->options.threads < 1 || r->options.threads > 1024) return "--threads takes a number from 1 to 1024";
            break;
        case 'A': r->options.npu_all = true; break;
        case 'B': r->options.npu_attention = true; break;
        case 'd':
            if (strcmp(optarg, "cpu") == 0) r->device = SOTTO_DEVICE_CPU;
            else if (strcmp(optarg, "xdna") == 0) r->device = SOTTO_DEVICE_XDNA;
            else if (strcmp(optarg, "emulator") == 0) r->device = SOTTO_DEVICE_EMULATOR;
            else return "--device takes cpu, xdna or emulator";
            break;
        default: return "an option that is not known, or without its value";
        }
    }
    if (optind < argc) return "an argument too many";
    return r->audio ? NULL : "--audio is needed";
}

/* The package's energy counter in microjoules; false where it cannot be read (it wraps around, and needs permission). */
static bool energy(double *joules) {
    FILE *file = fopen("/sys/class/powercap/intel-rapl:0/energy_uj", "r");
    unsigned long long value;
    bool read = file && fscanf(file, "%llu", &value) == 1;
    if (file) fclose(file);
    if (read) *joules = (double)value * 1e-6;
    return read;
}

static void print_stage(const char *name, double seconds, double duration, sotto_products products) {
    printf("  %-8s %8.3f s, %7.1f x realtime, products: %" PRIu64 " on the CPU, %" PRIu64 " on the device\n", name, seconds,
           seconds > 0 ? duration / seconds : 0, products.cpu, products.npu);
}

static void print_result(const struct request *r, const sotto_result *result, const char *cpu_text, double joules, bool has_energy) {
    const sotto_timing *t = &result->timing;
    struct rusage used;
    printf("%s, %.1f s of audio, %" PRIu64 " fallbacks\n", result->device_path, result->duration,
           result->fallbacks);
    print_stage("whole", t->total, result->duration,
                (sotto_products){result->matmuls_cpu, result->matmuls_npu});
    print_stage("encoder", t->encode, result->duration, result->products.encoder);
    print_stage("decoder", t->decode, result->duration, result->products.decoder);
    if (r->reference)
        printf("  word error rate against the reference: %.2f %%\n",
               so_word_error_rate(r->reference, result->text));
    if (cpu_text)
        printf("  word error rate against the CPU: %.2f %%, text %s\n", so_word_error_rate(cpu_text, result->text),
               strcmp(cpu_text, result->text) == 0 ? "identical" : "DIFFERENT");
    if (getrusage(RUSAGE_SELF, &used) == 0) printf("  peak memory of the process so far: %.1f MB\n", (double)used.ru_maxrss / 1024);
    if (has_energy)
        printf("  energy of the CPU package: %.1f J\n", joules);
    else
        printf("  energy of the CPU package: not available\n");
}

static int run(const struct request *r, const sotto_model *model, sotto_device device, char **cpu_text) {
    sotto_options options = r->options;
    sotto_result *result;
    sotto_error err;
    double before = 0, after = 0;
    options.device = device;
    bool has_energy = energy(&before);
    if (sotto_transcribe_file(model, r->audio, &options, &result, &err)) {
        so_console_error(r->audio, err.message);
        return SO_EXIT_FAILURE;
    }
    has_energy = has_energy && energy(&after) && after >= before;
    print_result(r, result, *cpu_text, after - before, has_energy);
    if (!*cpu_text) *cpu_text = strdup(result->text);
    sotto_result_free(result);
    return *cpu_text ? SO_EXIT_OK : SO_EXIT_FAILURE;
}

static void log_line(void *user, sotto_log_level level, const char *line) {
    (void)user;
    if (level <= SOTTO_LOG_WARNING) so_console_error("bench", line);
}

int so_cli_bench(int argc, char **argv) {
    struct request r = {.model = "base", .device = SOTTO_DEVICE_CPU};
    sotto_model *model;
    sotto_error err;
    char *cpu_text = NULL;
    sotto_options_init(&r.options);
    r.options.on_log = log_line;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) return fputs(help, stdout) < 0 ? SO_EXIT_FAILURE : SO_EXIT_OK;
    const char *problem = parse(argc, argv, &r);
    if (problem) return usage(problem);
    if (sotto_model_open(r.model, &model, &err)) {
        so_console_error(r.model, err.message);
        return SO_EXIT_FAILURE;
    }
    int status = run(&r, model, SOTTO_DEVICE_CPU, &cpu_text);
    if (status == SO_EXIT_OK && r.device != SOTTO_DEVICE_CPU) {
        status = run(&r, model, r.device, &cpu_text);
        printf("  NPU utilisation: see `sotto device list` where the driver gives it%s\n",
               r.device == SOTTO_DEVICE_EMULATOR ? "; the emulator's times say nothing about an NPU" : "");
    }
    free(cpu_text);
    sotto_model_close(model);
    return status || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
}
