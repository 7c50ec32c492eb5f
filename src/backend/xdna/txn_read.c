#include "backend/xdna/txn.h"

#include <ctype.h>
#include <string.h>

#include "util/memory.h"

static bool stop(struct so_txn_reader *r, const char *problem) {
    r->problem = problem;
    return false;
}

bool so_txn_open(struct so_txn_reader *r, const uint32_t *words, size_t n_words) {
    *r = (struct so_txn_reader){.words = words, .n_words = n_words, .at = SO_TXN_HEADER_BYTES / 4};
    if (n_words < SO_TXN_HEADER_BYTES / 4) return stop(r, "shorter than its header");
    r->header = (struct so_txn_header){
        .major = words[0] & 0xff,
        .minor = words[0] >> 8 & 0xff,
        .generation = words[0] >> 16 & 0xff,
        .rows = words[0] >> 24,
        .columns = words[1] & 0xff,
        .memory_rows = words[1] >> 8 & 0xff,
        .n_operations = words[2],
        .n_bytes = words[3],
    };
    if (r->header.major != 0 || r->header.minor != 1) return stop(r, "not an instruction stream of version 0.1");
    if (words[1] >> 16) return stop(r, "header bits that must be zero are set");
    if (r->header.n_bytes % 4 || r->header.n_bytes < SO_TXN_HEADER_BYTES) return stop(r, "impossible length in the header");
    if (r->header.n_bytes / 4 > n_words) return stop(r, "truncated: the header promises more bytes");
    r->n_words = r->header.n_bytes / 4;
    return true;
}

/* The operation's own size field must be the size that its kind has. */
static bool sized(struct so_txn_reader *r, const uint32_t *w, size_t left, size_t words, size_t size_at) {
    if (left < words) return stop(r, "truncated within an operation");
    if (w[size_at] != words * 4) return stop(r, "an operation's size does not fit its kind");
    return true;
}

bool so_txn_next(struct so_txn_reader *r, struct so_txn_op *op) {
    if (r->problem) return false;
    if (r->done == r->header.n_operations) {
        if (r->at != r->n_words) return stop(r, "bytes after the last operation");
        return false;
    }
    const uint32_t *w = r->words + r->at;
    size_t left = r->n_words - r->at, used = 0;
    if (left == 0) return stop(r, "fewer operations than the header promises");
    *op = (struct so_txn_op){.code = (enum so_txn_code)w[0], .offset = r->at * 4};
    switch (w[0]) {
    case SO_TXN_WRITE32:
        if (!sized(r, w, left, used = 6, 5)) return false;
        if (w[3]) return stop(r, "a register address over 32 bits");
        op->reg = w[2];
        op->value = w[4];
        break;
    case SO_TXN_BLOCKWRITE:
        if (left < 4) return stop(r, "truncated within an operation");
        if (w[3] % 4 || w[3] < 20 || w[3] / 4 > left) return stop(r, "a block's size does not fit the stream");
        used = w[3] / 4;
        op->reg = w[2];
        op->words = w + 4;
        op->n_words = used - 4;
        break;
    case SO_TXN_MASKWRITE:
        if (!sized(r, w, left, used = 7, 6)) return false;
        if (w[3]) return stop(r, "a register address over 32 bits");
        op->reg = w[2];
        op->value = w[4];
        op->mask = w[5];
        break;
    case SO_TXN_SYNC:
        if (!sized(r, w, left, used = 4, 1)) return false;
        op->direction = w[2] & 0xff;
        op->row = w[2] >> 8 & 0xff;
        op->column = w[2] >> 16 & 0xff;
        op->rows = w[3] >> 8 & 0xff;
        op->columns = w[3] >> 16 & 0xff;
        op->channel = w[3] >> 24;
        break;
    case SO_TXN_PATCH:
        if (!sized(r, w, left, used = 12, 1)) return false;
        if (w[7] || w[9]) return stop(r, "a register or argument over 32 bits");
        op->reg = w[6];
        op->argument = w[8];
        op->argument_offset = (uint64_t)w[11] << 32 | w[10];
        break;
    default: return stop(r, "an unknown operation");
    }
    r->at += used;
    r->done++;
    return true;
}

static int hex_digit(unsigned char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (unsigned char)tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lines of up to eight hexadecimal digits. Returns the number of words, 0 if it is not such a text. */
static size_t read_hex(const unsigned char *text, size_t size, uint32_t *words) {
    size_t n = 0;
    unsigned digits = 0;
    uint32_t value = 0;
    for (size_t i = 0; i <= size; i++) {
        unsigned char c = i < size ? text[i] : '\n';
        int digit = hex_digit(c);
        if (digit >= 0) {
            if (++digits > 8) return 0;
            value = value << 4 | (uint32_t)digit;
        } else if (!isspace(c)) {
            return 0;
        } else if (digits) {
            if (words) words[n] = value;
            n++;
            digits = 0;
            value = 0;
        }
    }
    return n;
}

const char *so_txn_load(const void *bytes, size_t size, uint32_t **words, size_t *n_words) {
    *words = NULL;
    *n_words = 0;
    if (size == 0) return "the file is empty";
    size_t n = read_hex(bytes, size, NULL);
    bool text = n > 0;
    if (!text) {
        if (size % 4) return "neither hexadecimal words nor a multiple of 4 bytes";
        n = size / 4;
    }
    uint32_t *loaded = so_alloc(n, sizeof *loaded);
    if (!loaded) return "out of memory";
    if (text)
        read_hex(bytes, size, loaded);
    else
        memcpy(loaded, bytes, size);
    *words = loaded;
    *n_words = n;
    return NULL;
}
