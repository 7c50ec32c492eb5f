/* Shim tiles: task queues and descriptors, word by word as the hardware walks them. */
#include <string.h>

#include "backend/emulator/model.h"
#include "util/memory.h"

#define HASH_STEP UINT64_C(0x9e3779b97f4a7c15)

struct walk {
    uint32_t length, step0, size0, step1, size1, step2, iteration, iterations, iteration_step;
    uint64_t address;
};

static struct walk decode(const uint32_t *bd) {
    return (struct walk){
        .length = bd[0],
        .address = bd[1] | (uint64_t)(bd[2] & 0xffff) << 32,
        .size0 = bd[3] >> 20 & 0x3ff,
        .step0 = (bd[3] & 0xfffff) + 1,
        .size1 = bd[4] >> 20 & 0x3ff,
        .step1 = (bd[4] & 0xfffff) + 1,
        .step2 = (bd[5] & 0xfffff) + 1,
        .iteration = bd[6] >> 26,
        .iterations = (bd[6] >> 20 & 0x3f) + 1,
        .iteration_step = (bd[6] & 0xfffff) + 1,
    };
}

/* Word `i` of a run, and how many words follow it without a gap. */
static uint64_t place(const struct walk *w, uint32_t i, uint32_t *run) {
    uint64_t offset;
    uint32_t left = w->length - i;
    if (w->size0 == 0) {
        offset = (uint64_t)i * w->step0;
        *run = w->step0 == 1 ? left : 1;
    } else {
        uint32_t d0 = i % w->size0, rest = i / w->size0;
        uint32_t d1 = w->size1 ? rest % w->size1 : rest, d2 = w->size1 ? rest / w->size1 : 0;
        offset = (uint64_t)d0 * w->step0 + (uint64_t)d1 * w->step1 + (uint64_t)d2 * w->step2;
        *run = w->step0 == 1 ? w->size0 - d0 : 1;
        if (*run > left) *run = left;
    }
    if (w->iterations > 1) offset += (uint64_t)w->iteration * w->iteration_step;
    return w->address + 4 * offset;
}

const char *emu_shim_push(struct emu_shim *shim, unsigned channel, uint32_t word) {
    struct emu_channel *c = &shim->channel[channel];
    unsigned index = word & 0xf;
    const uint32_t *bd = shim->bd[index];
    if (word & ~(SO_SHIM_TOKEN | 0xff0000u | 0xfu)) return "task queue: bits that must be zero are set";
    if (c->n_tasks == SO_SHIM_QUEUE_DEPTH) return "task queue overflow";
    if (c->n_tasks + c->n_unclaimed >= EMU_TOKENS) return "too many tokens that nobody waits for";
    if ((word & SO_SHIM_TOKEN) && (shim->control[channel] & SO_SHIM_CONTROLLER_MASK) != SO_SHIM_CONTROLLER)
        return "a token that is not addressed to the controller is lost";
    if (!(bd[7] & SO_BD_VALID)) return "a task names a descriptor that is not valid";
    if (bd[7] & ~SO_BD_VALID) return "a descriptor uses chaining or locks, which this model does not have";
    if (bd[2] & 0xffff0000u) return "a descriptor makes packets, which this array's routing does not take";
    if (bd[0] == 0) return "a descriptor of no words";
    if (bd[1] & 3) return "a descriptor's address is not a multiple of 4";
    if ((bd[3] & 0xc0000000u) || (bd[5] & 0xfff00000u)) return "descriptor bits that must be zero are set";
    struct emu_task *task = &c->tasks[c->n_tasks++];
    *task = (struct emu_task){.index = index, .times = (word >> 16 & 0xff) + 1, .token = word & SO_SHIM_TOKEN};
    memcpy(task->bd, bd, sizeof task->bd);
    shim->busy[index]++;
    return NULL;
}

uint64_t emu_channel_words(const struct emu_channel *c) {
    uint64_t words = 0;
    for (unsigned i = 0; i < c->n_tasks; i++) words += (uint64_t)c->tasks[i].times * c->tasks[i].bd[0] - c->tasks[i].word;
    return words;
}

uint64_t emu_trace_take(struct emu_channel *c) {
    uint64_t hash = (c->trace_hash ^ c->trace_at) * HASH_STEP;
    hash = (hash ^ (hash >> 29) ^ (c->trace_end - c->trace_at)) * HASH_STEP;
    return hash ^ hash >> 32;
}

/* Bytes that follow each other count as one run, however descriptors and steps divide them. */
static void trace(struct emu_channel *c, uint64_t address, size_t bytes) {
    if (address != c->trace_end) {
        c->trace_hash = emu_trace_take(c);
        c->trace_at = address;
    }
    c->trace_end = address + bytes;
}

static void finish_run(struct emu_shim *shim, struct emu_channel *c) {
    struct emu_task *task = &c->tasks[0];
    task->word = 0;
    uint32_t iteration = task->bd[6] >> 26, last = task->bd[6] >> 20 & 0x3f;
    iteration = iteration >= last ? 0 : iteration + 1;
    task->bd[6] = (task->bd[6] & 0x03ffffffu) | iteration << 26;
    if (--task->times) return;
    if (task->token) {
        /* Until somebody waited for the token, nobody may know that the descriptor is free. */
        c->tokens++;
        c->unclaimed[c->n_unclaimed++] = task->index;
    } else {
        shim->busy[task->index]--;
    }
    c->n_tasks--;
    memmove(&c->tasks[0], &c->tasks[1], c->n_tasks * sizeof c->tasks[0]);
}

const char *emu_shim_move(struct so_emulator *e, struct emu_shim *shim, unsigned channel, char *data, size_t words) {
    struct emu_channel *c = &shim->channel[channel];
    bool store = channel < 2;
    while (words) {
        if (c->n_tasks == 0) return "the array waits for data that no task brings";
        struct emu_task *task = &c->tasks[0];
        struct walk walk = decode(task->bd);
        uint32_t run;
        uint64_t address = place(&walk, task->word, &run);
        size_t n = so_min(run, words), bytes = n * 4;
        char *memory = emu_reach(e, address, bytes);
        if (!memory) return "a descriptor leaves the buffers of its command";
        trace(c, address, bytes);
        if (store) {
            memcpy(memory, data, bytes);
            if (!e->stored_bytes) {
                e->stored_at = address;
                e->stored_bytes = bytes;
            }
            e->counts.bytes_out += bytes;
        } else {
            memcpy(data, memory, bytes);
            e->counts.bytes_in += bytes;
        }
        data += bytes;
        words -= n;
        task->word += (uint32_t)n;
        if (task->word == walk.length) finish_run(shim, c);
    }
    return NULL;
}
