/** The sotto program: finds the command and hands over. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "sotto.h"

static const struct {
    const char *name, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"transcribe", "write what is said in a recording", so_cli_transcribe},
    {"diarize", "write who speaks when in a recording", so_cli_diarize},
    {"speakers", "known voices: add, list, remove, match", so_cli_speakers},
    {"serve", "answer over HTTP, as OpenAI's API, with a page", so_cli_serve},
    {"live", "write what is said while it is said", so_cli_live},
    {"model", "list, fetch, import, show and verify models", so_cli_model},
    {"device", "list, check and inspect NPUs and files for them", so_cli_device},
    {"matmul", "multiply matrices on a device, check and time it", so_cli_matmul},
    {"bench", "transcribe on the CPU and on a device, and compare", so_cli_bench},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int help(FILE *out) {
    fputs("sotto " SOTTO_VERSION ": speech to text\n\nusage: sotto COMMAND ...\n\n", out);
    for (int i = 0; i < N_COMMANDS; i++) fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].what);
    fputs("\n  --help, --version\n\nEach command says more by: sotto COMMAND --help\n", out);
    return fflush(out) ? SO_EXIT_FAILURE : SO_EXIT_OK;
}

/**
 * A standard stream that was closed must not become the next file that is opened. Standard output is replaced by
 * something that cannot be written to, so that a lost result is still an error.
 */
static void hold_standard_streams(void) {
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int i = 0; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", modes[i]) < 0) return;
}

int main(int argc, char **argv) {
    hold_standard_streams();
    if (argc < 2) {
        help(stderr);
        return SO_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) return help(stdout);
    if (strcmp(name, "--version") == 0) return puts("sotto " SOTTO_VERSION) < 0 || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
    if (strcmp(name, "media-helper") == 0) return so_cli_media_helper(argc - 1, argv + 1);
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "sotto: unknown command \"%.60s\" (see sotto --help)\n", name);
    return SO_EXIT_USAGE;
}
