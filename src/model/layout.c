#include "model/layout.h"

#include <stdio.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "features/logmel.h"
#include "model/limits.h"
#include "util/memory.h"

const char *so_part_name(enum so_part part) {
    static const char *const names[] = {"weight", "bsum", "scale", "bias", "gamma", "beta"};
    return names[part];
}

static struct so_tensor_spec vector(enum so_part part, enum so_dtype dtype, uint64_t n) {
    return (struct so_tensor_spec){part, true, dtype, 1, {n, 0}, 4 * n};
}

size_t so_item_tensors(const struct so_item *item, struct so_tensor_spec specs[SO_MAX_PARTS]) {
    uint64_t n = item->n, k = item->k, padded = (n + 15) / 16 * 16;
    switch (item->kind) {
    case SO_ITEM_NORM:
        specs[0] = vector(SO_PART_GAMMA, SO_DTYPE_F32, n);
        specs[1] = vector(SO_PART_BETA, SO_DTYPE_F32, n);
        return 2;
    case SO_ITEM_TABLE:
        specs[0] = (struct so_tensor_spec){SO_PART_WEIGHT, false, SO_DTYPE_F32, 2, {n, k}, 4 * n * k};
        return 1;
    case SO_ITEM_MATRIX:
    case SO_ITEM_CONV:
        break;
    }
    specs[1] = vector(SO_PART_BIAS, SO_DTYPE_F32, padded);
    if (item->precision == SO_F32) {
        specs[0] =
            (struct so_tensor_spec){SO_PART_WEIGHT, false, SO_DTYPE_F32_PANELS, 2, {n, k}, 4 * padded * k};
        return 2;
    }
    specs[0] = (struct so_tensor_spec){
        SO_PART_WEIGHT, false, SO_DTYPE_S8_PANELS, 2, {n, k}, padded * ((k + 3) / 4 * 4)};
    if (item->precision == SO_INT4)
        specs[0] = (struct so_tensor_spec){SO_PART_WEIGHT, false, SO_DTYPE_S4_PANELS, 2, {n, k},
                                           padded / 16 * (k / SO_Q4_GROUP) * SO_Q4_GROUP_BYTES};
    specs[2] = vector(SO_PART_BSUM, SO_DTYPE_S32, padded);
    specs[3] = vector(SO_PART_SCALE, SO_DTYPE_F32, padded);
    return 4;
}

void so_hparams_store(const struct so_hparams *hp, uint32_t values[SO_FILE_HPARAMS]) {
    _Static_assert(sizeof *hp == SO_FILE_HPARAMS * sizeof(uint32_t),
                   "the header holds every hyper-parameter");
    memcpy(values, hp, sizeof *hp);
}

void so_hparams_load(struct so_hparams *hp, const uint32_t values[SO_FILE_HPARAMS]) {
    memcpy(hp, values, sizeof *hp);
}

static uint64_t aligned(uint64_t offset, uint64_t unit) {
    return (offset + unit - 1) / unit * unit;
}

/** Sections follow the tables; returns the end of the last. */
static uint64_t place_sections(struct so_layout *layout, const struct so_hparams *hp,
                               const struct so_vocab *vocab, const struct so_layout_sizes *sizes,
                               uint64_t offset) {
    const uint64_t bytes[SO_FILE_SECTIONS] = {
        sizes->vocab_bytes,    4 * ((uint64_t)vocab->n_text + 1),      4 * (uint64_t)vocab->n_text,
        4 * sizes->n_suppress, 4 * (uint64_t)hp->n_mels * SO_MEL_BINS, 4 * sizes->n_alignment_heads,
    };
    for (uint32_t i = 0; i < SO_FILE_SECTIONS; i++) {
        offset = aligned(offset, SO_ALIGNMENT);
        layout->sections[i] = (struct so_file_section){SO_SECTION_VOCAB_BYTES + i, 0, offset, bytes[i]};
        offset += bytes[i];
    }
    return offset;
}

