/* Commands of the model: what the driver checks, what the firmware does. */
#include <errno.h>
#include <string.h>

#include "backend/emulator/model.h"
#include "util/clock.h"
#include "util/memory.h"

static struct emu_context *context_of(struct so_emulator *e, uint32_t handle) {
    for (size_t i = 0; i < EMU_CONTEXTS; i++)
        if (e->context[i].used && e->context[i].handle == handle) return &e->context[i];
    return NULL;
}

static uint64_t get64(const uint32_t *words) { return words[0] | (uint64_t)words[1] << 32; }

static void set_state(struct emu_bo *bo, unsigned state) {
    uint32_t header;
    memcpy(&header, bo->host, sizeof header);
    header = (header & ~0xfu) | state;
    memcpy(bo->host, &header, sizeof header);
}

/* What is wrong with a call's packet, NULL if nothing. */
static const char *check_call(const struct so_packet_call *p, const struct emu_context *context) {
    if (so_packet_state(p->header) != SO_STATE_NEW) return "packet: the state must be NEW";
    if (so_packet_masks(p->header)) return "packet: extra masks";
    if (so_packet_opcode(p->header) != SO_OPCODE_START_CU || so_packet_type(p->header) != SO_PACKET_TYPE_CU)
        return "packet: opcode or type";
    if (so_packet_count(p->header) != SO_CALL_COUNT) return "packet: count";
    if (!context->configured) return "packet: the context has no configuration";
    if (p->cu_mask != 1) return "packet: a compute unit that was not configured";
    if (p->opcode[0] != SO_CALL_OPCODE || p->opcode[1]) return "packet: the kernel's opcode must be 3";
    if (p->n_instructions < 4) return "packet: no instructions";
    for (size_t i = 0; i < SO_CALL_BUFFERS; i++)
        if (get64(p->buffers[i]) % 4) return "packet: a buffer's address is not a multiple of 4";
    return NULL;
}

static const char *check_chain(struct so_emulator *e, const struct so_packet_chain *p, const struct emu_context *context) {
    if (so_packet_state(p->header) != SO_STATE_NEW) return "chain: the state must be NEW";
    if (so_packet_masks(p->header) || so_packet_type(p->header)) return "chain: masks or type";
    if (p->command_count == 0 || p->command_count > SO_CHAIN_MAX) return "chain: commands do not fit the driver's buffer";
    if (so_packet_count(p->header) != 6 + 2 * p->command_count) return "chain: count";
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct emu_bo *bo = p->handles[i][1] ? NULL : emu_bo(e, p->handles[i][0]);
        if (!bo || bo->type != SO_BO_CMD || !bo->host) return "chain: a handle that is no mapped command";
        struct so_packet_call call;
        memcpy(&call, bo->host, sizeof call);
        const char *problem = check_call(&call, context);
        if (problem) return problem;
    }
    return NULL;
}

