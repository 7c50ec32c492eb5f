/**
 * How many requests go to the NPU, and the way back. A request goes there when a hash of its id falls below the percentage, so the same
 * request goes the same way whenever it is done again. Where the device computes something wrong, or fails too often, everything
 * returns to the CPU by itself until somebody says otherwise.
 */
#ifndef SO_SERVER_ROLLOUT_H
#define SO_SERVER_ROLLOUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "sotto.h"

/** Requests of the device that are looked back on; and how many of them must have failed before a rate is one. */
enum { SO_ROLLOUT_WINDOW = 20, SO_ROLLOUT_LEAST = 3 };

struct so_rollout {
    pthread_mutex_t lock;
    sotto_device device;  /**< AUTO: there is none to go to */
    unsigned percent;     /**< 0 to 100, as it was asked for */
    unsigned most_errors; /**< percent of failed requests from which everything returns */
    bool returned;        /**< to the CPU, by itself */
    char why[128];        /**< a sentence; "" unless returned */
    bool failed[SO_ROLLOUT_WINDOW]; /**< the last requests, request i at i modulo the window */
    uint64_t n;
};

/** What a request of the device came to. */
struct so_rollout_outcome {
    bool failed;         /**< the device could not be used, or products of it were the CPU's in the end */
    uint64_t mismatches; /**< products whose check came out wrong (and which the CPU did again) */
};

/** percent: negative: 100 if the environment (NPU_MATMUL_ENABLED=1) or a device asks for the NPU, else 0. */
void so_rollout_init(struct so_rollout *rollout, const char *device, int percent, unsigned most_errors);

/** Change it while running: begins anew, also after a return. */
void so_rollout_set(struct so_rollout *rollout, unsigned percent);

/** What is to compute the request of this id. */
sotto_device so_rollout_choose(struct so_rollout *rollout, const char *id);

/** A request of the device is over. true: this one brought the return. */
bool so_rollout_learn(struct so_rollout *rollout, const struct so_rollout_outcome *outcome);

/** A copy that may be read. */
struct so_rollout so_rollout_look(struct so_rollout *rollout);

#endif