/** Tensors of one kind, of the front or of the data, from `offset` on; `tensors` NULL only counts. Returns
 * the end. */
static uint64_t place_tensors(const struct so_hparams *hp, enum so_precision precision, bool in_front,
                              uint64_t offset, struct so_file_tensor *tensors, uint32_t *count) {
    *count = 0;
    for (size_t i = 0; i < so_item_count(hp); i++) {
        struct so_item item;
        struct so_tensor_spec specs[SO_MAX_PARTS];
        so_item_get(hp, precision, i, &item);
        size_t n = so_item_tensors(&item, specs);
        for (size_t j = 0; j < n; j++, ++*count) {
            if (!tensors || specs[j].in_front != in_front) continue;
            struct so_file_tensor *t = &tensors[*count];
            offset = aligned(offset, SO_ALIGNMENT);
            *t = (struct so_file_tensor){
                .dtype = specs[j].dtype, .rank = specs[j].rank, .offset = offset, .size = specs[j].size};
            memcpy(t->shape, specs[j].shape, sizeof t->shape);
            snprintf(t->name, sizeof t->name, "%s.%s", item.name, so_part_name(specs[j].part));
            offset += specs[j].size;
        }
    }
    return offset;
}

static sotto_status check_sizes(const struct so_hparams *hp, const struct so_layout_sizes *sizes,
                                sotto_error *err) {
    if (sizes->vocab_bytes > SO_MAX_VOCAB_BYTES)
        return so_fail(err, SOTTO_ERR_MODEL, "vocabulary of %llu bytes: over the limit",
                       (unsigned long long)sizes->vocab_bytes);
    if (sizes->n_suppress > hp->n_vocab)
        return so_fail(err, SOTTO_ERR_MODEL, "suppress list of %llu tokens: over the vocabulary's size",
                       (unsigned long long)sizes->n_suppress);
    if (sizes->n_alignment_heads > (uint64_t)hp->n_text_layer * hp->n_text_head)
        return so_fail(err, SOTTO_ERR_MODEL, "%llu alignment heads: more than the model has heads",
                       (unsigned long long)sizes->n_alignment_heads);
    return SOTTO_OK;
}

sotto_status so_layout_create(const struct so_hparams *hp, enum so_precision precision,
                              const struct so_layout_sizes *sizes, struct so_layout *out, sotto_error *err) {
    struct so_vocab vocab;
    uint32_t count;
    memset(out, 0, sizeof *out);
    sotto_status status = so_hparams_check(hp, err);
    if (!status) status = check_sizes(hp, sizes, err);
    if (!status) status = so_vocab_layout(&vocab, hp->n_vocab, err);
    if (status) return status;
    place_tensors(hp, precision, true, 0, NULL, &count);
    out->tensors = so_calloc(count, sizeof *out->tensors);
    if (!out->tensors) return so_fail_memory(err, count * sizeof *out->tensors, "the tensor table");

    struct so_file_header *header = &out->header;
    memcpy(header->magic, SO_FILE_MAGIC, sizeof header->magic);
    header->version = SO_FILE_VERSION;
    header->byte_order = SO_FILE_BYTE_ORDER;
    header->precision = precision;
    so_hparams_store(hp, header->hparams);
    header->n_sections = SO_FILE_SECTIONS;
    header->n_tensors = count;
    header->sections_offset = sizeof *header;
    header->tensors_offset = header->sections_offset + sizeof out->sections;
    uint64_t end =
        place_sections(out, hp, &vocab, sizes, header->tensors_offset + count * sizeof *out->tensors);
    end = place_tensors(hp, precision, true, end, out->tensors, &count);
    header->front_size = aligned(end, SO_FILE_DATA_ALIGNMENT);
    end = place_tensors(hp, precision, false, header->front_size, out->tensors, &count);
    header->file_size = aligned(end, SO_ALIGNMENT);
    return SOTTO_OK;
}

void so_layout_free(struct so_layout *layout) {
    so_free(layout->tensors);
    layout->tensors = NULL;
}
