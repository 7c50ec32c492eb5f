/** What the log-mel kernel reads besides samples; so_logmel_create fills it. */
#ifndef SO_BACKEND_CPU_MEL_TABLES_H
#define SO_BACKEND_CPU_MEL_TABLES_H

#include <stddef.h>
#include <stdint.h>

#define SO_MEL_POINTS 200 /**< of the complex transform of a frame: half of its 400 samples */

/** One product of a mel filter: `weight` times the power at work[offset .. offset + 16). */
struct so_mel_tap {
    uint32_t offset;
    float weight;
};

struct so_mel_tables {
    float window[400];             /**< Hann window times 1/2 */
    float twiddle25[25][2];        /**< cos and -sin of 2 pi q r / 25 at [q * 5 + r], q and r in 0..4 */
    float twiddle400[101][2];      /**< cos and -sin of 2 pi k / 400 */
    uint8_t slot[SO_MEL_POINTS];   /**< where the kernel leaves frequency k: at work[32 * slot[k]] */
    size_t n_mels;                 /**< a multiple of 16 */
    const uint16_t *tap_count;     /**< [n_mels] */
    const struct so_mel_tap *taps; /**< [sum of tap_count], filter by filter, in order of rising frequency */
};

#endif
