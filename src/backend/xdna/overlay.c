#include "backend/xdna/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/xdna/xclbin.h"
#include "util/memory.h"

static const struct {
    const char *name, *size;
    enum so_overlay_kind kind;
} kinds[] = {
    {"gemm", NULL, SO_KERNEL_GEMM},
    {"tile16", "16x16", SO_KERNEL_TILE16},
    {"tile32", "32x32", SO_KERNEL_TILE32},
    {"tile64", "64x64", SO_KERNEL_TILE64},
};

static bool readable(const char *path) { return access(path, R_OK) == 0; }

/* "folder/" of a path, or nothing. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path + 1) : 0;
}

/* One line of the catalogue; true if it is about this file. */
static bool match_line(char *line, const char *path, struct so_overlay *out) {
    line[strcspn(line, "#\r\n")] = 0;
    char *rest = NULL, *kind = strtok_r(line, " \t", &rest), *file = kind ? strtok_r(NULL, " \t", &rest) : NULL;
    char *instructions = file ? strtok_r(NULL, " \t", &rest) : NULL;
    if (!kind || !file || strcmp(file, path + folder_length(path)) != 0) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind, kinds[i].name) == 0) {
            out->kind = kinds[i].kind;
            if (instructions)
                snprintf(out->instructions, sizeof out->instructions, "%.*s%s", folder_length(path), path, instructions);
            return true;
        }
    return false;
}

static bool by_catalogue(const char *path, struct so_overlay *out) {
    char name[4200];
    snprintf(name, sizeof name, "%.*soverlays.txt", folder_length(path), path);
    void *bytes;
    size_t size;
    if (!readable(name) || so_xdna_read_file(name, &bytes, &size, NULL) != SOTTO_OK) return false;
    char *text = bytes, *end;
    text[size] = 0; /* so_xdna_read_file leaves room for it */
    bool found = false;
    for (char *line = text; line && *line && !found; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        found = match_line(line, path, out);
    }
    so_free(bytes);
    return found;
}

static void by_name(const char *path, struct so_overlay *out) {
    const char *name = path + folder_length(path);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].size && strstr(name, kinds[i].size)) out->kind = kinds[i].kind;
}

void so_overlay_identify(const char *path, struct so_overlay *out) {
    *out = (struct so_overlay){.kind = SO_KERNEL_GEMM};
    snprintf(out->xclbin, sizeof out->xclbin, "%s", path);
    if (!by_catalogue(path, out)) by_name(path, out);
    if (out->kind == SO_KERNEL_GEMM || out->instructions[0]) return;
    const char *dot = strrchr(path, '.');
    int stem = dot ? (int)(dot - path) : (int)strlen(path);
    snprintf(out->instructions, sizeof out->instructions, "%.*s.insts", stem, path);
    if (!readable(out->instructions))
        snprintf(out->instructions, sizeof out->instructions, "%.*sinsts.txt", folder_length(path), path);
}

sotto_status so_overlay_find(const char *path, struct so_overlay *out, sotto_error *err) {
    const char *named = path ? path : getenv("MATMUL_XCLBIN"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char own[4096];
    if (named && *named) {
        so_overlay_identify(named, out);
        if (readable(named)) return SOTTO_OK;
        return so_fail(err, SOTTO_ERR_DEVICE, "the array configuration '%s' cannot be read", named);
    }
    snprintf(own, sizeof own, "%s%s/sotto/npu/gemm.xclbin", data && *data ? data : home ? home : "",
             data && *data ? "" : "/.local/share");
    const char *found = readable(own) ? own : readable(SO_OVERLAY_DEFAULT) ? SO_OVERLAY_DEFAULT : NULL;
    if (!found)
        return so_fail(err, SOTTO_ERR_DEVICE, "no array configuration: set MATMUL_XCLBIN, or build %s with npu/build.sh", own);
    so_overlay_identify(found, out);
    return SOTTO_OK;
}
