#include "model/vocab_build.h"

#include <stdlib.h>
#include <string.h>

#include "model/limits.h"
#include "model/suppress.h"
#include "model/utf8.h"
#include "util/memory.h"

struct token {
    size_t at; /* in the pool */
    uint32_t length;
    bool set;
};

struct so_vocab_builder {
    struct so_vocab vocab;
    struct token *tokens; /* [n_text] */
    char *pool;           /* bytes in the order in which they came */
    size_t used;
    char *bytes;       /* [.. ] in order of ids */
    uint32_t *offsets; /* [n_text + 1] */
    uint32_t *sorted;  /* [n_text] */
    int32_t suppress[SO_MAX_SUPPRESS];
};

sotto_status so_vocab_builder_create(uint32_t n_vocab, struct so_vocab_builder **out, sotto_error *err) {
    struct so_vocab_builder *b = so_calloc(1, sizeof *b);
    *out = NULL;
    if (!b) return so_fail_memory(err, sizeof *b, "a vocabulary");
    sotto_status status = so_vocab_layout(&b->vocab, n_vocab, err);
    if (!status) {
        b->tokens = so_calloc(b->vocab.n_text, sizeof *b->tokens);
        b->pool = so_alloc(1, SO_MAX_VOCAB_BYTES);
        if (!b->tokens || !b->pool) status = so_fail_memory(err, SO_MAX_VOCAB_BYTES, "a vocabulary");
    }
    if (status)
        so_vocab_builder_free(b);
    else
        *out = b;
    return status;
}

void so_vocab_builder_free(struct so_vocab_builder *b) {
    if (!b) return;
    so_free(b->tokens);
    so_free(b->pool);
    so_free(b->bytes);
    so_free(b->offsets);
    so_free(b->sorted);
    so_free(b);
}

sotto_status so_vocab_builder_add(struct so_vocab_builder *b, uint64_t id, const char *bytes, size_t length,
                                  sotto_error *err) {
    if (id >= b->vocab.n_text) return SOTTO_OK;
    if (b->tokens[id].set)
        return so_fail(err, SOTTO_ERR_MODEL, "vocabulary: token %u is there twice", (unsigned)id);
    if (length > SO_MAX_TOKEN_BYTES || length > SO_MAX_VOCAB_BYTES - b->used)
        return so_fail(err, SOTTO_ERR_MODEL, "vocabulary: token %u is too long", (unsigned)id);
    b->tokens[id] = (struct token){b->used, (uint32_t)length, true};
    if (length) memcpy(b->pool + b->used, bytes, length);
    b->used += length;
    return SOTTO_OK;
}

/**
 * GPT-2's alphabet: a byte that is a visible character of Latin-1 stands for itself, the others, in order,
 * for U+0100 and up. Returns -1 for a character that is not of the alphabet.
 */
static int byte_of(uint32_t code) {
    uint32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        if (code == (visible ? byte : next)) return (int)byte;
        if (!visible) next++;
    }
    return -1;
}

sotto_status so_vocab_builder_add_text(struct so_vocab_builder *b, uint64_t id, const char *text,
                                       size_t length, sotto_error *err) {
    char bytes[SO_MAX_TOKEN_BYTES];
    size_t n = 0, size;
    if (id >= b->vocab.n_text) return SOTTO_OK;
    for (size_t at = 0; at < length; at += size) {
        int byte = byte_of(so_utf8_get(text + at, length - at, &size));
        if (byte < 0 || n == sizeof bytes)
            return so_fail(err, SOTTO_ERR_MODEL, "vocabulary: token %u is not in the byte-level alphabet",
                           (unsigned)id);
        bytes[n++] = (char)byte;
    }
    return so_vocab_builder_add(b, id, bytes, n, err);
}

struct entry {
    const char *bytes;
    uint32_t length, id;
};

static int by_bytes(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static sotto_status make_bytes(struct so_vocab_builder *b, sotto_error *err) {
    const uint32_t n_text = b->vocab.n_text;
    b->bytes = so_alloc(1, b->used);
    b->offsets = so_calloc(n_text + 1, sizeof *b->offsets);
    if (!b->bytes || !b->offsets) return so_fail_memory(err, b->used, "a vocabulary");
    for (uint32_t i = 0; i < n_text; i++) {
        const struct token *t = &b->tokens[i];
        bool may_lack = b->vocab.multilingual && i + 1 == n_text;
        if (!t->set && !may_lack) return so_fail(err, SOTTO_ERR_MODEL, "vocabulary: token %u is missing", i);
        memcpy(b->bytes + b->offsets[i], b->pool + t->at, t->length);
        b->offsets[i + 1] = b->offsets[i] + t->length;
    }
    return SOTTO_OK;
}

static sotto_status make_index(struct so_vocab_builder *b, sotto_error *err) {
    const uint32_t n_text = b->vocab.n_text;
    struct entry *entries = so_calloc(n_text, sizeof *entries);
    sotto_status status = SOTTO_OK;
    b->sorted = so_calloc(n_text, sizeof *b->sorted);
    if (!entries || !b->sorted) {
        so_free(entries);
        return so_fail_memory(err, n_text * sizeof *entries, "a vocabulary");
    }
    for (uint32_t i = 0; i < n_text; i++)
        entries[i] = (struct entry){b->bytes + b->offsets[i], b->offsets[i + 1] - b->offsets[i], i};
    qsort(entries, n_text, sizeof *entries, by_bytes);
    for (uint32_t i = 0; i < n_text; i++) {
        b->sorted[i] = entries[i].id;
        if (!status && i && !by_bytes(&entries[i - 1], &entries[i]))
            status = so_fail(err, SOTTO_ERR_MODEL, "vocabulary: tokens %u and %u are equal",
                             entries[i - 1].id, entries[i].id);
    }
    so_free(entries);
    return status;
}

sotto_status so_vocab_builder_finish(struct so_vocab_builder *b, const struct so_vocab **vocab,
                                     sotto_error *err) {
    sotto_status status = make_bytes(b, err);
    if (!status) status = make_index(b, err);
    if (status) return status;
    b->vocab.bytes = b->bytes;
    b->vocab.offsets = b->offsets;
    b->vocab.sorted = b->sorted;
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        if (so_vocab_find(&b->vocab, &one, 1) < 0)
            return so_fail(err, SOTTO_ERR_MODEL, "vocabulary: no token for the byte %u", byte);
    }
    b->vocab.blank = so_vocab_find(&b->vocab, " ", 1);
    b->vocab.suppress = b->suppress;
    b->vocab.n_suppress = so_suppress_list(&b->vocab, b->suppress);
    *vocab = &b->vocab;
    return SOTTO_OK;
}
