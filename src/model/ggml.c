/**
 * whisper.cpp's files, little-endian:
 *   u32 magic | 11 x i32: n_vocab, n_audio_ctx, .._state, .._head, .._layer, n_text_ctx, .._state, .._head,
 *   .._layer, n_mels, kind | i32 n_mels, i32 bins, f32[n_mels][bins] filters | i32 tokens | tokens x (u32
 *   length, bytes) | tensors to the end: i32 rank, i32 length of the name, i32 type, i32[rank] shape, fastest
 *   first, name, data.
 * The names are those of OpenAI's checkpoints.
 */
#include <math.h>
#include <string.h>

#include "features/logmel.h"
#include "model/limits.h"
#include "model/safetensors.h"
#include "model/stored.h"
#include "util/memory.h"

#define GGML_MAGIC 0x67676d6cu
#define GGML_HPARAMS 11
#define GGML_MAX_NAME 128
#define GGML_MAX_TOKENS 100000

/** A file that is being read. */
struct reader {
    struct so_infile *input;
    uint64_t at;
};

/** Where the vocabulary lies, beside what all sources have. */
struct ggml {
    struct so_stored *stored;
    uint64_t tokens_at;
    uint32_t n_tokens;
};

static sotto_status damaged(struct reader *r, const char *what, sotto_error *err) {
    return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: %s", so_infile_path(r->input), what);
}

static sotto_status take_u32(struct reader *r, uint32_t *values, size_t n, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; !status && i < n; i++) {
        uint8_t bytes[4] = {0};
        status = so_infile_read(r->input, r->at, bytes, sizeof bytes, err);
        values[i] = so_u32(bytes);
        r->at += sizeof bytes;
    }
    return status;
}

static sotto_status skip(struct reader *r, uint64_t size, const char *what, sotto_error *err) {
    if (size > so_infile_size(r->input) - r->at)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: truncated: %s", so_infile_path(r->input), what);
    r->at += size;
    return SOTTO_OK;
}

/** 0 is a value that no Whisper has, and would say nothing to the comparison with the tensors. */
static sotto_status take_hparams(struct reader *r, struct so_hparams *hp, sotto_error *err) {
    uint32_t v[GGML_HPARAMS];
    sotto_status status = take_u32(r, v, GGML_HPARAMS, err);
    if (status) return status;
    *hp = (struct so_hparams){.n_vocab = v[0],
                              .n_audio_ctx = v[1],
                              .n_audio_state = v[2],
                              .n_audio_head = v[3],
                              .n_audio_layer = v[4],
                              .n_text_ctx = v[5],
                              .n_text_state = v[6],
                              .n_text_head = v[7],
                              .n_text_layer = v[8],
                              .n_mels = v[9]};
    return so_hparams_check(hp, err);
}

/** The filters must be Whisper's: the program has its own. Other programs' last digits differ. */
static sotto_status check_filters(struct reader *r, uint32_t n_mels, sotto_error *err) {
    uint32_t shape[2];
    sotto_status status = take_u32(r, shape, 2, err);
    if (status) return status;
    if (shape[0] != n_mels || shape[1] != SO_MEL_BINS) return damaged(r, "mel filters of another size", err);
    const size_t n = (size_t)n_mels * SO_MEL_BINS;
    float *ours = so_alloc(2 * n, sizeof *ours), *theirs = ours ? ours + n : NULL;
    uint8_t *bytes = so_alloc(n, 4);
    if (ours && bytes) {
        so_mel_filters(n_mels, ours);
        status = so_infile_read(r->input, r->at, bytes, 4 * n, err);
        if (!status) so_number_to_float(SO_NUMBER_F32, bytes, n, theirs);
        for (size_t i = 0; !status && i < n; i++)
            if (!(fabsf(ours[i] - theirs[i]) < 1e-6f))
                status = damaged(r, "mel filters that are not Whisper's", err);
        r->at += 4 * n;
    } else {
        status = so_fail_memory(err, 12 * n, "mel filters");
    }
    so_free(ours);
    so_free(bytes);
    return status;
}

static sotto_status skip_tokens(struct reader *r, uint32_t *count, sotto_error *err) {
    sotto_status status = take_u32(r, count, 1, err);
    if (!status && *count > GGML_MAX_TOKENS) return damaged(r, "an impossible number of tokens", err);
    for (uint32_t i = 0; !status && i < *count; i++) {
        uint32_t length;
        status = take_u32(r, &length, 1, err);
        if (!status) status = skip(r, length, "a token", err);
    }
    return status;
}

static sotto_status take_type(struct reader *r, uint32_t type, enum so_number *number, sotto_error *err) {
    static const struct {
        uint32_t type;
        enum so_number number;
    } known[] = {{0, SO_NUMBER_F32},   {1, SO_NUMBER_F16},   {2, SO_NUMBER_Q4_0}, {3, SO_NUMBER_Q4_1},
                 {6, SO_NUMBER_Q5_0},  {7, SO_NUMBER_Q5_1},  {8, SO_NUMBER_Q8_0}, {12, SO_NUMBER_Q4_K},
                 {13, SO_NUMBER_Q5_K}, {14, SO_NUMBER_Q6_K}, {30, SO_NUMBER_BF16}};
    for (size_t i = 0; i < SO_COUNT(known); i++)
        if (known[i].type == type) {
            *number = known[i].number;
            return SOTTO_OK;
        }
    return so_fail(
        err, SOTTO_ERR_UNSUPPORTED,
        "%s: tensors of ggml type %u: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k and "
        "q6_k can be read",
        so_infile_path(r->input), type);
}

