#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "import_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features/logmel.h"
#include "model/utf8.h"
#include "model/writer.h"
#include "synthetic.h"

#define ENGLISH 51864
#define SEED 11

struct so_hparams so_coarse_hparams(void) {
    return so_synthetic_hparams(64, 1, 1, 80, ENGLISH);
}

static bool is_key_bias(const struct so_item *item, enum so_part part, uint32_t row) {
    if (part != SO_PART_BIAS) return false;
    if (strstr(item->name, ".qkv")) return row >= item->n / 3 && row < 2 * item->n / 3;
    return strstr(item->name, ".cross_kv") && row < item->n / 2;
}

float so_coarse_weight(const struct so_item *item, enum so_part part, uint32_t row, uint32_t column) {
    if (is_key_bias(item, part, row)) return 0;
    uint64_t random =
        so_synthetic_random(SEED, (uint64_t)item->name[strlen(item->name) - 1] << 8 | (uint64_t)part,
                            (uint64_t)row << 32 | column);
    int m = (int)(random % 255) - 127;
    if (part == SO_PART_WEIGHT && column == row % item->k) m = m < 0 ? -127 : 127;
    return (float)m / 128.0f;
}

static sotto_status rows(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                         uint32_t count, float *out, sotto_error *err) {
    const uint32_t columns = part == SO_PART_WEIGHT ? item->k : 1;
    (void)context;
    (void)err;
    for (uint32_t i = 0; i < count * columns; i++)
        out[i] = so_coarse_weight(item, part, first + i / columns, i % columns);
    return SOTTO_OK;
}

void so_coarse_write(const char *path, enum so_precision precision, const char *name) {
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    float *filters = calloc(80 * SO_MEL_BINS, sizeof *filters);
    assert_int_equal(so_synthetic_vocab(ENGLISH, &builder, &vocab, NULL), SOTTO_OK);
    so_mel_filters(80, filters);
    const struct so_model_parts parts = {.name = name,
                                         .precision = precision,
                                         .hp = so_coarse_hparams(),
                                         .vocab = vocab,
                                         .mel_filters = filters};
    const struct so_weights weights = {NULL, rows, NULL};
    assert_int_equal(so_model_write(path, &parts, &weights, NULL), SOTTO_OK);
    so_vocab_builder_free(builder);
    free(filters);
}

/* ---- bytes ---- */

void so_bytes_add(struct so_bytes *bytes, const void *data, size_t size) {
    if (bytes->capacity - bytes->size < size) {
        bytes->capacity = 2 * (bytes->size + size);
        bytes->data = realloc(bytes->data, bytes->capacity);
        assert_non_null(bytes->data);
    }
    if (size) memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void so_bytes_u32(struct so_bytes *bytes, uint32_t value) {
    const uint8_t b[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                          (uint8_t)(value >> 24)};
    so_bytes_add(bytes, b, 4);
}

static void add_u8(struct so_bytes *bytes, unsigned value) {
    const uint8_t b = (uint8_t)value;
    so_bytes_add(bytes, &b, 1);
}

static void add_u16(struct so_bytes *bytes, unsigned value) {
    add_u8(bytes, value & 0xff);
    add_u8(bytes, value >> 8);
}

static void add_text(struct so_bytes *bytes, const char *text) {
    so_bytes_add(bytes, text, strlen(text));
}

void so_bytes_mark(struct so_marks *marks, size_t at) {
    if (!marks) return;
    assert_true(marks->n < sizeof marks->at / sizeof marks->at[0]);
    marks->at[marks->n++] = at;
}

/** A float to binary16: only for the values that occur here, which it holds exactly. */
static unsigned half_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value == 0) return 0;
    return (bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10 | (bits >> 13 & 0x3ff));
}

static void add_number(struct so_bytes *bytes, enum so_coarse_type type, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    switch (type) {
    case SO_COARSE_F32:
        so_bytes_u32(bytes, bits);
        break;
    case SO_COARSE_F16:
        add_u16(bytes, half_of(value));
        break;
    case SO_COARSE_BF16:
        add_u16(bytes, bits >> 16);
        break;
    case SO_COARSE_S8:
        add_u8(bytes, (unsigned)(int)(value * 128) & 0xff);
        break;
    }
}

/* ---- names, from each format's own documents ---- */

/** Of one item: the module in CTranslate2, OpenAI's checkpoints, Hugging Face's; queries, keys and values
 * between bars. */
