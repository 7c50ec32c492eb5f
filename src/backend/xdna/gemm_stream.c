#include "backend/xdna/gemm_stream.h"

#include "util/memory.h"

/*
 * A pass is one row of blocks (256 rows of C) times up to 64 blocks of columns. Each shim tile moves with three
 * descriptors: its 64 rows of A, its tiles of B, its 64 columns of C. Four passes are under way at most, which is what the
 * task queues hold; twelve of the sixteen descriptors are used, each set again once its pass's C has arrived (C
 * complete means that A and B have been read).
 */
#define PASSES 4
#define BDS_OF_PASS 3
enum { BD_C, BD_A, BD_B };
enum { ARGUMENT_A, ARGUMENT_B, ARGUMENT_C };

struct so_gemm_shape so_gemm_pad(size_t m, size_t k, size_t n) {
    return (struct so_gemm_shape){
        so_round_up(m, SO_BLOCK_M),
        so_round_up(k, SO_TILE_K),
        so_round_up(n, SO_BLOCK_N),
    };
}

bool so_gemm_fits(struct so_gemm_shape s) {
    if (s.m == 0 || s.k == 0 || s.n == 0 || s.m > SO_GEMM_M_MAX || s.k > SO_GEMM_K_MAX || s.n > SO_GEMM_N_MAX) return false;
    if (s.m % SO_BLOCK_M || s.k % SO_TILE_K || s.n % SO_BLOCK_N) return false;
    uint64_t limit = UINT64_C(1) << 31, a = (uint64_t)s.m * s.k, b = (uint64_t)s.k * s.n, c = (uint64_t)s.m * s.n * 4;
    return a < limit && b < limit && c < limit;
}

size_t so_gemm_a_bytes(struct so_gemm_shape s) { return s.m * s.k; }
size_t so_gemm_b_bytes(struct so_gemm_shape s) { return s.k * s.n; }
size_t so_gemm_c_bytes(struct so_gemm_shape s) { return s.m * s.n * sizeof(int32_t); }

/* One access pattern of a shim descriptor, steps and sizes in words; a size of 0 leaves the dimension out. */
struct pattern {
    uint32_t length, size0, step1, size1, step2, iterations, iteration_step;
};

static uint32_t step_field(uint32_t step) { return step ? step - 1 : 0; }

static void descriptor(struct so_txn *txn, unsigned column, unsigned bd, const struct pattern *p, unsigned argument,
                       uint64_t offset) {
    uint32_t w[SO_SHIM_BD_WORDS] = {0};
    w[0] = p->length;
    w[3] = p->size0 << 20;
    w[4] = SO_BD_BURST | p->size1 << 20 | step_field(p->step1);
    w[5] = step_field(p->step2);
    if (p->iterations > 1) w[6] = (p->iterations - 1) << 20 | step_field(p->iteration_step);
    w[7] = SO_BD_VALID;
    uint32_t reg = so_txn_register(column, 0, SO_SHIM_BD_BASE + bd * SO_SHIM_BD_BYTES);
    so_txn_block(txn, reg, w, SO_SHIM_BD_WORDS);
    so_txn_patch(txn, reg + 4, argument, offset);
}

static void push(struct so_txn *txn, unsigned column, unsigned direction, unsigned channel, unsigned bd, unsigned times,
                 bool token) {
    uint32_t offset = SO_SHIM_QUEUE_BASE + SO_SHIM_QUEUE_STEP * (direction * 2 + channel);
    so_txn_write(txn, so_txn_register(column, 0, offset), (token ? SO_SHIM_TOKEN : 0u) | (times - 1) << 16 | bd);
}

static void start_cores(struct so_txn *txn, uint32_t k_tiles, uint32_t c_tiles) {
    for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++)
        for (unsigned row = SO_ARRAY_FIRST_CORE; row < SO_ARRAY_FIRST_CORE + SO_ARRAY_CORE_ROWS; row++) {
            so_txn_write(txn, so_txn_register(column, row, SO_CORE_PARAMETERS), k_tiles);
            so_txn_write(txn, so_txn_register(column, row, SO_CORE_PARAMETERS + 4), c_tiles);
            so_txn_write(txn, so_txn_register(column, row, SO_CORE_LOCK_BASE + 0x10 * SO_CORE_START_LOCK), 1);
        }
}

static void send_tokens_home(struct so_txn *txn) {
    for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++)
        so_txn_mask(txn, so_txn_register(column, 0, SO_SHIM_CONTROL_BASE), SO_SHIM_CONTROLLER, SO_SHIM_CONTROLLER_MASK);
}