static sotto_status take_tensor(struct reader *r, struct so_stored *stored, sotto_error *err) {
    const size_t index = stored->source.n_pieces;
    uint32_t head[3], shape[SO_PIECE_MAX_RANK];
    char name[GGML_MAX_NAME + 1] = "";
    uint64_t count;
    if (index == SO_MAX_SOURCE_TENSORS) return damaged(r, "too many tensors", err);
    sotto_status status = index == stored->capacity ? so_stored_reserve(stored, 2 * index, err) : SOTTO_OK;
    if (!status) status = take_u32(r, head, SO_COUNT(head), err);
    if (status) return status;
    struct so_piece *piece = &stored->source.pieces[index];
    struct so_stored_tensor *tensor = &stored->tensors[index];
    const uint32_t rank = head[0], length = head[1];
    if (rank < 1 || rank > SO_PIECE_MAX_RANK) return damaged(r, "a tensor has too many dimensions", err);
    if (length < 1 || length > GGML_MAX_NAME) return damaged(r, "a name is empty or too long", err);
    status = take_u32(r, shape, rank, err);
    if (!status) status = so_infile_read(r->input, r->at, name, length, err);
    if (status) return status;
    r->at += length;
    if (!so_name_match(so_safetensors_rules, name, piece))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: unknown tensor %s", so_infile_path(r->input), name);
    status = take_type(r, head[2], &tensor->number, err);
    if (status) return status;
    piece->rank = rank;
    for (uint32_t i = 0; i < rank; i++) piece->shape[i] = shape[rank - 1 - i];
    if (!so_shape_count(piece->shape, rank, &count) || shape[0] % so_number_values(tensor->number))
        return damaged(r, "a tensor of impossible shape", err);
    piece->index = (uint32_t)index;
    tensor->input = r->input;
    tensor->offset = r->at;
    status = skip(r, count / so_number_values(tensor->number) * so_number_size(tensor->number), name, err);
    if (!status) stored->source.n_pieces++;
    return status;
}

static sotto_status read_all(struct reader *r, struct ggml *g, sotto_error *err) {
    uint32_t magic;
    struct so_hparams hp;
    sotto_status status = take_u32(r, &magic, 1, err);
    if (!status) status = take_hparams(r, &hp, err);
    if (!status) status = check_filters(r, hp.n_mels, err);
    g->tokens_at = r->at + 4;
    if (!status) status = skip_tokens(r, &g->n_tokens, err);
    if (!status) status = so_stored_create(&so_format_ggml, 256, &g->stored, err);
    if (!status) g->stored->source.declared = hp;
    while (!status && r->at < so_infile_size(r->input)) status = take_tensor(r, g->stored, err);
    return status;
}

static sotto_status ggml_open(struct so_infile *input, struct so_foreign **out, sotto_error *err) {
    struct reader r = {.input = input};
    struct ggml *g = so_calloc(1, sizeof *g);
    *out = NULL;
    if (!g) return so_fail_memory(err, sizeof *g, "a source of weights");
    sotto_status status = read_all(&r, g, err);
    struct so_stored *stored = g->stored;
    if (!status) status = so_stored_adopt(stored, input, err);
    if (status) {
        if (stored) so_stored_close(&stored->source);
        so_free(g);
        return status;
    }
    stored->owner = g;
    stored->release = so_free;
    *out = &stored->source;
    return SOTTO_OK;
}

/** Behind the text tokens some files have names for the special ones, which the builder lets pass. */
static sotto_status ggml_vocabulary(struct so_foreign *source, struct so_vocab_builder *builder,
                                    sotto_error *err) {
    struct so_stored *stored = (struct so_stored *)source;
    const struct ggml *g = stored->owner;
    struct reader r = {.input = stored->inputs[0], .at = g->tokens_at};
    sotto_status status = SOTTO_OK;
    for (uint32_t id = 0; !status && id < g->n_tokens; id++) {
        char bytes[SO_MAX_TOKEN_BYTES];
        uint32_t length;
        status = take_u32(&r, &length, 1, err);
        if (!status && length > sizeof bytes) return damaged(&r, "a token is too long", err);
        if (!status) status = so_infile_read(r.input, r.at, bytes, length, err);
        if (!status) status = so_vocab_builder_add(builder, id, bytes, length, err);
        r.at += length;
    }
    return status;
}

static bool ggml_recognise(struct so_infile *input) {
    uint8_t bytes[4];
    return !so_infile_read(input, 0, bytes, sizeof bytes, NULL) && so_u32(bytes) == GGML_MAGIC;
}

const struct so_foreign_format so_format_ggml = {"ggml",         ggml_recognise,  ggml_open,
                                                 so_stored_rows, so_stored_close, ggml_vocabulary};
