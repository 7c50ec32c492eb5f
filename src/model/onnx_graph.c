#include <string.h>

#include "model/limits.h"
#include "model/onnx.h"
#include "model/safetensors.h"
#include "util/memory.h"

/** One half that is being read. */
struct half {
    struct so_stored *stored;
    struct so_onnx_messages *messages;
    const char *path;
    bool decoder;
    struct so_onnx_symbols symbols;
    struct so_onnx_symbol projection, embedding;
};

static bool is(const SoOnnx__Node *node, const char *operation) {
    return !strcmp(node->op_type, operation);
}

/** What computes with packed or fused weights, which are in a form of their own. */
static bool is_foreign(const SoOnnx__Node *node) {
    static const char *const operations[] = {"MatMulInteger",
                                             "ConvInteger",
                                             "DynamicQuantizeLinear",
                                             "DequantizeLinear",
                                             "QLinearMatMul",
                                             "MatMulNBits",
                                             "MatMulBnb4",
                                             "DynamicQuantizeMatMul",
                                             "Attention",
                                             "QAttention",
                                             "MultiHeadAttention",
                                             "MatMulIntegerToFloat",
                                             "DecoderMaskedMultiHeadAttention"};
    for (size_t i = 0; i < SO_COUNT(operations); i++)
        if (is(node, operations[i])) return true;
    return false;
}

/** A node that passes a tensor on: its output is another name for it. */
static sotto_status define_output(struct half *h, const SoOnnx__Node *node, sotto_error *err) {
    if (node->n_output < 1) return SOTTO_OK;
    struct so_onnx_symbol symbol = {NULL, NULL, false};
    if (is(node, "Constant")) {
        for (size_t i = 0; i < node->n_attribute; i++)
            if (!strcmp(node->attribute[i]->name, "value")) symbol.tensor = node->attribute[i]->t;
    } else if (node->n_input == 1 && (is(node, "Transpose") || is(node, "Identity") || is(node, "Cast"))) {
        const struct so_onnx_symbol *input = so_onnx_find(&h->symbols, node->input[0]);
        if (input) symbol = *input;
        if (is(node, "Transpose")) symbol.turned = !symbol.turned;
    }
    symbol.name = node->output[0];
    return symbol.tensor && *symbol.name ? so_onnx_define(&h->symbols, symbol, err) : SOTTO_OK;
}

/** Set what the tensor's piece is known to be; one that is there already keeps its place. */
static sotto_status add_piece(struct half *h, const char *parameter, const struct so_onnx_symbol *symbol,
                              sotto_error *err) {
    struct so_foreign *source = &h->stored->source;
    const SoOnnx__Tensor *t = symbol->tensor;
    struct so_piece found = {.rank = (uint32_t)t->n_dims};
    if (!so_name_match(so_safetensors_rules, parameter, &found)) return SOTTO_OK;
    for (size_t i = 0; i < source->n_pieces; i++) {
        const struct so_piece *p = &source->pieces[i];
        if (p->part == found.part && p->block == found.block && !strcmp(p->item, found.item)) return SOTTO_OK;
    }
    if (source->n_pieces == h->stored->capacity)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: too many tensors", h->path);
    if (symbol->turned && t->n_dims > 2)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "%s: %s is transposed", h->path, parameter);
    struct so_stored_tensor *place = &h->stored->tensors[source->n_pieces];
    sotto_status status = so_onnx_place(h->stored, h->path, t, place, err);
    if (status) return status;
    place->transposed = symbol->turned && found.rank == 2;
    for (uint32_t i = 0; i < found.rank; i++)
        found.shape[i] = (uint64_t)t->dims[place->transposed ? 1 - i : i];
    found.index = (uint32_t)source->n_pieces;
    source->pieces[source->n_pieces++] = found;
    if (!strcmp(found.item, "decoder.embedding")) h->embedding = *symbol;
    return SOTTO_OK;
}

