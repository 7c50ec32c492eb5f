/**
 * CTranslate2's model.bin, version 6, WhisperSpec revision 3. Little-endian:
 *   u32 version | string spec | u32 revision | u32 count | count x tensor | u32 aliases | aliases x (string
 * alias, string name) string: u16 length with the NUL, bytes;  tensor: string name | u8 rank | u32
 * shape[rank] | u8 type | u32 bytes | data A weight of type int8 has a float32 tensor NAME_scale, one value
 * for each row: w = q / scale.
 */
#include <stdio.h>
#include <string.h>

#include "model/ct2_names.h"
#include "model/limits.h"
#include "model/stored.h"
#include "util/memory.h"

#define CT2_VERSION 6
#define CT2_SPEC "WhisperSpec"
#define CT2_REVISION 3
#define CT2_MAX_NAME 128

enum ct2_type { CT2_F32, CT2_S8, CT2_S16, CT2_S32, CT2_F16, CT2_BF16 };

struct record {
    char name[CT2_MAX_NAME];
    uint32_t rank, type;
    uint64_t shape[SO_PIECE_MAX_RANK];
    uint64_t offset, count;
    size_t origin; /* of an alias: the record it was copied from; else itself */
};

/** A file that is being read. */
struct reader {
    struct so_infile *input;
    uint64_t at;
    struct record *records; /* tensors, then aliases as copies of what they name */
    size_t n_records;
};

static sotto_status damaged(struct reader *r, const char *what, sotto_error *err) {
    return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: %s", so_infile_path(r->input), what);
}

static sotto_status take(struct reader *r, void *bytes, size_t size, sotto_error *err) {
    sotto_status status = so_infile_read(r->input, r->at, bytes, size, err);
    r->at += size;
    return status;
}

static sotto_status take_u32(struct reader *r, uint32_t *value, sotto_error *err) {
    uint8_t bytes[4] = {0};
    sotto_status status = take(r, bytes, sizeof bytes, err);
    *value = so_u32(bytes);
    return status;
}

static sotto_status take_string(struct reader *r, char out[CT2_MAX_NAME], sotto_error *err) {
    uint8_t bytes[2];
    sotto_status status = take(r, bytes, sizeof bytes, err);
    if (status) return status;
    uint32_t length = so_u16(bytes);
    if (length < 1 || length > CT2_MAX_NAME) return damaged(r, "a name is empty or too long", err);
    status = take(r, out, length, err);
    if (!status && strnlen(out, length) != length - 1)
        return damaged(r, "a name does not end where it should", err);
    return status;
}

static sotto_status take_record(struct reader *r, struct record *record, sotto_error *err) {
    static const uint8_t sizes[] = {4, 1, 2, 4, 2, 2};
    uint8_t byte;
    uint32_t bytes;
    sotto_status status = take_string(r, record->name, err);
    if (!status) status = take(r, &byte, 1, err);
    if (status) return status;
    record->rank = byte;
    if (record->rank > SO_PIECE_MAX_RANK) return damaged(r, "a tensor has too many dimensions", err);
    for (uint32_t i = 0; i < record->rank; i++) {
        uint32_t n;
        status = take_u32(r, &n, err);
        if (status) return status;
        record->shape[i] = n;
    }
    status = take(r, &byte, 1, err);
    if (!status) status = take_u32(r, &bytes, err);
    if (status) return status;
    record->type = byte;
    if (record->type >= sizeof sizes) return damaged(r, "a tensor of unknown type", err);
    if (!so_shape_count(record->shape, record->rank, &record->count))
        return damaged(r, "a tensor of impossible shape", err);
    if (record->count * sizes[record->type] != bytes)
        return damaged(r, "a tensor's size does not match its shape", err);
    record->offset = r->at;
    if (bytes > so_infile_size(r->input) - r->at)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: truncated: tensor %s", so_infile_path(r->input),
                       record->name);
    r->at += bytes;
    return SOTTO_OK;
}

static const struct record *find_record(const struct reader *r, const char *name) {
    for (size_t i = 0; i < r->n_records; i++)
        if (!strcmp(r->records[i].name, name)) return &r->records[i];
    return NULL;
}

