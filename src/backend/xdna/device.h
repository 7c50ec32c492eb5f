/**
 * An NPU through the amdxdna driver: open node, device heap, buffers, contexts with an array configuration, commands.
 * Nothing here knows what is computed. Every function cleans up after itself when it fails; so_xdna_close gives back the rest.
 *
 * Buffers and commands of one device may be used from several threads; creating and destroying is for one at a time.
 */
#ifndef SO_XDNA_DEVICE_H
#define SO_XDNA_DEVICE_H

#include <stdatomic.h>

#include "backend/xdna/packet.h"
#include "backend/xdna/sys.h"
#include "backend/xdna/uapi.h"
#include "backend/xdna/xclbin.h"

#define SO_XDNA_HEAP_BYTES ((size_t)64 << 20)
#define SO_XDNA_CONTEXTS 6       /**< hardware contexts that XDNA1 has */
#define SO_XDNA_IN_FLIGHT 4      /**< commands of a context that the driver takes before it makes callers wait */
#define SO_XDNA_WATCHDOG_MS 2000 /**< after which the driver resets a context that makes no progress */

struct so_xdna_bo {
    uint32_t handle; /**< 0: no buffer */
    enum so_bo_type type;
    size_t size;
    char *map;        /**< where the CPU sees it */
    uint64_t address; /**< where the device sees it */
};

struct so_xdna {
    struct so_sys sys;
    int fd;
    char node[64];
    int driver_major, driver_minor;
    struct so_xdna_bo heap;
    atomic_bool gone; /**< a call said that the device is not there any more */
};

/**
 * Open `node` (NULL: the first /dev/accel/accelN whose driver is amdxdna) and make its heap. The error says what is missing
 * and how to get it. Frees with so_xdna_close.
 */
sotto_status so_xdna_open(const struct so_sys *sys, const char *node, struct so_xdna **out, sotto_error *err);
/** The same without the heap: enough for queries. */
sotto_status so_xdna_open_bare(const struct so_sys *sys, const char *node, struct so_xdna **out, sotto_error *err);
void so_xdna_close(struct so_xdna *device);

/** An ioctl, made again when it was interrupted; 0 or a negative errno. */
int so_xdna_ioctl(struct so_xdna *device, unsigned long request, void *argument);

/** SHARE: pages that the device reaches. DEV: inside the heap, for PDIs and instructions. CMD: 4 KiB for a packet. */
sotto_status so_xdna_bo_create(struct so_xdna *device, enum so_bo_type type, size_t size, struct so_xdna_bo *out, sotto_error *err);
void so_xdna_bo_free(struct so_xdna *device, struct so_xdna_bo *bo);
/** Cache maintenance of part of a buffer, for either direction. */
void so_xdna_bo_flush(const struct so_xdna *device, const struct so_xdna_bo *bo, size_t offset, size_t size);

struct so_xdna_context {
    uint32_t handle, syncobj; /**< handle 0: none */
    struct so_xdna_bo pdi;    /**< stays: the driver loads it again after it slept */
    unsigned cu;              /**< index of the compute unit that packets name */
};

/** Make a context for kernel `kernel` of a checked xclbin and load its array configuration. */
sotto_status so_xdna_context_create(struct so_xdna *device, const struct so_xclbin *xclbin, size_t kernel,
                                    struct so_xdna_context *out, sotto_error *err);
void so_xdna_context_destroy(struct so_xdna *device, struct so_xdna_context *context);

/** What a call of a kernel names: its instruction stream, and its buffers in the order of their arguments. */
struct so_xdna_call {
    const struct so_xdna_bo *instructions;
    size_t n_words;
    const struct so_xdna_bo *buffers[SO_CALL_BUFFERS];
    size_t n_buffers;
};

/** Fill in a command buffer (type CMD) with a call. Also makes a command that has run ready to run again. */
void so_xdna_command_call(const struct so_xdna_context *context, struct so_xdna_bo *command, const struct so_xdna_call *call);
/** Fill in `chain` with n <= SO_CHAIN_MAX commands that hold calls. */
void so_xdna_command_chain(struct so_xdna_bo *chain, const struct so_xdna_bo *const *commands, size_t n);

/** Hand a command to the device. `handles`: every buffer it touches, instructions included. *seq: what to wait for. */
sotto_status so_xdna_submit(struct so_xdna *device, const struct so_xdna_context *context, const struct so_xdna_bo *command,
                            const uint32_t *handles, size_t n_handles, uint64_t *seq, sotto_error *err);

/** Wait for a command, and for its state to be "completed". A chain's error names the sub-command. */
sotto_status so_xdna_wait(struct so_xdna *device, const struct so_xdna_context *context, const struct so_xdna_bo *command,
                          uint64_t seq, sotto_error *err);

/** Whether the driver says that a command that did not complete has ended all the same, so that nothing of it
 * is still to come. */
bool so_xdna_command_ended(const struct so_xdna_bo *command);

/* ---- queries: all of them optional, none of them invented ---- */

struct so_xdna_facts {
    bool has_metadata, has_clocks, has_firmware, has_power_mode, has_resources;
    struct so_uapi_aie_metadata metadata;
    struct so_uapi_clocks clocks;
    struct so_uapi_firmware firmware;
    struct so_uapi_power_mode power_mode;
    struct so_uapi_resources resources;
    size_t n_sensors; /**< 0: not available */
    struct so_uapi_sensor sensors[16];
    bool has_contexts;
    size_t n_contexts;
    struct so_uapi_hwctx_info contexts[16];
};

void so_xdna_query(struct so_xdna *device, struct so_xdna_facts *out);
/** Commands that this process's contexts completed, as the driver counts them; false if it does not say. */
bool so_xdna_completions(struct so_xdna *device, uint64_t *completions);
/** Whether this firmware is one that the interface is known for (major 1); true when the driver does not say. */
bool so_xdna_firmware_known(const struct so_xdna_facts *facts);

#endif
