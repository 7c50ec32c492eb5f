#include <stdio.h>
#include <string.h>

#include "model/onnx.h"
#include "util/memory.h"

/** Without the ending that merging two decoders gives: "_merged_0". */
static size_t length_of(const char *name) {
    const char *merged = strstr(name, "_merged_");
    return merged ? (size_t)(merged - name) : strlen(name);
}

/** The modules' names begin with what the exporter took as the root: the model, one half, or a half's inside.
 */
bool so_onnx_parameter(bool decoder, const char *name, char out[SO_ONNX_MAX_NAME]) {
    const char *half = decoder ? "decoder." : "encoder.";
    if (!strncmp(name, "model.", 6)) name += 6;
    if (!strncmp(name, half, 8)) name += 8;
    int n =
        snprintf(out, SO_ONNX_MAX_NAME, "%s%.*s", half, (int)so_min(length_of(name), SO_ONNX_MAX_NAME), name);
    return n > 0 && n < SO_ONNX_MAX_NAME;
}

bool so_onnx_node_parameter(bool decoder, const char *node, const char *suffix, char out[SO_ONNX_MAX_NAME]) {
    char path[SO_ONNX_MAX_NAME];
    if (*node == '/') node++;
    const char *operation = strrchr(node, '/');
    if (!operation || (size_t)(operation - node) + strlen(suffix) >= sizeof path) return false;
    int n = snprintf(path, sizeof path, "%.*s%s", (int)(operation - node), node, suffix);
    for (int i = 0; i < n; i++)
        if (path[i] == '/') path[i] = '.';
    return so_onnx_parameter(decoder, path, out);
}
