#include "model/find.h"

#include <stdio.h>
#include <string.h>

const char *const so_vocabulary_names[] = {"tokenizer.json",
                                           "vocabulary.json",
                                           "vocabulary.txt",
                                           "vocab.json",
                                           "multilingual.tiktoken",
                                           "gpt2.tiktoken",
                                           NULL};

/** "onnx/" as Hugging Face's repositories have it, with the configuration above it. */
static const char *const weight_names[] = {"model.bin",
                                           "model.safetensors",
                                           "model.safetensors.index.json",
                                           "encoder_model.onnx",
                                           "onnx/encoder_model.onnx",
                                           "encoder_model_fp16.onnx",
                                           "onnx/encoder_model_fp16.onnx",
                                           NULL};

/** folder + name, where folder ends before `length`. */
static bool join(char out[SO_MAX_PATH], const char *folder, size_t length, const char *name) {
    int n = snprintf(out, SO_MAX_PATH, "%.*s%s%s", (int)length, folder,
                     length && folder[length - 1] != '/' ? "/" : "", name);
    return n >= 0 && n < SO_MAX_PATH;
}

static bool find_file(char out[SO_MAX_PATH], const char *folder, size_t length, const char *const *names) {
    for (; *names; names++)
        if (join(out, folder, length, *names) && so_infile_exists(out, false)) return true;
    return false;
}

size_t so_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

bool so_find_beside(const char *file, const char *const *names, char out[SO_MAX_PATH]) {
    static const char inner[] = "onnx/";
    const size_t length = so_folder_length(file), n = sizeof inner - 1;
    if (find_file(out, file, length, names)) return true;
    return length >= n && !memcmp(file + length - n, inner, n) &&
           (length == n || file[length - n - 1] == '/') && find_file(out, file, length - n, names);
}

sotto_status so_find_weights(const char *source, char out[SO_MAX_PATH], sotto_error *err) {
    const bool folder = so_infile_exists(source, true);
    if (strlen(source) >= SO_MAX_PATH)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the source's path is too long");
    if (!folder)
        snprintf(out, SO_MAX_PATH, "%s", source);
    else if (!find_file(out, source, strlen(source), weight_names))
        return so_fail(err, SOTTO_ERR_MODEL,
                       "%s: neither model.bin, model.safetensors nor encoder_model.onnx is in it", source);
    return SOTTO_OK;
}
