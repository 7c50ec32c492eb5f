/** Protobuf messages in memory that is counted: a small file can ask for much. */
#include "model/onnx.h"
#include "util/memory.h"

#define EACH 64 /* in front of a block: its size; a multiple of the alignment */

static void *take(void *context, size_t size) {
    struct so_onnx_messages *m = context;
    const uint64_t total = (uint64_t)size + EACH;
    uint64_t *block = total < size || total > m->most - m->used ? NULL : so_alloc(1, (size_t)total);
    if (!block) {
        m->failed = true;
        return NULL;
    }
    m->used += total;
    *block = total;
    return (char *)block + EACH;
}

static void give_back(void *context, void *pointer) {
    struct so_onnx_messages *m = context;
    if (!pointer) return;
    uint64_t *block = (uint64_t *)((char *)pointer - EACH);
    m->used -= *block;
    so_free(block);
}

sotto_status so_onnx_messages_create(uint64_t most, struct so_onnx_messages **out, sotto_error *err) {
    struct so_onnx_messages *m = so_calloc(1, sizeof *m);
    *out = m;
    if (!m) return so_fail_memory(err, sizeof *m, "a source of weights");
    m->allocator = (ProtobufCAllocator){take, give_back, m};
    m->most = most;
    return SOTTO_OK;
}

sotto_status so_onnx_unpack(struct so_onnx_messages *m, const ProtobufCMessageDescriptor *kind,
                            const uint8_t *bytes, size_t size, const char *where, ProtobufCMessage **out,
                            sotto_error *err) {
    *out = NULL;
    if (m->n == SO_COUNT(m->list)) return so_fail(err, SOTTO_ERR_MODEL, "%s: too many graphs", where);
    m->failed = false;
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, &m->allocator, size, bytes);
    if (!message && m->failed)
        return so_fail(err, SOTTO_ERR_MEMORY, "%s: no memory for its graph, or more than %llu bytes", where,
                       (unsigned long long)m->most);
    if (!message) return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: not a whole ONNX graph", where);
    m->list[m->n++] = message;
    *out = message;
    return SOTTO_OK;
}

void so_onnx_messages_free(void *messages) {
    struct so_onnx_messages *m = messages;
    if (!m) return;
    while (m->n) protobuf_c_message_free_unpacked(m->list[--m->n], &m->allocator);
    so_free(m);
}
