/** A device, a context and one product's buffers, for tests that write packets and streams themselves. */
#ifndef SO_TESTS_NPU_RIG_H
#define SO_TESTS_NPU_RIG_H

#include "backend/emulator/emulator.h"
#include "backend/xdna/device.h"
#include "backend/xdna/gemm_stream.h"

struct rig {
    struct so_emulator *emulator;
    struct so_xdna *device;
    void *file;
    struct so_xclbin xclbin;
    struct so_xdna_context context;
    struct so_gemm_shape shape;
    struct so_xdna_bo a, b, c, command, stream;
    struct so_txn txn; /* the right stream */
    int8_t *plain_b;   /* [k][n] */
    int32_t *expected; /* [m][n] */
};

enum outcome { RIGHT, WRONG, REFUSED };

void rig_open(struct rig *rig, struct so_gemm_shape shape, uint32_t seed);
void rig_close(struct rig *rig);
/** A fresh context after one that failed. */
void rig_renew(struct rig *rig);
/** Put n words of instructions on the device and fill in the command that calls them. */
void rig_prepare(struct rig *rig, const uint32_t *words, size_t n);
/** Submit the command as it stands, wait, and compare all of C. */
enum outcome rig_run(struct rig *rig);
/** C filled with a pattern that no product gives. */
void rig_poison(struct rig *rig);

#endif
