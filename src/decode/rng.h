/**
 * A counter-based random generator, Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011): the number drawn depends on its coordinates alone, not on what was drawn before or beside it.
 */
#ifndef SO_DECODE_RNG_H
#define SO_DECODE_RNG_H

#include <stdint.h>

/** Where in the work a number is drawn. */
struct so_draw {
    uint64_t seed;
    uint32_t window;   /**< first frame of the window in the recording */
    uint32_t attempt;  /**< index of the temperature */
    uint32_t sequence; /**< index within the group that is sampled side by side */
    uint32_t step;     /**< tokens sampled so far */
};

/** The generator itself: counter [4] and key [2] to four words. */
void so_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/** Uniform in [0, 1), a multiple of 2^-53. */
double so_uniform(const struct so_draw *draw);

#endif