/** Equal tensors are stored once: the others are aliases. */
static sotto_status take_aliases(struct reader *r, uint32_t count, sotto_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        char alias[CT2_MAX_NAME], name[CT2_MAX_NAME];
        sotto_status status = take_string(r, alias, err);
        if (!status) status = take_string(r, name, err);
        if (status) return status;
        const struct record *record = find_record(r, name);
        if (!record) return damaged(r, "an alias of nothing", err);
        r->records[r->n_records] = *record; /* origin included */
        memcpy(r->records[r->n_records].name, alias, sizeof alias);
        r->n_records++;
    }
    return SOTTO_OK;
}

static sotto_status check_head(struct reader *r, sotto_error *err) {
    uint32_t version, revision;
    char spec[CT2_MAX_NAME];
    sotto_status status = take_u32(r, &version, err);
    if (!status) status = take_string(r, spec, err);
    if (!status) status = take_u32(r, &revision, err);
    if (status) return status;
    if (version != CT2_VERSION || strcmp(spec, CT2_SPEC) || revision != CT2_REVISION)
        return so_fail(
            err, SOTTO_ERR_MODEL,
            "%s: CTranslate2 version %u, %s revision %u; only version %d, %s revision %d can be read",
            so_infile_path(r->input), version, spec, revision, CT2_VERSION, CT2_SPEC, CT2_REVISION);
    return SOTTO_OK;
}

/** All records. The room for the aliases is known only behind the tensors: they get as much as the tensors
 * have. */
static sotto_status read_records(struct reader *r, sotto_error *err) {
    uint32_t count, aliases = 0;
    sotto_status status = check_head(r, err);
    if (!status) status = take_u32(r, &count, err);
    if (status) return status;
    if (count < 1 || count > SO_MAX_SOURCE_TENSORS) return damaged(r, "an impossible number of tensors", err);
    r->records = so_calloc(2 * (size_t)count, sizeof *r->records);
    if (!r->records) return so_fail_memory(err, 2 * count * sizeof *r->records, "a list of tensors");
    for (; r->n_records < count; r->n_records++) {
        r->records[r->n_records].origin = r->n_records;
        status = take_record(r, &r->records[r->n_records], err);
        if (status) return status;
    }
    if (r->at < so_infile_size(r->input)) status = take_u32(r, &aliases, err);
    if (status) return status;
    if (aliases > count) return damaged(r, "an impossible number of aliases", err);
    status = take_aliases(r, aliases, err);
    if (!status && r->at != so_infile_size(r->input)) return damaged(r, "bytes behind its end", err);
    return status;
}

static sotto_status read_scalar(struct reader *r, const struct record *record, int *value, sotto_error *err) {
    uint8_t b[4] = {0};
    if (record->type != CT2_S8 && record->type != CT2_S16 && record->type != CT2_S32)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: %s is not a whole number", so_infile_path(r->input),
                       record->name);
    sotto_status status = so_infile_read(r->input, record->offset, b,
                                         record->type == CT2_S8    ? 1
                                         : record->type == CT2_S16 ? 2
                                                                   : 4,
                                         err);
    *value = record->type == CT2_S8    ? (int8_t)b[0]
             : record->type == CT2_S16 ? (int16_t)so_u16(b)
                                       : (int32_t)so_u32(b);
    return status;
}

/** Numbers that tell how the model computes must say what a Whisper computes. */
static sotto_status check_scalar(struct reader *r, const struct record *record, struct so_foreign *source,
                                 sotto_error *err) {
    const char *slash = strchr(record->name, '/'), *name = slash ? slash + 1 : record->name;
    int value = 0, wanted = 0;
    for (const char *const *ignored = so_ct2_ignored; *ignored; ignored++)
        if (!strcmp(*ignored, name)) return SOTTO_OK;
    sotto_status status = read_scalar(r, record, &value, err);
    if (status) return status;
    if (!strcmp(name, "num_heads")) {
        uint32_t *heads = strncmp(record->name, "encoder/", 8) ? &source->declared.n_text_head
                                                               : &source->declared.n_audio_head;
        if (value < 1) return damaged(r, "an impossible number of heads", err);
        *heads = (uint32_t)value;
        return SOTTO_OK;
    }
    for (const struct so_ct2_flag *flag = so_ct2_flags; flag->name; flag++)
        if (!strcmp(flag->name, name)) wanted = flag->value;
    if (value != wanted)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: %s is %d where Whisper has %d", so_infile_path(r->input),
                       record->name, value, wanted);
    return SOTTO_OK;
}

