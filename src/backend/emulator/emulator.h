/**
 * A model of an XDNA1 NPU behind its kernel driver, as a table of system calls: the device code runs against it unchanged,
 * on any machine. It enforces the driver's rules, keeps the device's memory apart from the CPU's view of it (nothing
 * crosses without a flush), executes instruction streams by their registers and descriptors, and computes in plain C.
 * It is stricter than the hardware wherever the hardware would go wrong silently.
 */
#ifndef SO_EMULATOR_EMULATOR_H
#define SO_EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/xdna/sys.h"
#include "util/error.h"

struct so_emulator;

#define SO_EMULATOR_NODE "/dev/accel/accel0"

/** What kind of device. Zero-initialised: driver 0.0 of Linux 6.14, process addresses, firmware 1.5.5.391. */
struct so_emulator_options {
    int driver_minor;         /**< 0: the oldest; from 10 on all queries are answered */
    bool device_addresses;    /**< SHARE buffers have addresses of the device's own */
    uint32_t firmware_major;  /**< 0: 1 */
    uint32_t command_limit;   /**< 0: none; else every later command hangs (a device that fails in mid-run) */
};

struct so_emulator *so_emulator_create(const struct so_emulator_options *options);
/** The device and everything that callers left behind. */
void so_emulator_free(struct so_emulator *emulator);
const struct so_sys *so_emulator_sys(struct so_emulator *emulator);

/* ---- faults on demand ---- */

enum so_fault_kind {
    SO_FAULT_NONE,
    SO_FAULT_ERRNO,      /**< system call number `at` fails with `value` (an errno) */
    SO_FAULT_STATE,      /**< command number `at` ends in state `value` (packet.h) without being run */
    SO_FAULT_HANG,       /**< command number `at` never finishes; the driver's watchdog resets the context */
    SO_FAULT_SILENT,     /**< the same, and the watchdog does not bite: waiting times out */
    SO_FAULT_FLIP,       /**< one bit of what command number `at` stored is wrong; `value` chooses it */
    SO_FAULT_GONE,       /**< from system call number `at` on the device is gone (ENODEV) */
    SO_FAULT_HEAP,       /**< the heap cannot be mapped (limit on locked memory) */
    SO_FAULT_FIRMWARE,   /**< firmware of another version; only by name, at the start */
};

/** Numbers count from 1, from the moment the fault is set. */
struct so_emulator_fault {
    enum so_fault_kind kind;
    uint64_t at;
    uint64_t value;
};
void so_emulator_set_fault(struct so_emulator *emulator, const struct so_emulator_fault *fault);

/** A fault in words: "KIND[:AT[:VALUE]]", KIND errno, state, hang, silent, flip, gone, heap or firmware; AT 1 unless given. */
bool so_emulator_fault_named(const char *text, struct so_emulator_fault *out);

/** An emulator with the fault that the environment names in SOTTO_EMULATOR_FAULT, if any. */
#define SO_EMULATOR_FAULT "SOTTO_EMULATOR_FAULT"
sotto_status so_emulator_for_program(struct so_emulator **out, sotto_error *err);

/* ---- what a test may ask ---- */

struct so_emulator_counts {
    uint64_t calls;      /**< open, ioctl, map, unmap, close, poll */
    uint64_t commands;   /**< instruction streams run or failed */
    uint64_t completed;  /**< those that ended well */
    uint64_t bytes_in, bytes_out; /**< moved by the array */
    uint64_t faults_hit; /**< times that the fault was delivered */
    size_t open_files, buffers, mappings, contexts; /**< alive now */
};
void so_emulator_count(struct so_emulator *emulator, struct so_emulator_counts *out);

/** Hash of every byte address that the array read or stored since the last call, in order for each channel. */
uint64_t so_emulator_trace(struct so_emulator *emulator);

/** Why the device or driver model last refused something; empty if it never did. */
const char *so_emulator_reason(struct so_emulator *emulator);

/* ---- array configurations that the model can run ---- */

enum so_emulator_overlay {
    SO_OVERLAY_GEMM = 1,
    SO_OVERLAY_STOCK = 2,
    SO_OVERLAY_TILE16 = 16,
    SO_OVERLAY_TILE32 = 32,
    SO_OVERLAY_TILE64 = 64
};

/** A well-formed xclbin for one of them, not SO_OVERLAY_STOCK; *bytes is allocated (so_free). */
sotto_status so_emulator_xclbin(enum so_emulator_overlay overlay, void **bytes, size_t *size,
                                sotto_error *err);

/**
 * The same for a configuration that serves products of one padded shape only, as stock tools build them. Its
 * instruction stream: so_gemm_stream_stock.
 */
sotto_status so_emulator_stock_xclbin(size_t m, size_t k, size_t n, void **bytes, size_t *size,
                                      sotto_error *err);

#endif
