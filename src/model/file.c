#include "model/file.h"

#include <string.h>

#include "util/memory.h"

/** What so_model.owner points to. */
struct owner {
    const struct so_file_header *header;
    struct so_mapping mapping; /* bytes NULL: somebody else's memory */
    struct so_encoder_layer *encoder;
    struct so_decoder_layer *decoder;
};

static void set_matrix(struct so_matrix *matrix, const struct so_item *item, const char *base,
                       const struct so_file_tensor *tensors, const struct so_tensor_spec *specs,
                       size_t count) {
    matrix->n = item->n;
    matrix->k = item->k;
    matrix->precision = item->precision;
    for (size_t i = 0; i < count; i++) {
        const void *data = base + tensors[i].offset;
        switch (specs[i].part) {
        case SO_PART_WEIGHT:
            if (item->precision == SO_F32)
                matrix->f = data;
            else
                matrix->q = data;
            break;
        case SO_PART_BSUM:
            matrix->bsum = data;
            break;
        case SO_PART_SCALE:
            matrix->scale = data;
            break;
        case SO_PART_BIAS:
            matrix->bias = data;
            break;
        case SO_PART_GAMMA:
        case SO_PART_BETA:
            break;
        }
    }
}

static void set_weights(struct so_model *model, struct owner *owner, const char *base,
                        const struct so_layout *layout) {
    const struct so_file_tensor *next = layout->tensors;
    for (size_t i = 0; i < so_item_count(&model->hp); i++) {
        struct so_item item;
        struct so_tensor_spec specs[SO_MAX_PARTS];
        so_item_get(&model->hp, (enum so_precision)owner->header->precision, i, &item);
        size_t count = so_item_tensors(&item, specs);
        char *place = item.layer < 0 ? (char *)model
                      : item.decoder ? (char *)&owner->decoder[item.layer]
                                     : (char *)&owner->encoder[item.layer];
        void *slot = place + item.slot;
        switch (item.kind) {
        case SO_ITEM_MATRIX:
        case SO_ITEM_CONV:
            set_matrix(slot, &item, base, next, specs, count);
            break;
        case SO_ITEM_NORM:
            ((struct so_norm *)slot)->gamma = (const float *)(base + next[0].offset);
            ((struct so_norm *)slot)->beta = (const float *)(base + next[1].offset);
            break;
        case SO_ITEM_TABLE:
            *(const float **)slot = (const float *)(base + next[0].offset);
            break;
        }
        next += count;
    }
}

static void set_sections(struct so_model *model, const char *base, const struct so_file_section *sections) {
    struct so_vocab *vocab = &model->vocab;
    vocab->bytes = base + sections[SO_SECTION_VOCAB_BYTES - 1].offset;
    vocab->offsets = (const uint32_t *)(base + sections[SO_SECTION_VOCAB_OFFSETS - 1].offset);
    vocab->sorted = (const uint32_t *)(base + sections[SO_SECTION_VOCAB_SORTED - 1].offset);
    vocab->suppress = (const int32_t *)(base + sections[SO_SECTION_SUPPRESS - 1].offset);
    vocab->n_suppress = (size_t)(sections[SO_SECTION_SUPPRESS - 1].size / sizeof(int32_t));
    vocab->blank = so_vocab_find(vocab, " ", 1);
    model->mel_filters = (const float *)(base + sections[SO_SECTION_MEL_FILTERS - 1].offset);
    model->alignment_heads = (const uint16_t *)(base + sections[SO_SECTION_ALIGNMENT_HEADS - 1].offset);
    model->n_alignment_heads =
        (size_t)(sections[SO_SECTION_ALIGNMENT_HEADS - 1].size / (2 * sizeof(uint16_t)));
}

static sotto_status build(const char *base, const struct so_layout *layout, struct so_model *model,
                          sotto_error *err) {
    const struct so_file_header *header = (const struct so_file_header *)base;
    struct owner *owner = so_calloc(1, sizeof *owner);
    if (!owner) return so_fail_memory(err, sizeof *owner, "a model");
    model->owner = owner;
    owner->header = header;
    memcpy(model->name, header->name, sizeof model->name);
    model->int4 = header->precision == SO_INT4;
    model->precision = model->int4 ? SO_INT8 : (enum so_precision)header->precision;
    so_hparams_load(&model->hp, header->hparams);
    sotto_status status = so_vocab_layout(&model->vocab, model->hp.n_vocab, err);
    if (status) return status;
    owner->encoder = so_calloc(model->hp.n_audio_layer, sizeof *owner->encoder);
    owner->decoder = so_calloc(model->hp.n_text_layer, sizeof *owner->decoder);
    if (!owner->encoder || !owner->decoder)
        return so_fail_memory(err, model->hp.n_text_layer * sizeof *owner->decoder, "a model");
    set_weights(model, owner, base, layout);
    set_sections(model, base, layout->sections);
    model->encoder = owner->encoder;
    model->decoder = owner->decoder;
    if (model->vocab.blank < 0)
        return so_fail(err, SOTTO_ERR_MODEL, "damaged vocabulary: no token for a space");
    return SOTTO_OK;
}

sotto_status so_model_from_bytes(const char *path, const void *bytes, uint64_t size,
                                 struct so_check_options options, struct so_model **out, sotto_error *err) {
    struct so_layout layout;
    *out = NULL;
    sotto_status status = so_file_check(path, bytes, size, options, &layout, err);
    if (status) return status;
    struct so_model *model = so_calloc(1, sizeof *model);
    if (model)
        status = build(bytes, &layout, model, err);
    else
        status = so_fail_memory(err, sizeof *model, "a model");
    so_layout_free(&layout);
    if (status)
        so_model_unmap(model);
    else
        *out = model;
    return status;
}

sotto_status so_model_map_with(const char *path, struct so_check_options options, struct so_model **out,
                               sotto_error *err) {
    struct so_mapping mapping;
    *out = NULL;
    sotto_status status = so_mapping_open(path, &mapping, err);
    if (status) return status;
    status = so_model_from_bytes(path, mapping.bytes, mapping.size, options, out, err);
    if (status)
        so_mapping_close(&mapping);
    else
        ((struct owner *)(*out)->owner)->mapping = mapping;
    return status;
}

sotto_status so_model_map(const char *path, struct so_model **out, sotto_error *err) {
    return so_model_map_with(path, (struct so_check_options){false}, out, err);
}

void so_model_unmap(struct so_model *model) {
    if (!model) return;
    struct owner *owner = model->owner;
    if (owner) {
        so_mapping_close(&owner->mapping);
        so_free(owner->encoder);
        so_free(owner->decoder);
        so_free(owner);
    }
    so_free(model);
}

const struct so_file_header *so_model_header(const struct so_model *model) {
    return ((const struct owner *)model->owner)->header;
}
