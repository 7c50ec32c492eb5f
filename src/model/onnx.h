/**
 * ONNX exports of Whisper as Hugging Face's optimum makes them: encoder_model.onnx and decoder_model.onnx (or
 * decoder_model_merged.onnx), weights inside or in files beside.
 *
 * Biases, norms and tables keep their names in such files; the weights of linear layers lie transposed under
 * names without meaning ("onnx::MatMul_745"). What these are is told by the path of the node that multiplies
 * with them ("/layers.0/self_attn/q_proj/MatMul").
 */
#ifndef SO_MODEL_ONNX_H
#define SO_MODEL_ONNX_H

#include "model/onnx.pb-c.h"
#include "model/stored.h"

/** Both halves from files that are open, and may be closed afterwards. */
sotto_status so_onnx_join(struct so_infile *encoder, struct so_infile *decoder, struct so_foreign **out,
                          sotto_error *err);

/* ---- for the parts of this reader ---- */

/** A tensor by the name under which nodes take it. */
struct so_onnx_symbol {
    const char *name; /**< borrowed from the message */
    const SoOnnx__Tensor *tensor;
    bool turned; /**< seen through an odd number of Transpose nodes */
};

/** A hash table of them. */
struct so_onnx_symbols {
    struct so_onnx_symbol *slots; /**< [capacity], name NULL: free */
    size_t n, capacity;           /**< capacity 0 or a power of two above n */
};
sotto_status so_onnx_define(struct so_onnx_symbols *symbols, struct so_onnx_symbol symbol, sotto_error *err);
const struct so_onnx_symbol *so_onnx_find(const struct so_onnx_symbols *symbols, const char *name);

/** Messages that stay in memory as long as the source: what its tensors' bytes point into. */
struct so_onnx_messages {
    ProtobufCAllocator allocator;
    uint64_t used, most; /**< bytes in use, and the limit */
    bool failed;         /**< memory was refused */
    ProtobufCMessage *list[8];
    size_t n;
};
sotto_status so_onnx_messages_create(uint64_t most, struct so_onnx_messages **out, sotto_error *err);
/** Unpack and keep; `where` is for messages. */
sotto_status so_onnx_unpack(struct so_onnx_messages *messages, const ProtobufCMessageDescriptor *kind,
                            const uint8_t *bytes, size_t size, const char *where, ProtobufCMessage **out,
                            sotto_error *err);
void so_onnx_messages_free(void *messages);

/** The name of a parameter as safetensors files have it ("encoder.layers.0.fc1.weight") from an initializer's
 * name or a node's path with a suffix; false if it is too long. */
#define SO_ONNX_MAX_NAME 160
bool so_onnx_parameter(bool decoder, const char *name, char out[SO_ONNX_MAX_NAME]);
bool so_onnx_node_parameter(bool decoder, const char *node, const char *suffix, char out[SO_ONNX_MAX_NAME]);

/** Where a tensor's values lie: in the message, or in a file beside `path`, which is opened and adopted. */
sotto_status so_onnx_place(struct so_stored *stored, const char *path, const SoOnnx__Tensor *tensor,
                           struct so_stored_tensor *place, sotto_error *err);

/** The weights of one half's graph. */
sotto_status so_onnx_add_graph(struct so_stored *stored, struct so_onnx_messages *messages, const char *path,
                               bool decoder, const SoOnnx__Graph *graph, sotto_error *err);

#endif
