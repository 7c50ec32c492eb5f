#include "model/writer.h"

#include <string.h>

#include "backend/cpu/kernels.h"
#include "features/logmel.h"
#include "model/check.h"
#include "model/hash.h"
#include "model/output.h"
#include "model/pack.h"
#include "util/memory.h"

struct writer {
    const struct so_weights *weights;
    struct so_output *output;
    struct so_layout layout;
    char *front; /* [front_size] kept until the end: scales and sums are known only after the panels */
    struct so_hash *hash; /* of the data */
    uint64_t at;          /* end of the data written so far */
    float *rows;          /* [16][k] of the widest item */
    float *filter;        /* [k] */
    uint8_t *halves;      /* [16][k] quantised values, then [16][k/32] steps */
    void *panel;          /* [k][16] floats, or the bytes of an s8 panel */
};

/** Append to the data. */
static sotto_status append(struct writer *w, const void *bytes, size_t size, sotto_error *err) {
    so_hash_add(w->hash, bytes, size);
    sotto_status status = so_output_write(w->output, w->at, bytes, size, err);
    w->at += size;
    return status;
}

/** Zeros up to an offset. */
static sotto_status pad(struct writer *w, uint64_t offset, sotto_error *err) {
    static const char zeros[SO_ALIGNMENT];
    sotto_status status = SOTTO_OK;
    while (!status && w->at < offset)
        status = append(w, zeros, so_min(sizeof zeros, (size_t)(offset - w->at)), err);
    return status;
}

static sotto_status read_rows(struct writer *w, const struct so_item *item, enum so_part part, uint32_t first,
                              uint32_t count, uint32_t columns, float *out, sotto_error *err) {
    sotto_status status = w->weights->rows(w->weights->context, item, part, first, count, out, err);
    if (!status && !so_all_finite(out, (size_t)count * columns))
        return so_fail(err, SOTTO_ERR_MODEL, "tensor %s.%s holds a value that is not finite", item->name,
                       so_part_name(part));
    return status;
}

/** The panels of a matrix into the data, its sums and scales into the front. */
static sotto_status write_panels(struct writer *w, const struct so_item *item,
                                 const struct so_file_tensor *tensors, sotto_error *err) {
    const size_t k = item->k;
    int32_t *bsum = item->precision != SO_F32 ? (int32_t *)(w->front + tensors[2].offset) : NULL;
    float *scale = item->precision != SO_F32 ? (float *)(w->front + tensors[3].offset) : NULL;
    for (uint32_t n = 0; n < item->n; n += SO_PANEL) {
        uint32_t count = item->n - n < SO_PANEL ? item->n - n : SO_PANEL;
        sotto_status status = read_rows(w, item, SO_PART_WEIGHT, n, count, item->k, w->rows, err);
        if (status) return status;
        for (uint32_t i = 0; item->kind == SO_ITEM_CONV && i < count; i++) {
            so_pack_taps(w->rows + i * k, k / 3, w->filter);
            memcpy(w->rows + i * k, w->filter, k * sizeof *w->filter);
        }
        if (item->precision == SO_INT8) {
            so_pack_s8(w->rows, count, k, w->panel, scale + n, bsum + n);
            status = append(w, w->panel, (k + 3) / 4 * 4 * SO_PANEL, err);
        } else if (item->precision == SO_INT4) {
            int8_t *q = (int8_t *)w->halves;
            uint8_t *steps = w->halves + SO_PANEL * k;
            status = w->weights->quantise(w->weights->quantiser, item, n, count, w->rows, q, steps, scale + n, err);
            if (!status) so_pack_s4(q, steps, count, k, w->panel, bsum + n);
            if (!status) status = append(w, w->panel, k / SO_Q4_GROUP * SO_Q4_GROUP_BYTES, err);
        } else {
            so_pack_f32(w->rows, count, k, w->panel);
            status = append(w, w->panel, k * SO_PANEL * sizeof(float), err);
        }
        if (status) return status;
    }
    return SOTTO_OK;
}

static sotto_status write_table(struct writer *w, const struct so_item *item, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    for (uint32_t n = 0; !status && n < item->n; n++) {
        status = read_rows(w, item, SO_PART_WEIGHT, n, 1, item->k, w->rows, err);
        if (!status) status = append(w, w->rows, item->k * sizeof(float), err);
    }
    return status;
}

static float *front_floats(struct writer *w, const struct so_file_tensor *tensor) {
    return (float *)(w->front + tensor->offset);
}

