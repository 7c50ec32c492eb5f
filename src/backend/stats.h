/** Counters of a backend and a histogram of times, from which any percentile can be read to within 5 %. */
#ifndef SO_BACKEND_STATS_H
#define SO_BACKEND_STATS_H

#include <stdint.h>

/** Buckets of 2^(1/8) from 100 ns upwards: the last begins at 100 ns * 2^(319/8), which is over a day. */
#define SO_TIMES_BUCKETS 320

struct so_times {
    uint64_t count;
    double total, minimum, maximum; /**< seconds */
    uint64_t bucket[SO_TIMES_BUCKETS];
};

void so_times_add(struct so_times *times, double seconds);
double so_times_mean(const struct so_times *times);
/** The time that `share` (0 to 1) of the entries do not exceed: a bucket's upper end, at most the maximum; 0 if empty. */
double so_times_percentile(const struct so_times *times, double share);

struct so_backend_stats {
    uint64_t products;   /**< computed by the backend (and not thrown away) */
    uint64_t declined;   /**< left to the CPU by the planner */
    uint64_t fallbacks;  /**< products that the device should have done and the CPU did */
    uint64_t failures;   /**< errors of the device: calls, states, wrong answers */
    uint64_t checked;    /**< products computed again on the CPU and compared byte by byte */
    uint64_t tiles;      /**< core tiles: 64 x 64 x 64 multiplications */
    uint64_t dispatches; /**< commands */
    uint64_t submissions;
    uint64_t bytes_to, bytes_from; /**< of buffers handed to and read from the device */
    uint64_t resident;             /**< bytes of registered matrices */
    uint64_t overlapped;           /**< products that were handed over while another was under way */
    uint64_t contexts_lost;        /**< contexts given up for another array configuration's */
    uint64_t mismatches;           /**< products whose check came out wrong; they are among the fallbacks */
    uint64_t retries;              /**< times that a device which had failed was tried again */
    double busy;                   /**< seconds in which at least one product was under way */
    struct so_times time;          /**< of each product, from submission until its result was there */
};

#endif