static const struct {
    const char *item, *ct2, *openai, *hugging;
} modules[] = {
    {"encoder.conv1", "encoder/conv1", "encoder.conv1", "model.encoder.conv1"},
    {"encoder.conv2", "encoder/conv2", "encoder.conv2", "model.encoder.conv2"},
    {"encoder.positions", "encoder/position_encodings", "encoder.positional_embedding",
     "model.encoder.embed_positions"},
    {"encoder.0.attn_norm", "encoder/layer_0/self_attention/layer_norm", "encoder.blocks.0.attn_ln",
     "model.encoder.layers.0.self_attn_layer_norm"},
    {"encoder.0.qkv", "encoder/layer_0/self_attention/linear_0",
     "encoder.blocks.0.attn.query|encoder.blocks.0.attn.key|encoder.blocks.0.attn.value",
     "model.encoder.layers.0.self_attn.q_proj|model.encoder.layers.0.self_attn.k_proj|model.encoder.layers.0."
     "self_attn.v_proj"},
    {"encoder.0.out", "encoder/layer_0/self_attention/linear_1", "encoder.blocks.0.attn.out",
     "model.encoder.layers.0.self_attn.out_proj"},
    {"encoder.0.mlp_norm", "encoder/layer_0/ffn/layer_norm", "encoder.blocks.0.mlp_ln",
     "model.encoder.layers.0.final_layer_norm"},
    {"encoder.0.fc1", "encoder/layer_0/ffn/linear_0", "encoder.blocks.0.mlp.0", "model.encoder.layers.0.fc1"},
    {"encoder.0.fc2", "encoder/layer_0/ffn/linear_1", "encoder.blocks.0.mlp.2", "model.encoder.layers.0.fc2"},
    {"encoder.norm", "encoder/layer_norm", "encoder.ln_post", "model.encoder.layer_norm"},
    {"decoder.embedding", "decoder/embeddings", "decoder.token_embedding", "model.decoder.embed_tokens"},
    {"decoder.positions", "decoder/position_encodings", "decoder.positional_embedding",
     "model.decoder.embed_positions"},
    {"decoder.0.attn_norm", "decoder/layer_0/self_attention/layer_norm", "decoder.blocks.0.attn_ln",
     "model.decoder.layers.0.self_attn_layer_norm"},
    {"decoder.0.qkv", "decoder/layer_0/self_attention/linear_0",
     "decoder.blocks.0.attn.query|decoder.blocks.0.attn.key|decoder.blocks.0.attn.value",
     "model.decoder.layers.0.self_attn.q_proj|model.decoder.layers.0.self_attn.k_proj|model.decoder.layers.0."
     "self_attn.v_proj"},
    {"decoder.0.out", "decoder/layer_0/self_attention/linear_1", "decoder.blocks.0.attn.out",
     "model.decoder.layers.0.self_attn.out_proj"},
    {"decoder.0.cross_norm", "decoder/layer_0/attention/layer_norm", "decoder.blocks.0.cross_attn_ln",
     "model.decoder.layers.0.encoder_attn_layer_norm"},
    {"decoder.0.cross_q", "decoder/layer_0/attention/linear_0", "decoder.blocks.0.cross_attn.query",
     "model.decoder.layers.0.encoder_attn.q_proj"},
    {"decoder.0.cross_kv", "decoder/layer_0/attention/linear_1",
     "decoder.blocks.0.cross_attn.key|decoder.blocks.0.cross_attn.value",
     "model.decoder.layers.0.encoder_attn.k_proj|model.decoder.layers.0.encoder_attn.v_proj"},
    {"decoder.0.cross_out", "decoder/layer_0/attention/linear_2", "decoder.blocks.0.cross_attn.out",
     "model.decoder.layers.0.encoder_attn.out_proj"},
    {"decoder.0.mlp_norm", "decoder/layer_0/ffn/layer_norm", "decoder.blocks.0.mlp_ln",
     "model.decoder.layers.0.final_layer_norm"},
    {"decoder.0.fc1", "decoder/layer_0/ffn/linear_0", "decoder.blocks.0.mlp.0", "model.decoder.layers.0.fc1"},
    {"decoder.0.fc2", "decoder/layer_0/ffn/linear_1", "decoder.blocks.0.mlp.2", "model.decoder.layers.0.fc2"},
    {"decoder.norm", "decoder/layer_norm", "decoder.ln", "model.decoder.layer_norm"},
};

