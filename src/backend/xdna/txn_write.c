#include "backend/xdna/txn.h"

#include <stdlib.h>
#include <string.h>

/* Room for n more words, zeroed; NULL for want of memory. */
static uint32_t *append(struct so_txn *txn, size_t n) {
    if (txn->failed) return NULL;
    if (txn->n_words + n > txn->capacity) {
        size_t capacity = 2 * txn->capacity + n + 256;
        uint32_t *grown = realloc(txn->words, capacity * sizeof *grown);
        if (!grown) {
            txn->failed = true;
            return NULL;
        }
        txn->words = grown;
        txn->capacity = capacity;
    }
    uint32_t *at = txn->words + txn->n_words;
    memset(at, 0, n * sizeof *at);
    txn->n_words += n;
    txn->n_operations++;
    return at;
}

void so_txn_begin(struct so_txn *txn) {
    *txn = (struct so_txn){0};
    uint32_t *w = append(txn, SO_TXN_HEADER_BYTES / 4);
    if (!w) return;
    w[0] = 0u | 1u << 8 | SO_TXN_GENERATION << 16 | SO_TXN_ROWS << 24;
    w[1] = SO_TXN_COLUMNS | 1u << 8;
    txn->n_operations = 0;
}

void so_txn_write(struct so_txn *txn, uint32_t reg, uint32_t value) {
    uint32_t *w = append(txn, 6);
    if (!w) return;
    w[0] = SO_TXN_WRITE32;
    w[2] = reg;
    w[4] = value;
    w[5] = 24;
}

void so_txn_block(struct so_txn *txn, uint32_t reg, const uint32_t *words, size_t n) {
    uint32_t *w = append(txn, 4 + n);
    if (!w) return;
    w[0] = SO_TXN_BLOCKWRITE;
    w[2] = reg;
    w[3] = (uint32_t)(16 + 4 * n);
    memcpy(w + 4, words, n * sizeof *words);
}

void so_txn_mask(struct so_txn *txn, uint32_t reg, uint32_t value, uint32_t mask) {
    uint32_t *w = append(txn, 7);
    if (!w) return;
    w[0] = SO_TXN_MASKWRITE;
    w[2] = reg;
    w[4] = value;
    w[5] = mask;
    w[6] = 28;
}

void so_txn_sync(struct so_txn *txn, unsigned direction, unsigned column, unsigned columns, unsigned channel) {
    uint32_t *w = append(txn, 4);
    if (!w) return;
    w[0] = SO_TXN_SYNC;
    w[1] = 16;
    w[2] = direction | column << 16;
    w[3] = 1u << 8 | columns << 16 | channel << 24;
}

void so_txn_patch(struct so_txn *txn, uint32_t reg, unsigned argument, uint64_t offset) {
    uint32_t *w = append(txn, 12);
    if (!w) return;
    w[0] = SO_TXN_PATCH;
    w[1] = 48;
    w[6] = reg;
    w[8] = argument;
    w[10] = (uint32_t)offset;
    w[11] = (uint32_t)(offset >> 32);
}

bool so_txn_end(struct so_txn *txn) {
    if (txn->failed || txn->n_words > UINT32_MAX / 4) return false;
    txn->words[2] = txn->n_operations;
    txn->words[3] = (uint32_t)(txn->n_words * 4);
    return true;
}

void so_txn_free(struct so_txn *txn) {
    free(txn->words);
    *txn = (struct so_txn){0};
}
