#include "model/assemble.h"

#include <stdlib.h>
#include <string.h>

#include "model/limits.h"
#include "util/memory.h"

struct so_assembly {
    struct so_foreign *source;
    struct so_hparams hp;
};

/** Pieces of one tensor stand together, in the order of their rows. */
static int by_name(const void *left, const void *right) {
    const struct so_piece *a = left, *b = right;
    int order = strcmp(a->item, b->item);
    if (!order) order = (int)a->part - (int)b->part;
    if (!order) order = (a->block > b->block) - (a->block < b->block);
    return order;
}

static int by_tensor(const void *key, const void *piece) {
    const struct so_piece *a = key, *b = piece;
    int order = strcmp(a->item, b->item);
    return order ? order : (int)a->part - (int)b->part;
}

/** The pieces of a tensor: the first, and how many; NULL if there are none. */
static const struct so_piece *find_pieces(const struct so_foreign *source, const char *item,
                                          enum so_part part, size_t *count) {
    struct so_piece key = {.part = part};
    strncpy(key.item, item, sizeof key.item - 1);
    const struct so_piece *end = source->pieces + source->n_pieces;
    const struct so_piece *found =
        source->n_pieces ? bsearch(&key, source->pieces, source->n_pieces, sizeof key, by_tensor) : NULL;
    *count = 0;
    if (!found) return NULL;
    while (found > source->pieces && !by_tensor(&key, found - 1)) found--;
    while (found + *count < end && !by_tensor(&key, found + *count)) ++*count;
    return found;
}

/** A dimension of a tensor that is one piece of known rank. */
static sotto_status dimension(const struct so_foreign *source, const char *item, uint32_t rank, uint32_t axis,
                              uint32_t *out, sotto_error *err) {
    size_t count;
    const struct so_piece *piece = find_pieces(source, item, SO_PART_WEIGHT, &count);
    if (count != 1 || piece->rank != rank)
        return so_fail(err, SOTTO_ERR_MODEL, "not a Whisper model: no tensor %s of %u dimensions", item,
                       rank);
    *out = (uint32_t)piece->shape[axis];
    return SOTTO_OK;
}

/** Layers of one half: one more than the highest number. */
static uint32_t count_layers(const struct so_foreign *source, const char *prefix) {
    uint32_t layers = 0;
    size_t length = strlen(prefix);
    for (size_t i = 0; i < source->n_pieces; i++) {
        const char *item = source->pieces[i].item;
        if (strncmp(item, prefix, length) || item[length] < '0' || item[length] > '9') continue;
        uint32_t layer = (uint32_t)strtoul(item + length, NULL, 10);
        if (layer + 1 > layers) layers = layer + 1;
    }
    return layers;
}

/** What a source says of its sizes must be what its tensors have. */
static sotto_status compare(const struct so_hparams *declared, const struct so_hparams *hp,
                            sotto_error *err) {
    uint32_t said[SO_FILE_HPARAMS], found[SO_FILE_HPARAMS];
    so_hparams_store(declared, said);
    so_hparams_store(hp, found);
    for (size_t i = 0; i < SO_FILE_HPARAMS; i++)
        if (said[i] && said[i] != found[i])
            return so_fail(err, SOTTO_ERR_MODEL, "damaged: its header says %u where its tensors have %u",
                           said[i], found[i]);
    return SOTTO_OK;
}

static sotto_status derive(const struct so_foreign *source, struct so_hparams *hp, sotto_error *err) {
    sotto_status status = dimension(source, "encoder.positions", 2, 0, &hp->n_audio_ctx, err);
    if (!status) status = dimension(source, "encoder.positions", 2, 1, &hp->n_audio_state, err);
    if (!status) status = dimension(source, "encoder.conv1", 3, 1, &hp->n_mels, err);
    if (!status) status = dimension(source, "decoder.positions", 2, 0, &hp->n_text_ctx, err);
    if (!status) status = dimension(source, "decoder.positions", 2, 1, &hp->n_text_state, err);
    if (!status) status = dimension(source, "decoder.embedding", 2, 0, &hp->n_vocab, err);
    if (status) return status;
    hp->n_audio_head = hp->n_audio_state / SO_HEAD_SIZE;
    hp->n_text_head = hp->n_text_state / SO_HEAD_SIZE;
    hp->n_audio_layer = count_layers(source, "encoder.");
    hp->n_text_layer = count_layers(source, "decoder.");
    status = compare(&source->declared, hp, err);
    return status ? status : so_hparams_check(hp, err);
}

