/* The reader of instruction streams, binary and text, on any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/xdna/txn.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size ? size : 1);
    uint32_t *words;
    size_t n_words;
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    if (!so_txn_load(bytes, size, &words, &n_words)) {
        struct so_txn_reader reader;
        struct so_txn_op op;
        uint32_t sum = 0, n = 0;
        if (so_txn_open(&reader, words, n_words))
            while (so_txn_next(&reader, &op)) {
                for (size_t i = 0; i < op.n_words; i++) sum += op.words[i];
                n++;
            }
        /* A stream that was read to its end without complaint holds what its header promises. */
        if (!reader.problem && n != reader.header.n_operations) abort();
        volatile uint32_t sink = sum;
        (void)sink;
    }
    so_free(words);
    free(bytes);
    return 0;
}