/** The suffix of the parameter that an operation takes as its k-th input; NULL: none of those wanted. */
static const char *suffix_of(const SoOnnx__Node *node, size_t k, size_t rank) {
    const bool table = is(node, "Gather") && k == 0, norm = is(node, "LayerNormalization");
    if (is(node, "Conv") || is(node, "Gemm") || norm) return k == 1 ? ".weight" : k == 2 ? ".bias" : NULL;
    if (is(node, "MatMul") || table) return rank == 2 ? ".weight" : NULL;
    if (is(node, "Mul") && rank == 1) return ".weight";
    if (is(node, "Add")) return rank == 1 ? ".bias" : rank == 2 ? ".weight" : NULL;
    return NULL;
}

/** A tensor's own name says most; the path of the node where it has none; its place where that has none. */
static sotto_status add_input(struct half *h, const SoOnnx__Node *node, size_t k,
                              const struct so_onnx_symbol *input, sotto_error *err) {
    char parameter[SO_ONNX_MAX_NAME];
    struct so_piece known;
    struct so_onnx_symbol symbol = *input;
    const size_t rank = symbol.tensor->n_dims;
    const char *suffix = suffix_of(node, k, rank);
    if (!suffix) return SOTTO_OK;
    if (is(node, "MatMul")) symbol.turned = !symbol.turned; /* its right side is [inputs][outputs] */
    if (is(node, "MatMul") && strstr(node->name, "proj_out/")) {
        h->projection = symbol;
        return SOTTO_OK;
    }
    if (so_onnx_parameter(h->decoder, symbol.tensor->name, parameter) &&
        so_name_match(so_safetensors_rules, parameter, &known))
        return add_piece(h, parameter, &symbol, err);
    if (!(is(node, "Add") && rank == 2) &&
        so_onnx_node_parameter(h->decoder, node->name, suffix, parameter) &&
        so_name_match(so_safetensors_rules, parameter, &known))
        return add_piece(h, parameter, &symbol, err);
    /* The encoder adds its table of positions outside any module. */
    if (!h->decoder && is(node, "Add") && rank == 2 && symbol.tensor->dims[0] == SO_AUDIO_CTX)
        return add_piece(h, "encoder.embed_positions.weight", &symbol, err);
    return SOTTO_OK;
}

/** Whether a Gemm takes its right side as rows of outputs. */
static bool gemm_is_rows(const SoOnnx__Node *node) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (!strcmp(node->attribute[i]->name, "transB")) return true;
    return false;
}

static sotto_status add_node(struct half *h, const SoOnnx__Node *node, sotto_error *err) {
    if (is_foreign(node))
        return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                       "%s: quantised or fused (%s): import the plain float32 or float16 export", h->path,
                       node->op_type);
    sotto_status status = define_output(h, node, err);
    for (size_t k = 0; !status && k < node->n_input; k++) {
        const struct so_onnx_symbol *found = so_onnx_find(&h->symbols, node->input[k]);
        if (!found || !found->tensor->n_dims) continue;
        struct so_onnx_symbol symbol = *found;
        if (is(node, "Gemm") && k == 1 && !gemm_is_rows(node)) symbol.turned = !symbol.turned;
        status = add_input(h, node, k, &symbol, err);
    }
    return status;
}

static sotto_status add_graph(struct half *h, const SoOnnx__Graph *graph, bool outermost, sotto_error *err);

/** The branches of the If that a merged decoder is. */
static sotto_status add_branches(struct half *h, const SoOnnx__Node *node, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; !status && i < node->n_attribute; i++) {
        const ProtobufCBinaryData *g = &node->attribute[i]->g;
        ProtobufCMessage *graph;
        if (!g->len) continue;
        status =
            so_onnx_unpack(h->messages, &so_onnx__graph__descriptor, g->data, g->len, h->path, &graph, err);
        if (!status) status = add_graph(h, (const SoOnnx__Graph *)graph, false, err);
    }
    return status;
}