/** The item of modules[i], looked for by name: the two lists need not have one order. */
static struct so_item item_named(const char *name) {
    const struct so_hparams hp = so_coarse_hparams();
    struct so_item item;
    assert_int_equal(so_item_count(&hp), sizeof modules / sizeof modules[0]);
    for (size_t i = 0; i < so_item_count(&hp); i++) {
        so_item_get(&hp, SO_F32, i, &item);
        if (!strcmp(item.name, name)) return item;
    }
    fail_msg("no item %s", name);
    return item;
}

const char *so_coarse_module(size_t i, bool openai, struct so_item *item) {
    if (i == sizeof modules / sizeof modules[0]) return NULL;
    *item = item_named(modules[i].item);
    return openai ? modules[i].openai : modules[i].hugging;
}

void so_bytes_rows(struct so_bytes *bytes, enum so_coarse_type type, const struct so_item *item,
                   enum so_part part, uint32_t first, uint32_t count, uint32_t columns) {
    for (uint32_t i = 0; i < count * columns; i++)
        add_number(bytes, type, so_coarse_weight(item, part, first + i / columns, i % columns));
}

/* ---- CTranslate2 ---- */

static void ct2_string(struct so_bytes *out, const char *text) {
    add_u16(out, (unsigned)strlen(text) + 1);
    so_bytes_add(out, text, strlen(text) + 1);
}

static unsigned ct2_type(enum so_coarse_type type) {
    static const unsigned ids[] = {0, 4, 5, 1};
    return ids[type];
}

static void ct2_head(struct so_bytes *out, struct so_marks *marks, const char *module, const char *suffix,
                     enum so_coarse_type type, uint32_t rank, const uint32_t *shape) {
    static const uint32_t sizes[] = {4, 2, 2, 1};
    char name[128];
    uint32_t count = sizes[type];
    snprintf(name, sizeof name, "%s/%s", module, suffix);
    so_bytes_mark(marks, out->size);
    ct2_string(out, name);
    so_bytes_mark(marks, out->size);
    add_u8(out, rank);
    for (uint32_t i = 0; i < rank; i++) {
        so_bytes_u32(out, shape[i]);
        count *= shape[i];
    }
    add_u8(out, ct2_type(type));
    so_bytes_u32(out, count);
    so_bytes_mark(marks, out->size);
}

static void ct2_scalar(struct so_bytes *out, const char *name, int value, unsigned type) {
    ct2_string(out, name);
    add_u8(out, 0);
    add_u8(out, type);
    so_bytes_u32(out, type == 1 ? 1 : 2);
    if (type == 1)
        add_u8(out, (unsigned)value & 0xff);
    else
        add_u16(out, (unsigned)value & 0xffff);
}

/** INT8 files keep everything but the matrices in float32. Returns how many tensors were added. */
static uint32_t ct2_item(struct so_bytes *out, struct so_marks *marks, enum so_coarse_type type,
                         const struct so_item *item, const char *module) {
    const uint32_t n = item->n, k = item->k, matrix[] = {n, k}, filter[] = {n, k / 3, 3};
    const bool conv = item->kind == SO_ITEM_CONV;
    const enum so_coarse_type plain = type == SO_COARSE_S8 ? SO_COARSE_F32 : type;
    if (item->kind == SO_ITEM_NORM) {
        ct2_head(out, marks, module, "beta", plain, 1, &n);
        so_bytes_rows(out, plain, item, SO_PART_BETA, 0, n, 1);
        ct2_head(out, marks, module, "gamma", plain, 1, &n);
        so_bytes_rows(out, plain, item, SO_PART_GAMMA, 0, n, 1);
        return 2;
    }
    if (item->kind == SO_ITEM_TABLE) {
        ct2_head(out, marks, module, "encodings", plain, 2, matrix);
        so_bytes_rows(out, plain, item, SO_PART_WEIGHT, 0, n, k);
        return 1;
    }
    uint32_t count = 1;
    ct2_head(out, marks, module, "weight", type, conv ? 3 : 2, conv ? filter : matrix);
    so_bytes_rows(out, type, item, SO_PART_WEIGHT, 0, n, k);
    if (type == SO_COARSE_S8) {
        const float scale = 128;
        ct2_head(out, marks, module, "weight_scale", SO_COARSE_F32, 1, &n);
        for (uint32_t i = 0; i < n; i++) add_number(out, SO_COARSE_F32, scale);
        count++;
    }
    if (item->has_bias) {
        ct2_head(out, marks, module, "bias", plain, 1, &n);
        so_bytes_rows(out, plain, item, SO_PART_BIAS, 0, n, 1);
        count++;
    }
    return count;
}

