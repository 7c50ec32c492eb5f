/**
 * Safetensors: u64 length of a JSON header | header | data. The header maps each name to its dtype, shape and
 * [begin, end) in the data; "__metadata__" is text for people. Names of OpenAI's checkpoints and of Hugging
 * Face's.
 */
#include <string.h>

#include "model/json.h"
#include "model/limits.h"
#include "model/safetensors.h"
#include "model/stored.h"
#include "util/memory.h"

#define HEADER_START 8

static sotto_status damaged(struct so_infile *input, const char *name, const char *what, sotto_error *err) {
    return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: tensor %s: %s", so_infile_path(input), name, what);
}

static bool take_size(const json_t *value, uint64_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static sotto_status take_shape(struct so_infile *input, const char *name, const json_t *shape,
                               struct so_piece *piece, uint64_t *count, sotto_error *err) {
    size_t rank = json_array_size(shape);
    if (rank < 1 || rank > SO_PIECE_MAX_RANK) return damaged(input, name, "an impossible shape", err);
    piece->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++)
        if (!take_size(json_array_get(shape, i), &piece->shape[i]))
            return damaged(input, name, "an impossible shape", err);
    if (!so_shape_count(piece->shape, piece->rank, count))
        return damaged(input, name, "an impossible shape", err);
    return SOTTO_OK;
}

static bool take_number(const char *dtype, enum so_number *number) {
    static const struct {
        const char *name;
        enum so_number number;
    } known[] = {{"F32", SO_NUMBER_F32}, {"F16", SO_NUMBER_F16}, {"BF16", SO_NUMBER_BF16}};
    for (size_t i = 0; dtype && i < SO_COUNT(known); i++) {
        if (strcmp(dtype, known[i].name)) continue;
        *number = known[i].number;
        return true;
    }
    return false;
}

/** [begin, end) of a tensor, relative to the data, which begins at `data`. */
static sotto_status take_place(struct so_infile *input, const char *name, const json_t *entry, uint64_t data,
                               uint64_t *begin, uint64_t *end, sotto_error *err) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (json_array_size(offsets) != 2 || !take_size(json_array_get(offsets, 0), begin) ||
        !take_size(json_array_get(offsets, 1), end))
        return damaged(input, name, "no place in the file", err);
    if (*begin > *end || *end > so_infile_size(input) - data)
        return damaged(input, name, "outside the file", err);
    return SOTTO_OK;
}

/** Tensors that are in checkpoints and of no use: the causal mask, the tied output matrix. */
static bool is_ignored(const char *name) {
    static const char *const ignored[] = {"decoder.mask", "alignment_heads", "proj_out.weight"};
    for (size_t i = 0; i < SO_COUNT(ignored); i++)
        if (!strcmp(name, ignored[i])) return true;
    return false;
}

/** Without rules a tensor keeps its name. */
static bool take_name(const struct so_name_rule *rules, const char *name, struct so_piece *piece) {
    if (rules) return so_name_match(rules, name, piece);
    if (strlen(name) >= sizeof piece->item) return false;
    memcpy(piece->item, name, strlen(name) + 1);
    piece->part = SO_PART_WEIGHT;
    return true;
}

/** *last: the end of the data that is spoken for. */
static sotto_status add_tensor(struct so_stored *stored, struct so_infile *input,
                               const struct so_name_rule *rules, const char *name, const json_t *entry,
                               uint64_t data, uint64_t *last, sotto_error *err) {
    const size_t index = stored->source.n_pieces, prefix = strlen("model.");
    struct so_piece *piece = &stored->source.pieces[index];
    struct so_stored_tensor *tensor = &stored->tensors[index];
    uint64_t count, begin = 0, end = 0;
    if (!strcmp(name, "__metadata__")) return SOTTO_OK;
    sotto_status status = take_place(input, name, entry, data, &begin, &end, err);
    if (status) return status;
    if (end > *last) *last = end;
    if (is_ignored(name)) return SOTTO_OK;
    if (!take_name(rules, strncmp(name, "model.", prefix) ? name : name + prefix, piece))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: unknown tensor %s", so_infile_path(input), name);
    if (!take_number(json_string_value(json_object_get(entry, "dtype")), &tensor->number))
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "%s: tensor %s is not of type F32, F16 or BF16",
                       so_infile_path(input), name);
    status = take_shape(input, name, json_object_get(entry, "shape"), piece, &count, err);
    if (status) return status;
    if (end - begin != count * so_number_size(tensor->number))
        return damaged(input, name, "its size does not match its shape", err);
    tensor->input = input;
    tensor->offset = data + begin;
    piece->index = (uint32_t)index;
    stored->source.n_pieces++;
    return SOTTO_OK;
}