/** The rows of a bias that may be missing: those of the keys. */
static bool is_key_bias(const struct so_item *item, enum so_part part, uint64_t row, uint64_t *end) {
    const char *dot = strrchr(item->name, '.');
    if (part != SO_PART_BIAS || !dot) return false;
    if (!strcmp(dot, ".qkv") && row == item->n / 3)
        *end = 2 * (uint64_t)item->n / 3;
    else if (!strcmp(dot, ".cross_kv") && row == 0)
        *end = item->n / 2;
    else
        return false;
    return true;
}

/** Every row of a tensor comes from one piece of the right width. *used counts the pieces. */
static sotto_status check_tensor(const struct so_foreign *source, const struct so_item *item,
                                 enum so_part part, uint64_t columns, size_t *used, sotto_error *err) {
    size_t count;
    const struct so_piece *piece = find_pieces(source, item->name, part, &count);
    uint64_t row = 0;
    for (size_t i = 0; i < count; i++, piece++) {
        uint64_t first = piece->block * piece->shape[0];
        if (first != row && !(is_key_bias(item, part, row, &row) && first == row)) break;
        if (so_piece_columns(piece) != columns ||
            (item->kind == SO_ITEM_CONV && part == SO_PART_WEIGHT && piece->shape[piece->rank - 1] != 3))
            break;
        row += piece->shape[0];
        ++*used;
    }
    is_key_bias(item, part, row, &row);
    if (row != item->n)
        return so_fail(err, SOTTO_ERR_MODEL, "tensor %s.%s is missing, there twice or of a wrong shape",
                       item->name, so_part_name(part));
    return SOTTO_OK;
}

static sotto_status check_all(const struct so_foreign *source, const struct so_hparams *hp,
                              sotto_error *err) {
    size_t used = 0;
    for (size_t i = 0; i < so_item_count(hp); i++) {
        struct so_item item;
        so_item_get(hp, SO_F32, i, &item);
        sotto_status status;
        if (item.kind == SO_ITEM_NORM) {
            status = check_tensor(source, &item, SO_PART_GAMMA, 1, &used, err);
            if (!status) status = check_tensor(source, &item, SO_PART_BETA, 1, &used, err);
        } else {
            status = check_tensor(source, &item, SO_PART_WEIGHT, item.k, &used, err);
            if (!status && item.has_bias) status = check_tensor(source, &item, SO_PART_BIAS, 1, &used, err);
        }
        if (status) return status;
    }
    if (used != source->n_pieces)
        return so_fail(err, SOTTO_ERR_MODEL, "not a Whisper model: %zu tensors too many",
                       source->n_pieces - used);
    return SOTTO_OK;
}

sotto_status so_assembly_create(struct so_foreign *source, struct so_assembly **out, sotto_error *err) {
    struct so_assembly *assembly = so_calloc(1, sizeof *assembly);
    *out = NULL;
    if (!assembly) return so_fail_memory(err, sizeof *assembly, "an import");
    assembly->source = source;
    if (source->n_pieces) qsort(source->pieces, source->n_pieces, sizeof *source->pieces, by_name);
    sotto_status status = derive(source, &assembly->hp, err);
    if (!status) status = check_all(source, &assembly->hp, err);
    if (status)
        so_assembly_free(assembly);
    else
        *out = assembly;
    return status;
}

void so_assembly_free(struct so_assembly *assembly) {
    so_free(assembly);
}

const struct so_hparams *so_assembly_hparams(const struct so_assembly *assembly) {
    return &assembly->hp;
}

sotto_status so_assembly_rows(struct so_assembly *assembly, const struct so_item *item, enum so_part part,
                              uint32_t first, uint32_t count, float *out, sotto_error *err) {
    const uint64_t columns = part == SO_PART_WEIGHT ? item->k : 1, end = (uint64_t)first + count;
    size_t n;
    const struct so_piece *piece = find_pieces(assembly->source, item->name, part, &n);
    memset(out, 0, (size_t)(count * columns) * sizeof *out);
    for (size_t i = 0; i < n; i++, piece++) {
        uint64_t begins = piece->block * piece->shape[0], ends = begins + piece->shape[0];
        uint64_t from = begins > first ? begins : first, to = ends < end ? ends : end;
        if (from >= to) continue;
        sotto_status status = assembly->source->format->rows(assembly->source, piece, from - begins,
                                                             to - from, out + (from - first) * columns, err);
        if (status) return status;
    }
    return SOTTO_OK;
}
