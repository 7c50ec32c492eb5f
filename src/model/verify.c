#include <string.h>

#include "features/logmel.h"
#include "model/file.h"
#include "model/hash.h"
#include "model/pack.h"
#include "util/memory.h"

#define CHUNK (1u << 20)

static sotto_status check_hash(const char *path, const struct so_mapping *mapping, sotto_error *err) {
    const struct so_file_header *header = mapping->bytes;
    const char *bytes = mapping->bytes;
    uint8_t hash[SO_HASH_SIZE];
    struct so_hash *state;
    sotto_status status = so_hash_create(&state, err);
    if (status) return status;
    for (uint64_t at = header->front_size; at < mapping->size; at += CHUNK)
        so_hash_add(state, bytes + at, so_min(CHUNK, (size_t)(mapping->size - at)));
    so_hash_result(state, hash);
    so_hash_free(state);
    if (memcmp(hash, header->data_hash, sizeof hash))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: its weights do not match their hash", path);
    return SOTTO_OK;
}

static sotto_status check_finite(const char *path, const char *bytes, const struct so_layout *layout,
                                 sotto_error *err) {
    const struct so_file_section *mel = &layout->sections[SO_SECTION_MEL_FILTERS - 1];
    if (!so_all_finite((const float *)(bytes + mel->offset), (size_t)(mel->size / sizeof(float))))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: mel filters that are not finite", path);
    for (size_t i = 0; i < layout->header.n_tensors; i++) {
        const struct so_file_tensor *t = &layout->tensors[i];
        if (t->dtype != SO_DTYPE_F32 && t->dtype != SO_DTYPE_F32_PANELS) continue;
        if (!so_all_finite((const float *)(bytes + t->offset), (size_t)(t->size / sizeof(float))))
            return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: tensor %s holds a value that is not finite",
                           path, t->name);
    }
    return SOTTO_OK;
}

/** The index must list the text tokens in rising order of their bytes, each once. */
static sotto_status check_index(const char *path, const struct so_vocab *vocab, sotto_error *err) {
    for (uint32_t i = 0; i < vocab->n_text; i++) {
        size_t n;
        const char *bytes = so_vocab_bytes(vocab, (int32_t)vocab->sorted[i], &n);
        if (so_vocab_find(vocab, bytes, n) != (int32_t)vocab->sorted[i])
            return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged vocabulary: its index is out of order", path);
    }
    return SOTTO_OK;
}

sotto_status so_model_verify(const char *path, sotto_error *err) {
    struct so_mapping mapping;
    struct so_layout layout;
    struct so_model *model;
    const struct so_check_options strict = {false};
    sotto_status status = so_mapping_open(path, &mapping, err);
    if (status) return status;
    status = so_model_from_bytes(path, mapping.bytes, mapping.size, strict, &model, err);
    if (!status) {
        status = check_hash(path, &mapping, err);
        if (!status) status = check_index(path, &model->vocab, err);
        so_model_unmap(model);
    }
    if (!status) {
        status = so_file_check(path, mapping.bytes, mapping.size, strict, &layout, err);
        if (!status) status = check_finite(path, mapping.bytes, &layout, err);
        so_layout_free(&layout);
    }
    so_mapping_close(&mapping);
    return status;
}
