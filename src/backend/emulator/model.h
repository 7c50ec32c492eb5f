/** The emulator's parts. Private to src/backend/emulator. All of it is called with the emulator's lock held. */
#ifndef SO_EMULATOR_MODEL_H
#define SO_EMULATOR_MODEL_H

#include <pthread.h>

#include "backend/emulator/emulator.h"
#include "backend/xdna/array.h"
#include "backend/xdna/device.h"
#include "backend/xdna/packet.h"
#include "backend/xdna/uapi.h"

#define EMU_MAX_BOS 2048
#define EMU_CONTEXTS SO_XDNA_CONTEXTS
#define EMU_FD 1000000 /* no real descriptor */
#define EMU_HEAP_ADDRESS UINT64_C(0x4000000)
#define EMU_DEV_ALIGN ((size_t)32 << 10)
#define EMU_TOKENS 16 /* of one channel that may wait at a time */
#define EMU_PDI_MAGIC "SOTTOPDI"

/**
 * A buffer as three copies: what the CPU sees, what the device sees, and what both agreed on at the last flush, which
 * tells a line that the CPU wrote from one that it only holds.
 */
struct emu_bo {
    bool used;
    enum so_bo_type type;
    size_t size;
    char *host;    /* where it is mapped; NULL: not mapped */
    char *device;  /* not for DEV (part of the heap) and CMD (coherent: host and driver are one CPU) */
    char *agreed;
    uint64_t address; /* device address; SO_XDNA_NO_ADDRESS: the host's address */
    size_t heap_offset; /* DEV */
};

/* ---- the array of one context ---- */

struct emu_task {
    uint32_t bd[SO_SHIM_BD_WORDS];
    unsigned index;  /* of the descriptor */
    unsigned times;  /* runs left, the current one included */
    uint32_t word;   /* position in the current run */
    bool token;
};

struct emu_channel {
    struct emu_task tasks[SO_SHIM_QUEUE_DEPTH];
    unsigned n_tasks;
    unsigned tokens;
    unsigned unclaimed[EMU_TOKENS]; /* descriptors whose tokens nobody waited for yet */
    unsigned n_unclaimed;
    uint64_t trace_at, trace_end, trace_hash; /* the run of bytes that may still grow, and the hash before it */
};

struct emu_shim {
    uint32_t control[SO_SHIM_CHANNELS];
    uint32_t bd[SO_SHIM_BDS][SO_SHIM_BD_WORDS];
    unsigned busy[SO_SHIM_BDS]; /* tasks that were pushed and not known to be done */
    struct emu_channel channel[SO_SHIM_CHANNELS]; /* S2MM 0, 1, MM2S 0, 1 */
};

struct emu_core {
    uint32_t parameters[2];
    bool started;
    uint32_t c_left;
};

struct emu_array {
    unsigned overlay; /* 0: not configured */
    struct emu_shim shim[SO_ARRAY_COLUMNS];
    struct emu_core core[SO_ARRAY_COLUMNS][SO_ARRAY_CORE_ROWS];
};

/* ---- the driver ---- */

struct emu_command {
    uint32_t handle; /* the command buffer */
    uint32_t *args;
    size_t n_args;
    uint64_t seq;
};

struct emu_context {
    bool used, configured, dead;
    uint32_t handle, syncobj;
    unsigned columns;
    uint32_t pdi;
    struct emu_array array;
    struct emu_command queue[SO_XDNA_IN_FLIGHT];
    size_t n_queue;
    uint64_t submitted, completed;
    uint64_t commands_in, commands_done, errors;
};

struct so_emulator {
    pthread_mutex_t lock;
    struct so_sys sys;
    struct so_emulator_options options;
    struct so_emulator_fault fault;
    uint64_t fault_calls, fault_commands;
    struct so_emulator_counts counts;
    bool open, gone;
    struct emu_bo bo[EMU_MAX_BOS]; /* handle is the index plus 1 */
    uint32_t heap; /* handle, 0: none */
    uint64_t next_address;
    struct emu_context context[EMU_CONTEXTS];
    uint32_t next_context, next_syncobj;
    char *scratch; /* of the cores */
    size_t scratch_bytes;
    char reason[200];

    /* of the command that runs */
    const uint32_t *args;
    size_t n_args;
    const struct emu_bo *last; /* the buffer of the last access */
    uint64_t stored_at;        /* the first run of bytes that was stored, for the flipped bit */
    size_t stored_bytes;
};

/* Note why, return the negative errno. */
int emu_refuse(struct so_emulator *e, int error, const char *reason);

/* memory.c */
struct emu_bo *emu_bo(struct so_emulator *e, uint32_t handle);
int emu_bo_create(struct so_emulator *e, struct so_uapi_create_bo *request);
int emu_bo_info(struct so_emulator *e, struct so_uapi_get_bo_info *request);
int emu_bo_sync(struct so_emulator *e, const struct so_uapi_sync_bo *request);
int emu_bo_close(struct so_emulator *e, uint32_t handle);
int emu_map(struct so_emulator *e, void *address, size_t size, int protection, int flags, int fd, uint64_t offset, void **out);
int emu_unmap(struct so_emulator *e, void *address, size_t size);
void emu_flush(struct so_emulator *e, const void *pointer, size_t size);
/* The device's memory at an address, if a buffer pinned by the running command holds all of [address, address + size). */
char *emu_reach(struct so_emulator *e, uint64_t address, size_t size);

/* command.c */
int emu_exec(struct so_emulator *e, struct so_uapi_exec_cmd *request);
int emu_wait(struct so_emulator *e, const struct so_drm_timeline_wait *request);
void emu_drain(struct so_emulator *e, struct emu_context *context);
void emu_abandon(struct so_emulator *e, struct emu_context *context);

/* info.c */
int emu_info(struct so_emulator *e, struct so_uapi_get_info *request);
int emu_version(struct so_emulator *e, struct so_drm_version *request);

/* array.c: run an instruction stream. NULL: it ended well; else why not, with *state set. */
const char *emu_array_run(struct so_emulator *e, struct emu_array *array, unsigned columns, const uint32_t *words, size_t n_words,
                          const uint64_t *buffers, unsigned *state);

/* The cores of a stock configuration: their counts are part of their program, and they start over by
 * themselves. */
void emu_array_set_counts(struct emu_array *array, const uint32_t *counts);

/* shim.c */
const char *emu_shim_push(struct emu_shim *shim, unsigned channel, uint32_t word);
uint64_t emu_channel_words(const struct emu_channel *channel); /* words left in all tasks */
/* Move words between the device's memory and the array; NULL or why not. */
const char *emu_shim_move(struct so_emulator *e, struct emu_shim *shim, unsigned channel, char *data, size_t words);
uint64_t emu_trace_take(struct emu_channel *channel);

/* cores.c: one step of the configuration's program. *moved: whether anything could be done. */
const char *emu_cores_step(struct so_emulator *e, struct emu_array *array, bool *moved);

#endif
