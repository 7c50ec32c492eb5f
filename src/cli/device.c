/** sotto device: what NPUs there are, whether they compute right, what files for them hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "sotto_device.h"

static const char help[] =
    "usage: sotto device list\n"
    "       sotto device check [--device xdna|emulator] [--xclbin FILE]\n"
    "       sotto device inspect FILE      an xclbin, or an instruction stream (binary or hexadecimal text)\n"
    "       sotto device plan [MODEL]      what one window would cost with each kernel (default base)\n";

static int usage(const char *problem) {
    so_console_error("device", problem);
    fputs(help, stderr);
    return SO_EXIT_USAGE;
}

/* Print what there is, then complain if there is something to complain about. */
static int answer(const char *subject, char *text, sotto_status status, const sotto_error *err) {
    bool written = !text || so_console_write(text, strlen(text));
    free(text);
    if (status) so_console_error(subject, err->message);
    return status || !written ? SO_EXIT_FAILURE : SO_EXIT_OK;
}

static int check(int argc, char **argv) {
    sotto_device device = SOTTO_DEVICE_XDNA;
    const char *xclbin = NULL;
    for (int i = 2; i < argc; i++) {
        if (i + 1 == argc) return usage("an option without its value, or one that is not known");
        if (strcmp(argv[i], "--xclbin") == 0) xclbin = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && strcmp(argv[i + 1], "emulator") == 0) i++, device = SOTTO_DEVICE_EMULATOR;
        else if (strcmp(argv[i], "--device") == 0 && strcmp(argv[i + 1], "xdna") == 0) i++;
        else return usage("only xdna and emulator can be checked");
    }
    char *text;
    sotto_error err;
    sotto_status status = sotto_device_check(device, xclbin, &text, &err);
    return answer("device check", text, status, &err);
}

static int plan(const char *name) {
    sotto_model *model;
    sotto_error err;
    char *text;
    if (sotto_model_open(name, &model, &err)) return answer(name, NULL, err.code, &err);
    sotto_status status = sotto_device_plan(model, &text, &err);
    sotto_model_close(model);
    return answer("device plan", text, status, &err);
}

int so_cli_device(int argc, char **argv) {
    sotto_error err;
    char *text;
    if (argc < 2) return usage("say what to do");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return fputs(help, stdout) < 0 ? SO_EXIT_FAILURE : SO_EXIT_OK;
    if (strcmp(argv[1], "list") == 0 && argc == 2) {
        sotto_status status = sotto_device_list(&text, &err);
        return answer("device list", text, status, &err);
    }
    if (strcmp(argv[1], "check") == 0) return check(argc, argv);
    if (strcmp(argv[1], "plan") == 0 && argc <= 3) return plan(argc == 3 ? argv[2] : "base");
    if (strcmp(argv[1], "inspect") == 0 && argc == 3) {
        sotto_status status = sotto_device_inspect(argv[2], &text, &err);
        return answer(argv[2], text, status, &err);
    }
    return usage("an unknown command, or too many arguments");
}