struct so_bytes so_make_ct2(enum so_coarse_type type, struct so_marks *marks) {
    struct so_bytes out = {0};
    so_bytes_u32(&out, 6);
    so_bytes_mark(marks, out.size);
    ct2_string(&out, "WhisperSpec");
    so_bytes_mark(marks, out.size);
    so_bytes_u32(&out, 3);
    so_bytes_mark(marks, out.size);
    const size_t count_at = out.size;
    so_bytes_u32(&out, 0);
    uint32_t count = 5;
    ct2_scalar(&out, "decoder/activation", 3, 1);
    ct2_scalar(&out, "decoder/alignment_layer", -1, 2);
    ct2_scalar(&out, "decoder/num_heads", 1, 2);
    ct2_scalar(&out, "decoder/pre_norm", 1, 1);
    ct2_scalar(&out, "encoder/num_heads", 1, 2);
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        const struct so_item item = item_named(modules[i].item);
        count += ct2_item(&out, marks, type, &item, modules[i].ct2);
    }
    for (unsigned i = 0; i < 4; i++) out.data[count_at + i] = (uint8_t)(count >> 8 * i);
    so_bytes_mark(marks, out.size);
    so_bytes_u32(&out, 1);
    so_bytes_mark(marks, out.size);
    ct2_string(&out, "decoder/projection/weight");
    ct2_string(&out, "decoder/embeddings/weight");
    return out;
}

/* ---- safetensors ---- */

struct safetensors {
    struct so_bytes header, data;
    enum so_coarse_type type;
    struct so_marks *marks;
};

static void st_tensor(struct safetensors *s, const char *name, const struct so_item *item, enum so_part part,
                      uint32_t first, uint32_t count, uint32_t columns) {
    static const char *const types[] = {"F32", "F16", "BF16"};
    char text[512], shape[64];
    const size_t begin = s->data.size;
    const bool conv = item->kind == SO_ITEM_CONV && part == SO_PART_WEIGHT;
    if (conv)
        snprintf(shape, sizeof shape, "%u,%u,3", count, columns / 3);
    else if (part == SO_PART_WEIGHT)
        snprintf(shape, sizeof shape, "%u,%u", count, columns);
    else
        snprintf(shape, sizeof shape, "%u", count);
    so_bytes_rows(&s->data, s->type, item, part, first, count, columns);
    snprintf(text, sizeof text, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
             s->header.size > 1 ? "," : "", name, types[s->type], shape, begin, s->data.size);
    add_text(&s->header, text);
    so_bytes_mark(s->marks, s->data.size);
}

static void st_item(struct safetensors *s, const struct so_item *item, const char *names, bool bare_table) {
    const uint32_t blocks = 1 + (strchr(names, '|') != NULL) + (strchr(names, '|') != strrchr(names, '|')),
                   n = item->n / blocks;
    for (uint32_t block = 0; block < blocks; block++) {
        char name[256];
        const size_t length = strcspn(names, "|");
        const bool key = blocks == 3 ? block == 1 : blocks == 2 ? block == 0 : false;
        snprintf(name, sizeof name, "%.*s%s", (int)length, names, bare_table ? "" : ".weight");
        st_tensor(s, name, item, item->kind == SO_ITEM_NORM ? SO_PART_GAMMA : SO_PART_WEIGHT, block * n, n,
                  item->kind == SO_ITEM_NORM ? 1 : item->k);
        snprintf(name, sizeof name, "%.*s.bias", (int)length, names);
        if (item->kind == SO_ITEM_NORM)
            st_tensor(s, name, item, SO_PART_BETA, 0, n, 1);
        else if (item->has_bias && !key)
            st_tensor(s, name, item, SO_PART_BIAS, block * n, n, 1);
        names += length + 1;
    }
}

struct so_bytes so_make_safetensors(enum so_coarse_type type, bool openai, struct so_marks *marks) {
    return so_make_shard(type, openai, 0, 1, marks);
}

