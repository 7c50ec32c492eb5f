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
    {"gemm", NULL, SO_KERNEL_GEMM},        {"stock", NULL, SO_KERNEL_STOCK},
    {"tile16", "16x16", SO_KERNEL_TILE16}, {"tile32", "32x32", SO_KERNEL_TILE32},
    {"tile64", "64x64", SO_KERNEL_TILE64},
};

static bool readable(const char *path) { return access(path, R_OK) == 0; }

/* "folder/" of a path, or nothing. */
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash - path + 1) : 0;
}

/* "1536x512x2048" */
static bool parse_shape(const char *text, struct so_overlay *out) {
    size_t *const sizes[] = {&out->m, &out->k, &out->n};
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*text < '0' || *text > '9') return false;
        *sizes[i] = strtoul(text, &end, 10);
        if (*end != (i < 2 ? 'x' : 0)) return false;
        text = end + (i < 2);
    }
    return true;
}

static bool parse_order(const char *text, char *order) {
    if (strlen(text) != 3 || !strchr(text, 'A') || !strchr(text, 'B') || !strchr(text, 'C')) return false;
    memcpy(order, text, 4);
    return true;
}

/* One line of a catalogue in the folder of `path`; false if it is empty or not understood. */
static bool parse_line(char *line, const char *path, struct so_overlay *out) {
    char *word[5] = {NULL}, *rest = NULL;
    line[strcspn(line, "#\r\n")] = 0;
    for (int i = 0; i < 5 && (word[i] = strtok_r(i ? NULL : line, " \t", &rest)); i++) {
    }
    if (!word[0] || !word[1]) return false;
    *out = (struct so_overlay){.order = "ABC"};
    snprintf(out->xclbin, sizeof out->xclbin, "%.*s%s", folder_length(path), path, word[1]);
    if (word[2])
        snprintf(out->instructions, sizeof out->instructions, "%.*s%s", folder_length(path), path, word[2]);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word[0], kinds[i].name) != 0) continue;
        out->kind = kinds[i].kind;
        if (out->kind != SO_KERNEL_STOCK) return true;
        return word[3] && parse_shape(word[3], out) && (!word[4] || parse_order(word[4], out->order));
    }
    return false;
}

/* The catalogue's lines that `wanted` takes, up to `most`. */
static size_t read_catalogue(const char *path,
                             bool (*wanted)(const struct so_overlay *entry, const char *path),
                             struct so_overlay *out, size_t most) {
    char name[4200];
    snprintf(name, sizeof name, "%.*soverlays.txt", folder_length(path), path);
    void *bytes;
    size_t size, found = 0;
    if (!readable(name) || so_xdna_read_file(name, &bytes, &size, NULL) != SOTTO_OK) return 0;
    char *text = bytes, *end;
    text[size] = 0; /* so_xdna_read_file leaves room for it */
    for (char *line = text; line && *line && found < most; line = end) {
        end = strchr(line, '\n');
        if (end) *end++ = 0;
        if (parse_line(line, path, &out[found]) && wanted(&out[found], path)) found++;
    }
    so_free(bytes);
    return found;
}

static bool same_file(const struct so_overlay *entry, const char *path) {
    return strcmp(entry->xclbin, path) == 0;
}

static bool is_stock(const struct so_overlay *entry, const char *path) {
    (void)path;
    return entry->kind == SO_KERNEL_STOCK;
}

size_t so_overlay_stock(const char *path, struct so_overlay *out, size_t most) {
    return read_catalogue(path, is_stock, out, most);
}

static void by_name(const char *path, struct so_overlay *out) {
    const char *name = path + folder_length(path);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].size && strstr(name, kinds[i].size)) out->kind = kinds[i].kind;
}

void so_overlay_identify(const char *path, struct so_overlay *out) {
    if (!read_catalogue(path, same_file, out, 1)) {
        *out = (struct so_overlay){.kind = SO_KERNEL_GEMM, .order = "ABC"};
        snprintf(out->xclbin, sizeof out->xclbin, "%s", path);
        by_name(path, out);
    }
    if (!so_overlay_is_tile(out->kind) || out->instructions[0]) return;
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
