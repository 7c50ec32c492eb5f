/* The array's controller: executes instruction streams. Work is done as late as it may be: only while a stream waits. */
#include <string.h>

#include "backend/emulator/model.h"
#include "backend/xdna/txn.h"

static const char *write_shim(struct emu_shim *shim, uint32_t offset, uint32_t value) {
    if (offset >= SO_SHIM_BD_BASE && offset < SO_SHIM_BD_BASE + SO_SHIM_BDS * SO_SHIM_BD_BYTES) {
        unsigned at = (offset - SO_SHIM_BD_BASE) / 4, index = at / SO_SHIM_BD_WORDS;
        if (shim->busy[index]) return "a descriptor is changed while a task may be using it";
        shim->bd[index][at % SO_SHIM_BD_WORDS] = value;
        return NULL;
    }
    uint32_t queue = offset - SO_SHIM_QUEUE_BASE;
    if (queue % SO_SHIM_QUEUE_STEP == 0 && queue / SO_SHIM_QUEUE_STEP < SO_SHIM_CHANNELS)
        return emu_shim_push(shim, queue / SO_SHIM_QUEUE_STEP, value);
    return "a write to a shim register that no stream needs";
}

static const char *write_core(struct emu_core *core, uint32_t offset, uint32_t value) {
    if (core->started) return "a core's parameters are changed while it works";
    if (offset == SO_CORE_PARAMETERS || offset == SO_CORE_PARAMETERS + 4) {
        core->parameters[(offset - SO_CORE_PARAMETERS) / 4] = value;
        return NULL;
    }
    if (offset == SO_CORE_LOCK_BASE + 0x10 * SO_CORE_START_LOCK) {
        if (value != 1) return "the start lock takes a 1 only";
        if (core->parameters[0] == 0 || core->parameters[0] > 1024 || core->parameters[1] == 0) return "a core is started with impossible counts";
        core->started = true;
        core->c_left = core->parameters[1];
        return NULL;
    }
    return "a write to a core that would change its program or data";
}

static const char *write_register(struct emu_array *array, unsigned columns, uint32_t reg, uint32_t value) {
    unsigned column = reg >> 25, row = reg >> 20 & 0x1f;
    uint32_t offset = reg & 0xfffff;
    if (column >= columns) return "a register outside the context's columns";
    if (offset % 4) return "a register address is not a multiple of 4";
    if (row == 0) return write_shim(&array->shim[column], offset, value);
    if (row >= SO_ARRAY_FIRST_CORE && row < SO_ARRAY_FIRST_CORE + SO_ARRAY_CORE_ROWS && array->overlay == SO_OVERLAY_GEMM)
        return write_core(&array->core[column][row - SO_ARRAY_FIRST_CORE], offset, value);
    return "a write to a tile that the configuration does not expect";
}

static const char *mask_register(struct emu_array *array, unsigned columns, const struct so_txn_op *op) {
    uint32_t control = (op->reg & 0xfffff) - SO_SHIM_CONTROL_BASE, channel = control / SO_SHIM_QUEUE_STEP;
    if (op->reg >> 25 >= columns || (op->reg >> 20 & 0x1f) != 0 || control % SO_SHIM_QUEUE_STEP || channel >= SO_SHIM_CHANNELS)
        return "a masked write to something else than a channel's control register";
    if (op->mask & ~0x1f00u) return "a masked write to bits that would stop or reset a channel";
    uint32_t *now = &array->shim[op->reg >> 25].control[channel];
    *now = (*now & ~op->mask) | (op->value & op->mask);
    return NULL;
}

static const char *patch(struct emu_array *array, unsigned columns, const struct so_txn_op *op, const uint64_t *buffers) {
    uint32_t offset = op->reg & 0xfffff, at = offset - SO_SHIM_BD_BASE;
    if (op->reg >> 25 >= columns || (op->reg >> 20 & 0x1f) != 0 || offset < SO_SHIM_BD_BASE ||
        at >= SO_SHIM_BDS * SO_SHIM_BD_BYTES || at % SO_SHIM_BD_BYTES != 4)
        return "a patch of something else than a descriptor's address";
    if (op->argument >= SO_CALL_BUFFERS || buffers[op->argument] == 0) return "a patch names an argument that was not passed";
    struct emu_shim *shim = &array->shim[op->reg >> 25];
    unsigned index = at / SO_SHIM_BD_BYTES;
    if (shim->busy[index]) return "a descriptor is patched while a task may be using it";
    uint64_t address = buffers[op->argument] + op->argument_offset;
    shim->bd[index][1] = (uint32_t)address;
    shim->bd[index][2] = (shim->bd[index][2] & 0xffff0000u) | (uint32_t)(address >> 32 & 0xffff);
    return NULL;
}