static sotto_status add_tensors(struct so_stored *stored, struct so_infile *input,
                                const struct so_name_rule *rules, json_t *header, uint64_t data,
                                sotto_error *err) {
    const char *name;
    json_t *entry;
    const size_t count = json_object_size(header), before = stored->source.n_pieces;
    uint64_t last = 0;
    if (!json_is_object(header) || count < 1 || count > SO_MAX_SOURCE_TENSORS - before)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: no header with 1 to %d tensors",
                       so_infile_path(input), SO_MAX_SOURCE_TENSORS);
    sotto_status status = so_stored_reserve(stored, before + count, err);
    json_object_foreach(header, name, entry) {
        if (!status) status = add_tensor(stored, input, rules, name, entry, data, &last, err);
    }
    /* The format leaves no bytes over: if there are, the header or the file has been damaged. */
    if (!status && data + last != so_infile_size(input))
        status = so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: bytes that belong to no tensor",
                         so_infile_path(input));
    return status;
}

static sotto_status load_header(struct so_infile *input, uint64_t size, json_t **header, sotto_error *err) {
    char *text = so_alloc(1, (size_t)size);
    if (!text) return so_fail_memory(err, (size_t)size, "a header");
    sotto_status status = so_infile_read(input, HEADER_START, text, (size_t)size, err);
    if (!status) status = so_json_parse(so_infile_path(input), text, (size_t)size, header, err);
    so_free(text);
    return status;
}

/** The header's length, 0 if the file cannot be of this format. */
static uint64_t header_size(struct so_infile *input) {
    uint8_t bytes[HEADER_START + 1];
    if (so_infile_read(input, 0, bytes, sizeof bytes, NULL) || bytes[HEADER_START] != '{') return 0;
    uint64_t size = so_u64(bytes);
    return size >= 2 && size <= SO_MAX_JSON_BYTES ? size : 0;
}

static bool safetensors_recognise(struct so_infile *input) {
    return header_size(input) != 0;
}

sotto_status so_safetensors_add(struct so_stored *stored, struct so_infile *input,
                                const struct so_name_rule *rules, sotto_error *err) {
    json_t *header = NULL;
    const uint64_t size = header_size(input);
    if (!size) return so_fail(err, SOTTO_ERR_MODEL, "%s: not a safetensors file", so_infile_path(input));
    sotto_status status = load_header(input, size, &header, err);
    if (!status) status = add_tensors(stored, input, rules, header, HEADER_START + size, err);
    json_decref(header);
    return status;
}

static sotto_status open_with(struct so_infile *input, const struct so_name_rule *rules,
                              struct so_foreign **out, sotto_error *err) {
    struct so_stored *stored;
    *out = NULL;
    sotto_status status = so_stored_create(&so_format_safetensors, 1, &stored, err);
    if (!status) status = so_safetensors_add(stored, input, rules, err);
    if (!status) status = so_stored_adopt(stored, input, err);
    if (!status)
        *out = &stored->source;
    else if (stored)
        so_stored_close(&stored->source);
    return status;
}

static sotto_status safetensors_open(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    return open_with(input, so_safetensors_rules, out, err);
}

sotto_status so_safetensors_open(const char *path, const struct so_name_rule *rules, struct so_foreign **out,
                                 sotto_error *err) {
    struct so_infile *input;
    *out = NULL;
    sotto_status status = so_infile_open(path, &input, err);
    if (status) return status;
    status = open_with(input, rules, out, err);
    if (status) so_infile_close(input);
    return status;
}

const struct so_foreign_format so_format_safetensors = {
    "safetensors", safetensors_recognise, safetensors_open, so_stored_rows, so_stored_close, NULL};