static sotto_status write_item(struct writer *w, const struct so_item *item,
                               const struct so_file_tensor *tensors, sotto_error *err) {
    sotto_status status;
    switch (item->kind) {
    case SO_ITEM_NORM:
        status = read_rows(w, item, SO_PART_GAMMA, 0, item->n, 1, front_floats(w, &tensors[0]), err);
        return status ? status
                      : read_rows(w, item, SO_PART_BETA, 0, item->n, 1, front_floats(w, &tensors[1]), err);
    case SO_ITEM_TABLE:
        status = pad(w, tensors[0].offset, err);
        return status ? status : write_table(w, item, err);
    case SO_ITEM_MATRIX:
    case SO_ITEM_CONV:
        break;
    }
    status = pad(w, tensors[0].offset, err);
    if (!status) status = write_panels(w, item, tensors, err);
    if (!status && item->has_bias)
        status = read_rows(w, item, SO_PART_BIAS, 0, item->n, 1, front_floats(w, &tensors[1]), err);
    return status;
}

static void write_sections(struct writer *w, const struct so_model_parts *parts) {
    const struct so_file_section *sections = w->layout.sections;
    const void *contents[SO_FILE_SECTIONS] = {
        parts->vocab->bytes,    parts->vocab->offsets, parts->vocab->sorted,
        parts->vocab->suppress, parts->mel_filters,    parts->alignment_heads,
    };
    memcpy(w->front + w->layout.header.sections_offset, sections, sizeof w->layout.sections);
    memcpy(w->front + w->layout.header.tensors_offset, w->layout.tensors,
           w->layout.header.n_tensors * sizeof *w->layout.tensors);
    for (size_t i = 0; i < SO_FILE_SECTIONS; i++)
        if (sections[i].size) memcpy(w->front + sections[i].offset, contents[i], (size_t)sections[i].size);
}

static sotto_status write_front(struct writer *w, const struct so_model_parts *parts, sotto_error *err) {
    struct so_file_header *header = &w->layout.header;
    write_sections(w, parts);
    memcpy(header->name, parts->name, strlen(parts->name));
    so_hash_result(w->hash, header->data_hash);
    memcpy(w->front, header, sizeof *header);
    sotto_status status = so_file_front_hash(w->front, header->front_size, header->front_hash, err);
    if (status) return status;
    memcpy(w->front, header, sizeof *header);
    return so_output_write(w->output, 0, w->front, (size_t)header->front_size, err);
}

static sotto_status prepare(struct writer *w, const char *path, const struct so_model_parts *parts,
                            sotto_error *err) {
    const struct so_layout_sizes sizes = {parts->vocab->offsets[parts->vocab->n_text],
                                          parts->vocab->n_suppress, parts->n_alignment_heads};
    const size_t k =
        4 * (size_t)parts->hp.n_audio_state; /* the widest input, above 3 * n_mels and 3 * state */
    const size_t widest = so_max(k, 3 * 128);
    sotto_status status = so_layout_create(&parts->hp, parts->precision, &sizes, &w->layout, err);
    if (!status) status = so_hash_create(&w->hash, err);
    if (status) return status;
    w->front = so_calloc(1, (size_t)w->layout.header.front_size);
    w->rows = so_calloc(widest * SO_PANEL, sizeof *w->rows);
    w->filter = so_calloc(widest, sizeof *w->filter);
    w->panel = so_calloc(widest * SO_PANEL, sizeof(float));
    w->halves = so_calloc(2 * widest, SO_PANEL);
    if (!w->front || !w->rows || !w->filter || !w->panel || !w->halves)
        return so_fail_memory(err, (size_t)w->layout.header.front_size, "a model to write");
    w->at = w->layout.header.front_size;
    return so_output_create(path, &w->output, err);
}

static sotto_status write_all(struct writer *w, const struct so_model_parts *parts, sotto_error *err) {
    const size_t total = so_item_count(&parts->hp);
    const struct so_file_tensor *next = w->layout.tensors;
    for (size_t i = 0; i < total; i++) {
        struct so_item item;
        struct so_tensor_spec specs[SO_MAX_PARTS];
        so_item_get(&parts->hp, parts->precision, i, &item);
        sotto_status status = write_item(w, &item, next, err);
        if (status) return status;
        next += so_item_tensors(&item, specs);
        if (w->weights->on_progress) w->weights->on_progress(w->weights->context, i + 1, total);
    }
    sotto_status status = pad(w, w->layout.header.file_size, err);
    return status ? status : write_front(w, parts, err);
}

sotto_status so_model_write(const char *path, const struct so_model_parts *parts,
                            const struct so_weights *weights, sotto_error *err) {
    struct writer w = {.weights = weights};
    sotto_status status = prepare(&w, path, parts, err);
    if (!status) status = write_all(&w, parts, err);
    if (status)
        so_output_discard(w.output);
    else
        status = so_output_commit(w.output, err);
    so_layout_free(&w.layout);
    so_hash_free(w.hash);
    so_free(w.front);
    so_free(w.rows);
    so_free(w.filter);
    so_free(w.panel);
    so_free(w.halves);
    return status;
}
