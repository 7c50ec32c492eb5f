#include "model/onnx.h"

#include <stdio.h>
#include <string.h>

#include "model/limits.h"

/** What unpacking a graph may take beside its bytes. */
#define GRAPH_BYTES (256ull << 20)

/** A Model's first field is its version as a varint, a small number; another field follows. */
static bool onnx_recognise(struct so_infile *input) {
    uint8_t bytes[3];
    return !so_infile_read(input, 0, bytes, sizeof bytes, NULL) && bytes[0] == 0x08 && bytes[1] >= 3 &&
           bytes[1] < 64 && (bytes[2] & 7) == 2 && bytes[2] >> 3 >= 2 && bytes[2] >> 3 < 16;
}

static bool has_operators(const SoOnnx__Model *model) {
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (!*domain || !strcmp(domain, "ai.onnx")) return true;
    }
    return false;
}

static sotto_status add_half(struct so_stored *stored, struct so_infile *input, bool decoder,
                             sotto_error *err) {
    const uint8_t *bytes;
    ProtobufCMessage *message;
    const char *path = so_infile_path(input);
    if (so_infile_size(input) > SO_MAX_PROTOBUF_BYTES)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: larger than an ONNX graph can be", path);
    sotto_status status = so_infile_view(input, &bytes, err);
    if (!status)
        status = so_onnx_unpack(stored->owner, &so_onnx__model__descriptor, bytes,
                                (size_t)so_infile_size(input), path, &message, err);
    so_infile_unview(input);
    if (status) return status;
    const SoOnnx__Model *model = (const SoOnnx__Model *)message;
    /* The operators stand behind the graph: a file that was cut there has none. */
    if (!model->graph || !has_operators(model))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: no graph, or no set of operators", path);
    return so_onnx_add_graph(stored, stored->owner, path, decoder, model->graph, err);
}

sotto_status so_onnx_join(struct so_infile *encoder, struct so_infile *decoder, struct so_foreign **out,
                          sotto_error *err) {
    struct so_stored *stored;
    struct so_onnx_messages *messages;
    *out = NULL;
    sotto_status status = so_stored_create(&so_format_onnx, SO_MAX_SOURCE_TENSORS, &stored, err);
    if (status) return status;
    status = so_onnx_messages_create(GRAPH_BYTES + 2 * (so_infile_size(encoder) + so_infile_size(decoder)),
                                     &messages, err);
    stored->owner = messages;
    stored->release = so_onnx_messages_free;
    if (!status) status = add_half(stored, encoder, false, err);
    if (!status) status = add_half(stored, decoder, true, err);
    if (status) {
        so_stored_close(&stored->source);
        return status;
    }
    *out = &stored->source;
    return SOTTO_OK;
}

/** What stands in a file's name between the half and ".onnx": "", "_fp16". */
static bool take_variant(const char *path, char variant[32]) {
    static const char *const begins[] = {"encoder_model", "decoder_model_merged", "decoder_with_past_model",
                                         "decoder_model"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < SO_COUNT(begins); i++) {
        const size_t length = strlen(begins[i]), whole = strlen(name), ending = strlen(".onnx");
        if (strncmp(name, begins[i], length) || whole < length + ending ||
            strcmp(name + whole - ending, ".onnx") || whole - length - ending >= 32)
            continue;
        memcpy(variant, name + length, whole - length - ending);
        variant[whole - length - ending] = '\0';
        return true;
    }
    return false;
}

/** One half of the model that `path` belongs to; the first of its files that exists. */
static sotto_status open_half(const char *path, const char *variant, bool decoder, struct so_infile **out,
                              sotto_error *err) {
    static const char *const encoders[] = {"encoder_model", NULL}, *const decoders[] = {
                                                                       "decoder_model",
                                                                       "decoder_model_merged", NULL};
    char beside[SO_MAX_PATH];
    for (const char *const *begin = decoder ? decoders : encoders; *begin; begin++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s.onnx", *begin, variant);
        if (so_path_beside(path, name, beside) && so_infile_exists(beside, false))
            return so_infile_open(beside, out, err);
    }
    return so_fail(err, SOTTO_ERR_MODEL, "%s: no %s_model%s.onnx beside it", path,
                   decoder ? "decoder" : "encoder", variant);
}

static sotto_status onnx_open(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    char variant[32];
    struct so_infile *encoder = NULL, *decoder = NULL;
    const char *path = so_infile_path(input);
    *out = NULL;
    if (!take_variant(path, variant))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: an ONNX file must be called encoder_model*.onnx", path);
    sotto_status status = open_half(path, variant, false, &encoder, err);
    if (!status) status = open_half(path, variant, true, &decoder, err);
    if (!status) status = so_onnx_join(encoder, decoder, out, err);
    if (encoder) so_infile_close(encoder);
    if (decoder) so_infile_close(decoder);
    if (!status) so_infile_close(input);
    return status;
}

const struct so_foreign_format so_format_onnx = {"ONNX",         onnx_recognise,  onnx_open,
                                                 so_stored_rows, so_stored_close, NULL};