struct so_bytes so_make_shard(enum so_coarse_type type, bool openai, size_t part, size_t parts,
                              struct so_marks *marks) {
    struct safetensors s = {.type = type, .marks = marks};
    struct so_bytes out = {0};
    add_text(&s.header, "{");
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
        const struct so_item item = item_named(modules[i].item);
        if (i % parts != part) continue;
        st_item(&s, &item, openai ? modules[i].openai : modules[i].hugging,
                openai && item.kind == SO_ITEM_TABLE);
    }
    if (!openai)
        st_tensor(&s, "proj_out.weight", &(struct so_item){.name = "x", .n = 1, .k = 1}, SO_PART_WEIGHT, 0, 1,
                  1);
    add_text(&s.header, ",\"__metadata__\":{\"format\":\"pt\"}}");
    while (s.header.size % 8) add_text(&s.header, " ");
    so_bytes_u32(&out, (uint32_t)s.header.size);
    so_bytes_u32(&out, 0);
    so_bytes_add(&out, s.header.data, s.header.size);
    for (size_t i = 0; marks && i < marks->n; i++) marks->at[i] += out.size;
    so_bytes_mark(marks, 8);
    so_bytes_mark(marks, out.size);
    so_bytes_add(&out, s.data.data, s.data.size);
    free(s.header.data);
    free(s.data.data);
    return out;
}

/* ---- vocabularies ---- */

/** A byte in GPT-2's alphabet, written for JSON or a line of text. */
static void add_letter(struct so_bytes *out, unsigned char byte, bool json) {
    unsigned code = byte;
    char text[4];
    if (!((byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae)) {
        /* 0 to 32 are U+0100 to U+0120, 127 to 160 go on from there, 173 is the last. */
        code = byte <= 32 ? 0x100u + byte : byte == 173 ? 0x143 : 0x121u + byte - 127;
    }
    if (json && (byte == '"' || byte == '\\')) add_text(out, "\\");
    so_bytes_add(out, text, so_utf8_put(code, text));
}

static void add_base64(struct so_bytes *out, const unsigned char *bytes, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned long value =
        (unsigned long)bytes[0] << 16 | (n > 1 ? (unsigned long)bytes[1] << 8 : 0) | (n > 2 ? bytes[2] : 0);
    for (unsigned i = 0; i < 4; i++) {
        if (i <= n)
            so_bytes_add(out, &digits[value >> (18 - 6 * i) & 63], 1);
        else
            add_text(out, "=");
    }
}

static void add_token(struct so_bytes *out, enum so_vocab_form form, uint32_t id, const char *bytes,
                      size_t n) {
    const bool json = form != SO_FORM_LINES;
    char number[32];
    if (form == SO_FORM_RANKS) {
        add_base64(out, (const unsigned char *)bytes, n);
        snprintf(number, sizeof number, " %u\n", id);
        add_text(out, number);
        return;
    }
    if (json) add_text(out, id ? ",\n\"" : "\"");
    for (size_t i = 0; i < n; i++) add_letter(out, (unsigned char)bytes[i], json);
    snprintf(number, sizeof number, "\": %u", id);
    add_text(out, form == SO_FORM_LINES ? "\n" : form == SO_FORM_ARRAY ? "\"" : number);
}

int so_coarse_token(uint32_t id, char bytes[3]) {
    struct so_vocab layout;
    assert_int_equal(so_vocab_layout(&layout, ENGLISH, NULL), SOTTO_OK);
    return id < layout.n_text ? (int)so_synthetic_token(&layout, id, bytes) : -1;
}

struct so_bytes so_make_vocab(enum so_vocab_form form) {
    static const char *const begins[] = {"{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {",
                                         "{", "[", "", ""};
    static const char *const ends[] = {"}, \"merges\": [\"a b\"]}}", "}", "]", "", ""};
    struct so_bytes out = {0};
    struct so_vocab layout;
    assert_int_equal(so_vocab_layout(&layout, ENGLISH, NULL), SOTTO_OK);
    add_text(&out, begins[form]);
    for (uint32_t id = 0; id < layout.n_text; id++) {
        char bytes[3];
        size_t n = so_synthetic_token(&layout, id, bytes);
        add_token(&out, form, id, bytes, n);
    }
    add_token(&out, form, layout.n_text, "<|endoftext|>", form == SO_FORM_RANKS ? 3 : 13);
    add_text(&out, ends[form]);
    return out;
}

const char *so_vocab_form_name(enum so_vocab_form form) {
    static const char *const names[] = {"tokenizer.json", "vocab.json", "vocabulary.json", "vocabulary.txt",
                                        "gpt2.tiktoken"};
    return names[form];
}
