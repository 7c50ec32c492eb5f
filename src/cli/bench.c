/** sotto bench: the same recording on the CPU and on a device, side by side. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_report.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/wer.h"
#include "sotto.h"

static const char help[] =
    "usage: sotto bench --audio FILE [--model NAME|PATH] [--device cpu|xdna|emulator] [--reference TEXT] [--language CODE]\n"
    "                   [--threads N] [--npu-all] [--npu-attention] [--kernel gemm|tile16|tile32|tile64] [--force] [--json]\n"
    "Transcribes on the CPU and, if asked for, on a device. Prints of both, for the whole, the encoder and the decoder: time,\n"
    "realtime factor, products by who computed them, NPU utilisation, peak memory and energy; and word error rates against\n"
    "the reference and against the CPU. What a machine does not tell is \"not available\" (null in JSON).\n";

struct request {
    const char *audio, *model, *reference;
    sotto_device device;
    sotto_options options;
    bool json;
};

static int usage(const char *problem) {
    so_console_error("bench", problem);
    fputs(help, stderr);
    return SO_EXIT_USAGE;
}

static bool choose(const char *text, const char *const *names, unsigned *out) {
    for (*out = 0; names[*out]; ++*out)
        if (strcmp(names[*out], text) == 0) return true;
    return false;
}

static const char *parse(int argc, char **argv, struct request *r) {
    static const struct option options[] = {{"audio", 1, NULL, 'a'}, {"model", 1, NULL, 'm'}, {"device", 1, NULL, 'd'},
                                            {"reference", 1, NULL, 'r'}, {"language", 1, NULL, 'l'}, {"threads", 1, NULL, 't'},
                                            {"npu-all", 0, NULL, 'A'}, {"npu-attention", 0, NULL, 'B'}, {"kernel", 1, NULL, 'k'},
                                            {"force", 0, NULL, 'f'}, {"json", 0, NULL, 'j'}, {0}};
    static const char *const devices[] = {"cpu", "xdna", "emulator", NULL}, *const kernels[] = {"gemm", "tile16", "tile32", "tile64", NULL};
    static const sotto_device device_of[] = {SOTTO_DEVICE_CPU, SOTTO_DEVICE_XDNA, SOTTO_DEVICE_EMULATOR};
    unsigned choice;
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
        case 'f': r->options.npu_force = true; break;
        case 'j': r->json = true; break;
        case 'k':
            if (!choose(optarg, kernels, &choice)) return "--kernel takes gemm, tile16, tile32 or tile64";
            r->options.npu_kernel = choice ? 8u << choice : 0;
            break;
        case 'd':
            if (!choose(optarg, devices, &choice)) return "--device takes cpu, xdna or emulator";
            r->device = device_of[choice];
            break;
        default: return "an option that is not known, or without its value";
        }
    }
    if (optind < argc) return "an argument too many";
    return r->audio ? NULL : "--audio is needed";
}

static bool run(const struct request *r, const sotto_model *model, sotto_device device, sotto_result **out) {
    sotto_options options = r->options;
    sotto_error err;
    options.device = device;
    if (!sotto_transcribe_file(model, r->audio, &options, out, &err)) return true;
    so_console_error(r->audio, err.message);
    return false;
}

static struct so_bench_run judge(const struct request *r, const sotto_result *result, const sotto_result *cpu, bool emulated) {
    return (struct so_bench_run){
        .result = result,
        .wer_reference = r->reference ? so_word_error_rate(r->reference, result->text) : -1,
        .wer_cpu = cpu ? so_word_error_rate(cpu->text, result->text) : -1,
        .identical = cpu && strcmp(cpu->text, result->text) == 0,
        .emulated = emulated,
    };
}

static int measure(const struct request *r, const sotto_model *model) {
    sotto_result *cpu = NULL, *device = NULL;
    struct so_bench_run runs[2];
    size_t n = 1;
    bool good = run(r, model, SOTTO_DEVICE_CPU, &cpu);
    if (good && r->device != SOTTO_DEVICE_CPU) good = run(r, model, r->device, &device);
    if (good) runs[0] = judge(r, cpu, NULL, false);
    if (good && device) runs[n++] = judge(r, device, cpu, r->device == SOTTO_DEVICE_EMULATOR);
    if (good && r->json)
        good = so_bench_json(r->audio, runs, n);
    else
        for (size_t i = 0; good && i < n; i++) so_bench_text(&runs[i]);
    sotto_result_free(cpu);
    sotto_result_free(device);
    return good ? SO_EXIT_OK : SO_EXIT_FAILURE;
}

static void log_line(void *user, sotto_log_level level, const char *line) {
    (void)user;
    if (level <= SOTTO_LOG_WARNING) so_console_error("bench", line);
}

int so_cli_bench(int argc, char **argv) {
    struct request r = {.model = "base", .device = SOTTO_DEVICE_CPU};
    sotto_model *model;
    sotto_error err;
    sotto_options_init(&r.options);
    r.options.on_log = log_line;
    r.options.measure = true;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) return fputs(help, stdout) < 0 ? SO_EXIT_FAILURE : SO_EXIT_OK;
    const char *problem = parse(argc, argv, &r);
    if (problem) return usage(problem);
    if (sotto_model_open(r.model, &model, &err)) {
        so_console_error(r.model, err.message);
        return SO_EXIT_FAILURE;
    }
    int status = measure(&r, model);
    sotto_model_close(model);
    return status || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
}