static sotto_status set_scale(struct reader *r, const struct record *weight, struct so_stored_tensor *tensor,
                              sotto_error *err) {
    char name[CT2_MAX_NAME + 8];
    snprintf(name, sizeof name, "%s_scale", r->records[weight->origin].name);
    const struct record *scale = find_record(r, name);
    if (!scale || scale->type != CT2_F32 || scale->count != weight->shape[0])
        return so_fail(err, SOTTO_ERR_MODEL, "%s: int8 tensor %s has no scale for each row",
                       so_infile_path(r->input), weight->name);
    tensor->scaled = true;
    tensor->scale_offset = scale->offset;
    return SOTTO_OK;
}

static sotto_status add_tensor(struct reader *r, const struct record *record, struct so_stored *stored,
                               sotto_error *err) {
    const size_t index = stored->source.n_pieces;
    struct so_piece *piece = &stored->source.pieces[index];
    struct so_stored_tensor *tensor = &stored->tensors[index];
    if (!so_name_match(so_ct2_rules, record->name, piece)) {
        if (!strcmp(record->name, "decoder/projection/weight") || strstr(record->name, "/weight_scale"))
            return SOTTO_OK;
        return so_fail(err, SOTTO_ERR_MODEL, "%s: unknown tensor %s", so_infile_path(r->input), record->name);
    }
    piece->rank = record->rank;
    memcpy(piece->shape, record->shape, sizeof piece->shape);
    piece->index = (uint32_t)index;
    tensor->input = r->input;
    tensor->offset = record->offset;
    stored->source.n_pieces++;
    switch ((enum ct2_type)record->type) {
    case CT2_F32:
        tensor->number = SO_NUMBER_F32;
        return SOTTO_OK;
    case CT2_F16:
        tensor->number = SO_NUMBER_F16;
        return SOTTO_OK;
    case CT2_BF16:
        tensor->number = SO_NUMBER_BF16;
        return SOTTO_OK;
    case CT2_S8:
        tensor->number = SO_NUMBER_S8;
        return set_scale(r, record, tensor, err);
    case CT2_S16:
    case CT2_S32:
        break;
    }
    return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                   "%s: tensor %s holds int%d weights: convert with float16, float32 or int8",
                   so_infile_path(r->input), record->name, record->type == CT2_S16 ? 16 : 32);
}

static sotto_status build(struct reader *r, struct so_stored **out, sotto_error *err) {
    struct so_stored *stored;
    sotto_status status = so_stored_create(&so_format_ctranslate2, r->n_records, &stored, err);
    for (size_t i = 0; !status && i < r->n_records; i++) {
        const struct record *record = &r->records[i];
        status =
            record->rank ? add_tensor(r, record, stored, err) : check_scalar(r, record, &stored->source, err);
    }
    const struct record *projection = find_record(r, "decoder/projection/weight"),
                        *embedding = find_record(r, "decoder/embeddings/weight");
    if (!status && projection && (!embedding || projection->offset != embedding->offset))
        status = so_fail(err, SOTTO_ERR_UNSUPPORTED, "%s: an output projection of its own, not the embedding",
                         so_infile_path(r->input));
    if (status && stored) so_stored_close(&stored->source);
    *out = status ? NULL : stored;
    return status;
}

static sotto_status ct2_open(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    struct reader r = {.input = input};
    struct so_stored *stored = NULL;
    *out = NULL;
    sotto_status status = read_records(&r, err);
    if (!status) status = build(&r, &stored, err);
    so_free(r.records);
    if (!status) status = so_stored_adopt(stored, input, err);
    if (status && stored) so_stored_close(&stored->source);
    if (!status) *out = &stored->source;
    return status;
}

static bool ct2_recognise(struct so_infile *input) {
    /* The version is a small number, and the name of a specification follows with its length. */
    uint8_t bytes[6];
    if (so_infile_read(input, 0, bytes, sizeof bytes, NULL)) return false;
    return so_u32(bytes) >= 1 && so_u32(bytes) < 256 && so_u16(bytes + 4) >= 2 &&
           so_u16(bytes + 4) <= CT2_MAX_NAME;
}

const struct so_foreign_format so_format_ctranslate2 = {"CTranslate2",  ct2_recognise,   ct2_open,
                                                        so_stored_rows, so_stored_close, NULL};
