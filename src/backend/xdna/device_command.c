/* Commands: filled in, submitted, waited for. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "backend/xdna/device.h"
#include "util/clock.h"

/* Longer than the driver's own watchdog with every place in its queue taken. */
#define WAIT_MS ((SO_XDNA_IN_FLIGHT + 1) * SO_XDNA_WATCHDOG_MS)

static void put64(uint32_t *words, uint64_t value) {
    words[0] = (uint32_t)value;
    words[1] = (uint32_t)(value >> 32);
}

void so_xdna_command_call(const struct so_xdna_context *context, struct so_xdna_bo *command, const struct so_xdna_call *call) {
    struct so_packet_call packet = {
        .header = so_packet_header(SO_OPCODE_START_CU, SO_PACKET_TYPE_CU, SO_CALL_COUNT),
        .cu_mask = 1u << context->cu,
        .opcode = {SO_CALL_OPCODE, 0},
        .n_instructions = (uint32_t)call->n_words,
    };
    put64(packet.instructions, call->instructions->address);
    for (size_t i = 0; i < call->n_buffers; i++) put64(packet.buffers[i], call->buffers[i]->address);
    memcpy(command->map, &packet, sizeof packet);
}

void so_xdna_command_chain(struct so_xdna_bo *chain, const struct so_xdna_bo *const *commands, size_t n) {
    struct so_packet_chain packet = {
        .header = so_packet_header(SO_OPCODE_CHAIN, SO_PACKET_TYPE_DEFAULT, (unsigned)(6 + 2 * n)),
        .command_count = (uint32_t)n,
    };
    for (size_t i = 0; i < n; i++) put64(packet.handles[i], commands[i]->handle);
    memcpy(chain->map, &packet, sizeof packet);
}

sotto_status so_xdna_submit(struct so_xdna *device, const struct so_xdna_context *context, const struct so_xdna_bo *command,
                            const uint32_t *handles, size_t n_handles, uint64_t *seq, sotto_error *err) {
    if (n_handles > SO_XDNA_MAX_ARGS) return so_fail(err, SOTTO_ERR_DEVICE, "a command with %zu buffers is too large", n_handles);
    struct so_uapi_exec_cmd exec = {
        .hwctx = context->handle,
        .cmd_handles = command->handle,
        .args = (uintptr_t)handles,
        .cmd_count = 1,
        .arg_count = (uint32_t)n_handles,
    };
    atomic_thread_fence(memory_order_seq_cst);
    int result = so_xdna_ioctl(device, SO_IOCTL_EXEC_CMD, &exec);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "the NPU took no command: %s", strerror(-result));
    *seq = exec.seq;
    return SOTTO_OK;
}

static const char *state_name(unsigned state) {
    switch (state) {
    case SO_STATE_ERROR: return "error";
    case SO_STATE_ABORT: return "aborted (firmware and driver may not fit each other)";
    case SO_STATE_TIMEOUT: return "timed out; the driver reset the context";
    case SO_STATE_NORESPONSE: return "no response";
    default: return "not finished";
    }
}

static int64_t deadline(void) {
    return so_now_ns() + (int64_t)WAIT_MS * 1000000;
}

sotto_status so_xdna_wait(struct so_xdna *device, const struct so_xdna_context *context, const struct so_xdna_bo *command,
                          uint64_t seq, sotto_error *err) {
    uint32_t handle = context->syncobj;
    struct so_drm_timeline_wait wait = {
        .handles = (uintptr_t)&handle,
        .points = (uintptr_t)&seq,
        .timeout_nsec = deadline(),
        .count_handles = 1,
        .flags = SO_SYNCOBJ_WAIT_FOR_SUBMIT,
    };
    int result = so_xdna_ioctl(device, SO_IOCTL_TIMELINE_WAIT, &wait);
    if (result == -ETIME) return so_fail(err, SOTTO_ERR_DEVICE, "the NPU gave no answer within %d s", WAIT_MS / 1000);
    if (result != 0) return so_fail(err, SOTTO_ERR_DEVICE, "waiting for the NPU failed: %s", strerror(-result));
    atomic_thread_fence(memory_order_seq_cst);
    struct so_packet_chain packet; /* its first words are any packet's */
    memcpy(&packet, command->map, sizeof packet);
    unsigned state = so_packet_state(packet.header);
    if (state == SO_STATE_COMPLETED) return SOTTO_OK;
    if (so_packet_opcode(packet.header) == SO_OPCODE_CHAIN)
        return so_fail(err, SOTTO_ERR_DEVICE, "command %u of %u on the NPU: %s", packet.error_index + 1, packet.command_count,
                       state_name(state));
    return so_fail(err, SOTTO_ERR_DEVICE, "a command on the NPU: %s", state_name(state));
}

bool so_xdna_command_ended(const struct so_xdna_bo *command) {
    uint32_t header;
    memcpy(&header, command->map, sizeof header);
    unsigned state = so_packet_state(header);
    return state == SO_STATE_ERROR || state == SO_STATE_ABORT || state == SO_STATE_TIMEOUT;
}