static void wait_pass(struct so_txn *txn) {
    for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++) so_txn_sync(txn, SO_FROM_ARRAY, column, 1, 0);
}

/* Row block `row`, column blocks [first, first + groups), in one column of the array. */
static void start_pass(struct so_txn *txn, struct so_gemm_shape s, bool stock, unsigned column, unsigned slot,
                       size_t row, size_t first, uint32_t groups) {
    unsigned bd = slot * BDS_OF_PASS;
    uint32_t k_tiles = (uint32_t)(s.k / SO_TILE_K), tile_words = SO_TILE_K * SO_TILE_N / 4;
    struct pattern c = {
        .length = SO_TILE_N * SO_BLOCK_M * groups,
        .size0 = SO_TILE_N,
        .step1 = (uint32_t)s.n,
        .size1 = SO_BLOCK_M,
        .step2 = SO_BLOCK_N,
    };
    descriptor(txn, column, bd + BD_C, &c, ARGUMENT_C, 4 * (row * SO_BLOCK_M * s.n + first * SO_BLOCK_N + column * SO_TILE_N));
    push(txn, column, SO_FROM_ARRAY, 0, bd + BD_C, 1, true);

    struct pattern a = {
        .length = SO_TILE_K / 4 * SO_TILE_M * k_tiles,
        .size0 = SO_TILE_K / 4,
        .step1 = (uint32_t)(s.k / 4),
        .size1 = SO_TILE_M,
        .step2 = SO_TILE_K / 4,
    };
    descriptor(txn, column, bd + BD_A, &a, ARGUMENT_A, (row * SO_BLOCK_M + column * SO_TILE_M) * s.k);
    push(txn, column, SO_TO_ARRAY, 0, bd + BD_A, groups, false);

    struct pattern tiled = {
        .length = tile_words * k_tiles,
        .iterations = groups,
        .iteration_step = SO_ARRAY_COLUMNS * tile_words * k_tiles,
    };
    struct pattern by_rows = {
        .length = tile_words * k_tiles,
        .size0 = SO_TILE_N / 4,
        .step1 = (uint32_t)(s.n / 4),
        .iterations = groups,
        .iteration_step = SO_BLOCK_N / 4,
    };
    size_t tiled_at = (first * SO_ARRAY_COLUMNS + column) * tile_words * 4 * (size_t)k_tiles;
    size_t row_at = first * SO_BLOCK_N + (size_t)column * SO_TILE_N;
    descriptor(txn, column, bd + BD_B, stock ? &by_rows : &tiled, ARGUMENT_B, stock ? row_at : tiled_at);
    push(txn, column, SO_TO_ARRAY, 1, bd + BD_B, groups, false);
}

static bool write_stream(struct so_gemm_shape s, bool stock, struct so_txn *txn) {
    *txn = (struct so_txn){0};
    if (!so_gemm_fits(s)) return false;
    size_t row_blocks = s.m / SO_BLOCK_M, column_blocks = s.n / SO_BLOCK_N;
    size_t k_tiles = s.k / SO_TILE_K;
    /* Where the step from one of a column's tiles of B to its next is too long for its field, one tile at a
     * time. */
    bool far = !stock && SO_ARRAY_COLUMNS * (size_t)SO_TILE_K * SO_TILE_N / 4 * k_tiles > SO_BD_STEP_MAX;
    size_t most = far ? 1 : SO_BD_ITERATIONS_MAX;

    so_txn_begin(txn);
    send_tokens_home(txn);
    if (!stock) start_cores(txn, (uint32_t)k_tiles, (uint32_t)(row_blocks * column_blocks));
    size_t pass = 0;
    for (size_t row = 0; row < row_blocks; row++)
        for (size_t first = 0; first < column_blocks; first += most, pass++) {
            if (pass >= PASSES) wait_pass(txn);
            uint32_t groups = (uint32_t)so_min(most, column_blocks - first);
            for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++)
                start_pass(txn, s, stock, column, pass % PASSES, row, first, groups);
        }
    for (size_t i = 0; i < so_min(pass, PASSES); i++) wait_pass(txn);
    if (so_txn_end(txn)) return true;
    so_txn_free(txn);
    return false;
}

bool so_gemm_stream(struct so_gemm_shape s, struct so_txn *txn) {
    return write_stream(s, false, txn);
}

bool so_gemm_stream_stock(struct so_gemm_shape s, struct so_txn *txn) {
    return write_stream(s, true, txn);
}
