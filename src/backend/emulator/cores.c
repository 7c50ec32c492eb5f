/* What the configured array computes: plain C, one tile of C in every core at a time. */
#include <string.h>

#include "backend/emulator/model.h"
#include "backend/emulator/multiply.h"
#include "util/memory.h"

enum { CHANNEL_C = 0, CHANNEL_A = 2, CHANNEL_B = 3 };

static char *scratch(struct so_emulator *e, size_t bytes) {
    if (bytes > e->scratch_bytes) {
        so_free(e->scratch);
        e->scratch = so_alloc(bytes, 1);
        e->scratch_bytes = e->scratch ? bytes : 0;
    }
    return e->scratch;
}

/* All cores hear the same tiles, so they work in step: with different counts some would starve and all would stop. */
static bool in_step(const struct emu_array *array) {
    const struct emu_core *first = &array->core[0][0];
    for (unsigned c = 0; c < SO_ARRAY_COLUMNS; c++)
        for (unsigned r = 0; r < SO_ARRAY_CORE_ROWS; r++) {
            const struct emu_core *core = &array->core[c][r];
            if (!core->started || core->parameters[0] != first->parameters[0] || core->c_left != first->c_left) return false;
        }
    return true;
}

static bool fed(const struct emu_array *array, size_t k_tiles) {
    uint64_t tile = SO_TILE_K * SO_TILE_M / 4;
    for (unsigned c = 0; c < SO_ARRAY_COLUMNS; c++) {
        const struct emu_channel *channel = array->shim[c].channel;
        if (emu_channel_words(&channel[CHANNEL_A]) < tile * k_tiles || emu_channel_words(&channel[CHANNEL_B]) < tile * k_tiles ||
            emu_channel_words(&channel[CHANNEL_C]) < SO_BLOCK_M * SO_TILE_N)
            return false;
    }
    return true;
}

/* A tile of A comes row by row; widened to int16 [64][k]. */
static void widen_a(const int8_t *tile, int16_t *out, size_t k) {
    for (size_t i = 0; i < SO_TILE_M; i++)
        for (size_t j = 0; j < SO_TILE_K; j++) out[i * k + j] = tile[i * SO_TILE_K + j];
}

/* The same row by row, as stock configurations take it. */
static void widen_b_rows(const int8_t *tile, int16_t *out, size_t k) {
    for (size_t i = 0; i < SO_TILE_K; i++)
        for (size_t j = 0; j < SO_TILE_N; j++) out[j * k + i] = tile[i * SO_TILE_N + j];
}

/* A tile of B comes in 8 x 8 blocks; transposed to int16 [64][k], a row for each column. */
static void widen_b(const int8_t *tile, int16_t *out, size_t k) {
    for (size_t bk = 0; bk < SO_TILE_K / 8; bk++)
        for (size_t bn = 0; bn < SO_TILE_N / 8; bn++)
            for (size_t i = 0; i < 8; i++)
                for (size_t j = 0; j < 8; j++)
                    out[(bn * 8 + j) * k + bk * 8 + i] = tile[(bk * (SO_TILE_N / 8) + bn) * 64 + i * 8 + j];
}

static const char *gemm_step(struct so_emulator *e, struct emu_array *array, bool *moved) {
    size_t k_tiles = array->core[0][0].parameters[0], k = k_tiles * SO_TILE_K;
    if (!in_step(array) || !fed(array, k_tiles)) return NULL;
    size_t operand = SO_BLOCK_M * k * sizeof(int16_t), result = (size_t)SO_BLOCK_M * SO_TILE_N * sizeof(int32_t);
    char *memory = scratch(e, 2 * operand + result + SO_TILE_K * SO_TILE_N);
    if (!memory) return "the emulator is out of memory";
    int16_t *a = (int16_t *)memory, *b = (int16_t *)(memory + operand);
    int32_t *c = (int32_t *)(memory + 2 * operand);
    char *tile = memory + 2 * operand + result;
    for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++)
        for (size_t t = 0; t < k_tiles; t++) {
            struct emu_shim *shim = &array->shim[column];
            const char *problem = emu_shim_move(e, shim, CHANNEL_A, tile, SO_TILE_K * SO_TILE_M / 4);
            if (problem) return problem;
            widen_a((int8_t *)tile, a + column * SO_TILE_M * k + t * SO_TILE_K, k);
            problem = emu_shim_move(e, shim, CHANNEL_B, tile, SO_TILE_K * SO_TILE_N / 4);
            if (problem) return problem;
            (array->overlay == SO_OVERLAY_STOCK ? widen_b_rows : widen_b)(
                (int8_t *)tile, b + column * SO_TILE_N * k + t * SO_TILE_K, k);
        }
    for (unsigned column = 0; column < SO_ARRAY_COLUMNS; column++) {
        for (unsigned row = 0; row < SO_ARRAY_CORE_ROWS; row++) {
            emu_multiply(a + row * SO_TILE_M * k, b + column * SO_TILE_N * k, k, c + row * SO_TILE_M * SO_TILE_N);
            struct emu_core *core = &array->core[column][row];
            if (--core->c_left > 0) continue;
            core->started = array->overlay == SO_OVERLAY_STOCK;
            core->c_left = core->started ? core->parameters[1] : 0;
        }
        const char *problem = emu_shim_move(e, &array->shim[column], CHANNEL_C, (char *)c, SO_BLOCK_M * SO_TILE_N);
        if (problem) return problem;
    }
    *moved = true;
    return NULL;
}

/* The packed kernels: A and B row by row in one buffer, C = A B shifted right by 7 (towards minus infinity), clipped. */
static const char *tile_step(struct so_emulator *e, struct emu_array *array, bool *moved) {
    size_t n = array->overlay, bytes = n * n;
    struct emu_shim *shim = &array->shim[0];
    if (emu_channel_words(&shim->channel[CHANNEL_A]) < 2 * bytes / 4 || emu_channel_words(&shim->channel[CHANNEL_C]) < bytes / 4) return NULL;
    int8_t *in = (int8_t *)scratch(e, 3 * bytes);
    if (!in) return "the emulator is out of memory";
    int8_t *out = in + 2 * bytes;
    const char *problem = emu_shim_move(e, shim, CHANNEL_A, (char *)in, 2 * bytes / 4);
    if (problem) return problem;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            int32_t sum = 0;
            for (size_t k = 0; k < n; k++) sum += in[i * n + k] * in[bytes + k * n + j];
            int32_t shifted = sum >= 0 ? sum / 128 : -((127 - sum) / 128);
            out[i * n + j] = (int8_t)(shifted > 127 ? 127 : shifted < -128 ? -128 : shifted);
        }
    problem = emu_shim_move(e, shim, CHANNEL_C, (char *)out, bytes / 4);
    *moved = problem == NULL;
    return problem;
}

const char *emu_cores_step(struct so_emulator *e, struct emu_array *array, bool *moved) {
    *moved = false;
    return array->overlay < SO_OVERLAY_TILE16 ? gemm_step(e, array, moved) : tile_step(e, array, moved);
}
