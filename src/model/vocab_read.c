#include "model/vocab_read.h"

#include <string.h>

#include "model/infile.h"
#include "model/json.h"
#include "model/limits.h"
#include "util/memory.h"

static sotto_status read_object(struct so_vocab_builder *builder, json_t *tokens, const char *path,
                                sotto_error *err) {
    const char *token;
    size_t length;
    json_t *id;
    json_object_keylen_foreach(tokens, token, length, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0)
            return so_fail(err, SOTTO_ERR_MODEL, "%s: a token without an id", path);
        sotto_status status =
            so_vocab_builder_add_text(builder, (uint64_t)json_integer_value(id), token, length, err);
        if (status) return status;
    }
    return SOTTO_OK;
}

static sotto_status read_array(struct so_vocab_builder *builder, const json_t *tokens, const char *path,
                               sotto_error *err) {
    size_t i;
    json_t *token;
    json_array_foreach(tokens, i, token) {
        if (!json_is_string(token))
            return so_fail(err, SOTTO_ERR_MODEL, "%s: token %zu is not text", path, i);
        sotto_status status =
            so_vocab_builder_add_text(builder, i, json_string_value(token), json_string_length(token), err);
        if (status) return status;
    }
    return SOTTO_OK;
}

static sotto_status read_json(struct so_vocab_builder *builder, const char *path, const char *text,
                              size_t size, sotto_error *err) {
    json_t *root;
    sotto_status status = so_json_parse(path, text, size, &root, err);
    if (status) return status;
    json_t *model = json_object_get(root, "model"), *tokens = json_object_get(model, "vocab");
    if (json_is_array(root))
        status = read_array(builder, root, path, err);
    else if (json_is_object(tokens))
        status = read_object(builder, tokens, path, err);
    else if (json_is_integer(json_object_get(root, "!")))
        status = read_object(builder, root, path, err);
    else
        status = so_fail(err, SOTTO_ERR_MODEL, "%s: no vocabulary in it", path);
    json_decref(root);
    return status;
}

static int base64_digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/** Decode base64 (RFC 4648) up to its padding; false if it is something else or longer than `capacity`. */
static bool decode_base64(const char *text, size_t length, char *out, size_t capacity, size_t *n) {
    uint32_t bits = 0;
    unsigned held = 0;
    *n = 0;
    while (length && text[length - 1] == '=') length--;
    for (size_t i = 0; i < length; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0) return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8) continue;
        if (*n == capacity) return false;
        held -= 8;
        out[(*n)++] = (char)(bits >> held & 0xff);
    }
    return true;
}

/** "base64 id". */
static bool read_ranked_line(const char *line, size_t length, char *bytes, size_t capacity, size_t *n,
                             uint64_t *id) {
    const char *space = memchr(line, ' ', length);
    if (!space || space + 1 == line + length ||
        !decode_base64(line, (size_t)(space - line), bytes, capacity, n))
        return false;
    *id = 0;
    for (const char *c = space + 1; c < line + length; c++) {
        if (*c < '0' || *c > '9' || *id > UINT32_MAX) return false;
        *id = 10 * *id + (uint64_t)(*c - '0');
    }
    return true;
}

static sotto_status read_lines(struct so_vocab_builder *builder, const char *path, const char *text,
                               size_t size, sotto_error *err) {
    char bytes[SO_MAX_TOKEN_BYTES];
    bool ranked = false;
    uint64_t number = 0;
    for (size_t at = 0; at < size; number++) {
        const char *line = text + at, *end = memchr(line, '\n', size - at);
        size_t length = end ? (size_t)(end - line) : size - at, n;
        uint64_t id = number;
        sotto_status status;
        at += length + 1;
        if (length && line[length - 1] == '\r') length--;
        if (number == 0) ranked = read_ranked_line(line, length, bytes, sizeof bytes, &n, &id);
        if (!ranked)
            status = so_vocab_builder_add_text(builder, number, line, length, err);
        else if (read_ranked_line(line, length, bytes, sizeof bytes, &n, &id))
            status = so_vocab_builder_add(builder, id, bytes, n, err);
        else
            status = so_fail(err, SOTTO_ERR_MODEL, "%s: line %llu is not a token and its rank", path,
                             (unsigned long long)number + 1);
        if (status) return status;
    }
    return SOTTO_OK;
}

sotto_status so_vocab_parse(const char *path, const char *text, size_t size, struct so_vocab_builder *builder,
                            sotto_error *err) {
    /* The first token of every Whisper is "!": a bracket cannot begin a list of lines. */
    const char first = text[strspn(text, " \t\r\n")];
    if (first == '{' || first == '[') return read_json(builder, path, text, size, err);
    return read_lines(builder, path, text, size, err);
}

sotto_status so_vocab_read(const char *path, struct so_vocab_builder *builder, sotto_error *err) {
    char *text;
    size_t size;
    sotto_status status = so_infile_load(path, SO_MAX_JSON_BYTES, &text, &size, err);
    if (!status) status = so_vocab_parse(path, text, size, builder, err);
    so_free(text);
    return status;
}
