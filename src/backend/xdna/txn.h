/**
 * Instruction streams ("TXN", version 0.1): what the array's controller executes for one command. A header of 16 bytes,
 * then operations; all words are 32 bits, little endian. Registers are column << 25 | row << 20 | offset, columns counted
 * from the first column of the context.
 *
 *   header      major u8 0, minor u8 1, generation u8, rows u8, columns u8, memory-tile rows u8, u16 0; operations; bytes
 *   WRITE32     24 bytes: op 0, -, register u64, value, size
 *   BLOCKWRITE  16 bytes + words: op 1, -, register, size, words
 *   MASKWRITE   28 bytes: op 3, -, register u64, value, mask, size
 *   SYNC        16 bytes: op 0x80, size, direction | row << 8 | column << 16, rows << 8 | columns << 16 | channel << 24
 *   PATCH       48 bytes: op 0x81, size, -, -, -, -, register u64, argument u64, offset u64
 */
#ifndef SO_XDNA_TXN_H
#define SO_XDNA_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum so_txn_code {
    SO_TXN_WRITE32 = 0x00,
    SO_TXN_BLOCKWRITE = 0x01,
    SO_TXN_MASKWRITE = 0x03,
    SO_TXN_SYNC = 0x80,
    SO_TXN_PATCH = 0x81,
};

#define SO_TXN_HEADER_BYTES 16
#define SO_TXN_GENERATION 3 /**< of XDNA1's array as streams number it */
#define SO_TXN_ROWS 6
#define SO_TXN_COLUMNS 4

static inline uint32_t so_txn_register(unsigned column, unsigned row, uint32_t offset) {
    return (uint32_t)column << 25 | (uint32_t)row << 20 | offset;
}

/* ---- writing ---- */

/** A stream that grows. Zero-initialised is empty; free with so_txn_free. */
struct so_txn {
    uint32_t *words;
    size_t n_words, capacity;
    uint32_t n_operations;
    bool failed; /**< out of memory: all further calls do nothing */
};

void so_txn_begin(struct so_txn *txn);
void so_txn_write(struct so_txn *txn, uint32_t reg, uint32_t value);
void so_txn_block(struct so_txn *txn, uint32_t reg, const uint32_t *words, size_t n);
void so_txn_mask(struct so_txn *txn, uint32_t reg, uint32_t value, uint32_t mask);
/** Wait for a token of a channel of the shim tiles [column, column + columns). direction: 0 from the array, 1 to it. */
void so_txn_sync(struct so_txn *txn, unsigned direction, unsigned column, unsigned columns, unsigned channel);
/** Write the address of buffer argument `argument` plus `offset` into the address words of the descriptor at `reg`. */
void so_txn_patch(struct so_txn *txn, uint32_t reg, unsigned argument, uint64_t offset);
/** Fill in the header's counts; false if memory ran out. */
bool so_txn_end(struct so_txn *txn);
void so_txn_free(struct so_txn *txn);

/* ---- reading ---- */

struct so_txn_header {
    unsigned major, minor, generation, rows, columns, memory_rows;
    uint32_t n_operations, n_bytes;
};

struct so_txn_op {
    enum so_txn_code code;
    size_t offset;        /**< of the operation, bytes from the start of the stream */
    uint32_t reg;         /**< WRITE32, BLOCKWRITE, MASKWRITE, PATCH */
    uint32_t value, mask; /**< WRITE32, MASKWRITE */
    const uint32_t *words; /**< BLOCKWRITE: into the stream */
    size_t n_words;
    unsigned direction, row, column, rows, columns, channel; /**< SYNC */
    uint32_t argument;                                       /**< PATCH */
    uint64_t argument_offset;
};

/** A stream being read; nothing in it is believed before it is checked. */
struct so_txn_reader {
    const uint32_t *words;
    size_t n_words, at; /**< at: word of the next operation */
    struct so_txn_header header;
    uint32_t done;       /**< operations read so far */
    const char *problem; /**< what is wrong with the stream; NULL: nothing so far */
};

/** Check the header; false with `problem` set. The words are borrowed. */
bool so_txn_open(struct so_txn_reader *reader, const uint32_t *words, size_t n_words);
/** The next operation; false at the end, or with `problem` set. */
bool so_txn_next(struct so_txn_reader *reader, struct so_txn_op *op);

/**
 * The words of an instruction file: binary, or text with one hexadecimal word a line (older tools). *words is
 * allocated (so_free). NULL on success, else what is wrong.
 */
const char *so_txn_load(const void *bytes, size_t size, uint32_t **words, size_t *n_words);

#endif