int emu_exec(struct so_emulator *e, struct so_uapi_exec_cmd *r) {
    if (r->ext || r->ext_flags) return emu_refuse(e, EINVAL, "EXEC_CMD: ext and ext_flags must be zero");
    if (r->type != 0 || r->cmd_count != 1) return emu_refuse(e, EINVAL, "EXEC_CMD: type 0 with one command only");
    if (r->arg_count == 0 || r->arg_count > SO_XDNA_MAX_ARGS || !r->args) return emu_refuse(e, EINVAL, "EXEC_CMD: arguments");
    struct emu_context *context = context_of(e, r->hwctx);
    if (!context) return emu_refuse(e, ENOENT, "EXEC_CMD: no such context");
    if (context->dead) return emu_refuse(e, EIO, "EXEC_CMD: the context was reset");
    const struct emu_bo *bo = r->cmd_handles >> 32 ? NULL : emu_bo(e, (uint32_t)r->cmd_handles);
    if (!bo || bo->type != SO_BO_CMD || !bo->host) return emu_refuse(e, EINVAL, "EXEC_CMD: not a mapped command buffer");
    struct so_packet_chain packet;
    memcpy(&packet, bo->host, sizeof packet);
    const char *problem;
    if (so_packet_opcode(packet.header) == SO_OPCODE_CHAIN) {
        problem = check_chain(e, &packet, context);
    } else {
        struct so_packet_call call;
        memcpy(&call, bo->host, sizeof call);
        problem = check_call(&call, context);
    }
    if (problem) return emu_refuse(e, EINVAL, problem);
    uint32_t *args = so_alloc(r->arg_count, sizeof *args);
    if (!args) return -ENOMEM;
    memcpy(args, (const void *)(uintptr_t)r->args, r->arg_count * sizeof *args);
    for (uint32_t i = 0; i < r->arg_count; i++)
        if (!emu_bo(e, args[i])) {
            so_free(args);
            return emu_refuse(e, EINVAL, "EXEC_CMD: an argument is no buffer");
        }
    if (context->n_queue == SO_XDNA_IN_FLIGHT) emu_drain(e, context); /* the driver makes the caller wait */
    if (context->dead) {
        so_free(args);
        return emu_refuse(e, EIO, "EXEC_CMD: the context was reset");
    }
    set_state(emu_bo(e, (uint32_t)r->cmd_handles), SO_STATE_SUBMITTED);
    r->seq = ++context->submitted;
    context->commands_in++;
    context->queue[context->n_queue++] = (struct emu_command){(uint32_t)r->cmd_handles, args, r->arg_count, r->seq};
    return 0;
}

/* A fault meant for the command that is about to run; 0: none, else the state that it ends in. */
static unsigned fault_before(struct so_emulator *e) {
    e->counts.commands++;
    e->fault_commands++;
    if (e->options.command_limit && e->counts.commands > e->options.command_limit) return SO_STATE_TIMEOUT;
    if (e->fault_commands != e->fault.at) return 0;
    switch (e->fault.kind) {
    case SO_FAULT_STATE: e->counts.faults_hit++; return (unsigned)e->fault.value;
    case SO_FAULT_HANG: e->counts.faults_hit++; return SO_STATE_TIMEOUT;
    case SO_FAULT_SILENT: e->counts.faults_hit++; return SO_STATE_RUNNING;
    default: return 0;
    }
}

static void flip_bit(struct so_emulator *e) {
    if (e->fault.kind != SO_FAULT_FLIP || e->fault_commands != e->fault.at || !e->stored_bytes) return;
    uint64_t bit = e->fault.value % (e->stored_bytes * 8);
    char *byte = emu_reach(e, e->stored_at + bit / 8, 1);
    if (!byte) return;
    *byte = (char)(*byte ^ 1 << bit % 8);
    e->counts.faults_hit++;
}

/* Run one call; returns its final state. */
static unsigned run_call(struct so_emulator *e, struct emu_context *context, struct emu_bo *bo) {
    struct so_packet_call call;
    memcpy(&call, bo->host, sizeof call);
    unsigned state = fault_before(e);
    if (state) return state;
    uint64_t buffers[SO_CALL_BUFFERS], address = get64(call.instructions);
    for (size_t i = 0; i < SO_CALL_BUFFERS; i++) buffers[i] = get64(call.buffers[i]);
    const char *problem = check_call(&call, context); /* the host may have changed it meanwhile */
    if (problem && so_packet_state(call.header) == SO_STATE_SUBMITTED) {
        call.header = (call.header & ~0xfu) | SO_STATE_NEW;
        problem = check_call(&call, context);
    }
    const char *words = problem ? NULL : emu_reach(e, address, (size_t)call.n_instructions * 4);
    e->stored_bytes = 0;
    if (!problem && (!words || address < EMU_HEAP_ADDRESS || address >= EMU_HEAP_ADDRESS + SO_XDNA_HEAP_BYTES || address % 4))
        problem = "the instructions are not in a pinned DEV buffer";
    state = SO_STATE_ERROR;
    if (!problem)
        problem = emu_array_run(e, &context->array, context->columns, (const uint32_t *)words, call.n_instructions, buffers, &state);
    if (problem)
        emu_refuse(e, 0, problem);
    else
        flip_bit(e);
    if (state == SO_STATE_COMPLETED) {
        e->counts.completed++;
        context->commands_done++;
    } else {
        context->errors++;
    }
    return state;
}