static sotto_status add_graph(struct half *h, const SoOnnx__Graph *graph, bool outermost, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    if (graph->n_node > SO_MAX_ONNX_NODES || graph->n_initializer > SO_MAX_ONNX_NODES)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: a graph of more than %d nodes", h->path, SO_MAX_ONNX_NODES);
    for (size_t i = 0; !status && i < graph->n_initializer; i++) {
        const SoOnnx__Tensor *tensor = graph->initializer[i];
        if (*tensor->name)
            status = so_onnx_define(&h->symbols, (struct so_onnx_symbol){tensor->name, tensor, false}, err);
    }
    for (size_t i = 0; !status && i < graph->n_node; i++) {
        const SoOnnx__Node *node = graph->node[i];
        status = outermost && is(node, "If") ? add_branches(h, node, err) : add_node(h, node, err);
    }
    return status;
}

/** Floats of one row of a rank-2 tensor as outputs x inputs. */
static sotto_status read_row(struct half *h, const struct so_onnx_symbol *symbol, uint64_t row, float *out,
                             sotto_error *err) {
    struct so_stored_tensor place = {0};
    const uint64_t columns = (uint64_t)symbol->tensor->dims[symbol->turned ? 0 : 1],
                   rows = (uint64_t)symbol->tensor->dims[symbol->turned ? 1 : 0];
    sotto_status status = so_onnx_place(h->stored, h->path, symbol->tensor, &place, err);
    if (status || !symbol->turned)
        return status ? status : so_stored_numbers(&place, row * columns, columns, out, err);
    for (uint64_t i = 0; !status && i < columns; i++)
        status = so_stored_numbers(&place, i * rows + row, 1, out + i, err);
    return status;
}

static sotto_status other_projection(const struct half *h, sotto_error *err) {
    return so_fail(err, SOTTO_ERR_UNSUPPORTED, "%s: an output projection of its own, not the embedding",
                   h->path);
}

/** Whisper's output matrix is its embedding. Looked at in 64 rows: one that was trained apart differs in all.
 */
static sotto_status check_projection(struct half *h, sotto_error *err) {
    const struct so_onnx_symbol *p = &h->projection, *e = &h->embedding;
    if (!p->tensor || !e->tensor || p->tensor == e->tensor) return SOTTO_OK;
    const bool same_shape = p->tensor->n_dims == 2 && e->tensor->n_dims == 2 &&
                            p->tensor->dims[p->turned] == e->tensor->dims[e->turned] &&
                            p->tensor->dims[!p->turned] == e->tensor->dims[!e->turned];
    if (!same_shape) return other_projection(h, err);
    const uint64_t rows = (uint64_t)e->tensor->dims[e->turned],
                   columns = (uint64_t)e->tensor->dims[!e->turned];
    float *values = so_calloc((size_t)columns, 2 * sizeof *values);
    if (!values) return so_fail_memory(err, (size_t)columns * 2 * sizeof *values, "rows of a matrix");
    sotto_status status = SOTTO_OK;
    bool same = true;
    for (uint64_t i = 0; !status && same && i < 64; i++) {
        status = read_row(h, p, i * (rows - 1) / 63, values, err);
        if (!status) status = read_row(h, e, i * (rows - 1) / 63, values + columns, err);
        same = !memcmp(values, values + columns, (size_t)columns * sizeof *values);
    }
    so_free(values);
    return status || same ? status : other_projection(h, err);
}

sotto_status so_onnx_add_graph(struct so_stored *stored, struct so_onnx_messages *messages, const char *path,
                               bool decoder, const SoOnnx__Graph *graph, sotto_error *err) {
    struct half h = {.stored = stored, .messages = messages, .path = path, .decoder = decoder};
    sotto_status status = add_graph(&h, graph, true, err);
    if (!status) status = check_projection(&h, err);
    so_free(h.symbols.slots);
    return status;
}