static const char *sync_one(struct so_emulator *e, struct emu_array *array, unsigned column, unsigned channel, unsigned *state) {
    struct emu_shim *shim = &array->shim[column];
    struct emu_channel *c = &shim->channel[channel];
    while (c->tokens == 0) {
        bool moved = false;
        const char *problem = emu_cores_step(e, array, &moved);
        if (problem) return problem;
        if (!moved) {
            *state = SO_STATE_TIMEOUT;
            return "the stream waits for a token that will never come";
        }
    }
    c->tokens--;
    shim->busy[c->unclaimed[0]]--;
    c->n_unclaimed--;
    memmove(&c->unclaimed[0], &c->unclaimed[1], c->n_unclaimed * sizeof c->unclaimed[0]);
    return NULL;
}

static const char *sync_op(struct so_emulator *e, struct emu_array *array, unsigned columns, const struct so_txn_op *op,
                           unsigned *state) {
    if (op->direction > 1 || op->channel > 1 || op->row != 0 || op->rows != 1 || op->columns == 0 || op->column + op->columns > columns)
        return "a wait for a channel that shim tiles do not have";
    for (unsigned i = 0; i < op->columns; i++) {
        const char *problem = sync_one(e, array, op->column + i, op->direction * 2 + op->channel, state);
        if (problem) return problem;
    }
    return NULL;
}

static const char *execute(struct so_emulator *e, struct emu_array *array, unsigned columns, const struct so_txn_op *op,
                           const uint64_t *buffers, unsigned *state) {
    const char *problem = NULL;
    switch (op->code) {
    case SO_TXN_WRITE32: return write_register(array, columns, op->reg, op->value);
    case SO_TXN_BLOCKWRITE:
        for (size_t i = 0; i < op->n_words && !problem; i++)
            problem = write_register(array, columns, op->reg + 4 * (uint32_t)i, op->words[i]);
        return problem;
    case SO_TXN_MASKWRITE: return mask_register(array, columns, op);
    case SO_TXN_SYNC: return sync_op(e, array, columns, op, state);
    case SO_TXN_PATCH: return patch(array, columns, op, buffers);
    }
    return "an unknown operation";
}

void emu_array_set_counts(struct emu_array *array, const uint32_t *counts) {
    for (unsigned c = 0; c < SO_ARRAY_COLUMNS; c++)
        for (unsigned r = 0; r < SO_ARRAY_CORE_ROWS; r++)
            array->core[c][r] =
                (struct emu_core){.parameters = {counts[0], counts[1]}, .started = true, .c_left = counts[1]};
}

static bool core_at_rest(const struct emu_array *array, const struct emu_core *core) {
    return array->overlay == SO_OVERLAY_STOCK ? core->c_left == core->parameters[1] : !core->started;
}

static const char *at_rest(const struct emu_array *array) {
    for (unsigned c = 0; c < SO_ARRAY_COLUMNS; c++) {
        for (unsigned i = 0; i < SO_SHIM_CHANNELS; i++)
            if (array->shim[c].channel[i].n_tasks || array->shim[c].channel[i].tokens) return "the stream ended with transfers under way";
        for (unsigned r = 0; r < SO_ARRAY_CORE_ROWS; r++)
            if (!core_at_rest(array, &array->core[c][r])) return "the stream ended with cores at work";
    }
    return NULL;
}

const char *emu_array_run(struct so_emulator *e, struct emu_array *array, unsigned columns, const uint32_t *words, size_t n_words,
                          const uint64_t *buffers, unsigned *state) {
    struct so_txn_reader reader;
    struct so_txn_op op;
    *state = SO_STATE_ERROR;
    if (!so_txn_open(&reader, words, n_words)) return reader.problem;
    const struct so_txn_header *h = &reader.header;
    if (h->generation != SO_TXN_GENERATION || h->rows != SO_TXN_ROWS || h->memory_rows != 1 || h->columns > SO_TXN_COLUMNS)
        return "a stream for another array";
    if (h->n_bytes != n_words * 4) return "the packet and the stream disagree on its length";
    while (so_txn_next(&reader, &op)) {
        const char *problem = execute(e, array, columns, &op, buffers, state);
        if (problem) return problem;
    }
    if (reader.problem) return reader.problem;
    const char *problem = at_rest(array);
    if (!problem) *state = SO_STATE_COMPLETED;
    return problem;
}