static unsigned run_chain(struct so_emulator *e, struct emu_context *context, struct emu_bo *bo) {
    struct so_packet_chain chain;
    memcpy(&chain, bo->host, sizeof chain);
    for (uint32_t i = 0; i < chain.command_count && i < SO_CHAIN_MAX; i++) {
        struct emu_bo *sub = emu_bo(e, chain.handles[i][0]);
        unsigned state = sub && sub->type == SO_BO_CMD && sub->host ? run_call(e, context, sub) : SO_STATE_ERROR;
        if (state == SO_STATE_RUNNING) return state;
        if (sub && sub->type == SO_BO_CMD && sub->host) set_state(sub, state);
        if (state != SO_STATE_COMPLETED) {
            chain.error_index = i;
            memcpy(bo->host, &chain, offsetof(struct so_packet_chain, handles));
            return state;
        }
    }
    return SO_STATE_COMPLETED;
}

/* Run the oldest command; false if it never answers. */
static bool run_oldest(struct so_emulator *e, struct emu_context *context) {
    struct emu_command *command = &context->queue[0];
    struct emu_bo *bo = emu_bo(e, command->handle);
    e->args = command->args;
    e->n_args = command->n_args;
    e->last = NULL;
    unsigned state = SO_STATE_ABORT;
    if (bo && bo->host && !context->dead) {
        uint32_t header;
        memcpy(&header, bo->host, sizeof header);
        state = so_packet_opcode(header) == SO_OPCODE_CHAIN ? run_chain(e, context, bo) : run_call(e, context, bo);
    }
    e->args = NULL;
    e->n_args = 0;
    e->last = NULL;
    if (state == SO_STATE_RUNNING) return false;
    if (bo && bo->host) set_state(bo, state);
    /* The driver resets a context that failed; what stood behind in its queue is aborted. */
    if (state != SO_STATE_COMPLETED) context->dead = true;
    so_free(command->args);
    context->completed = command->seq;
    context->n_queue--;
    memmove(&context->queue[0], &context->queue[1], context->n_queue * sizeof context->queue[0]);
    return true;
}

void emu_drain(struct so_emulator *e, struct emu_context *context) {
    while (context->used && context->n_queue && run_oldest(e, context)) {}
    if (context->n_queue) emu_abandon(e, context);
}

void emu_abandon(struct so_emulator *e, struct emu_context *context) {
    (void)e;
    context->dead = true;
    for (size_t i = 0; i < context->n_queue; i++) so_free(context->queue[i].args);
    context->n_queue = 0;
}

int emu_wait(struct so_emulator *e, const struct so_drm_timeline_wait *r) {
    if (r->pad || r->flags & ~SO_SYNCOBJ_WAIT_FOR_SUBMIT) return emu_refuse(e, EINVAL, "TIMELINE_WAIT: flags or pad");
    if (r->count_handles != 1 || !r->handles || !r->points) return emu_refuse(e, EINVAL, "TIMELINE_WAIT: one handle and one point");
    uint32_t handle = *(const uint32_t *)(uintptr_t)r->handles;
    uint64_t point = *(const uint64_t *)(uintptr_t)r->points;
    for (size_t i = 0; i < EMU_CONTEXTS; i++) {
        struct emu_context *context = &e->context[i];
        if (!context->used || context->syncobj != handle) continue;
        if (context->completed < point && r->timeout_nsec < so_now_ns())
            return emu_refuse(e, ETIME, "TIMELINE_WAIT: the deadline is absolute and has passed");
        while (context->completed < point && context->n_queue)
            if (!run_oldest(e, context)) break;
        return context->completed >= point ? 0 : -ETIME;
    }
    return emu_refuse(e, ENOENT, "TIMELINE_WAIT: no such timeline");
}
