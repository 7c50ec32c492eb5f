/** What the filter bank kernel reads besides samples; so_fbank_create fills it. */
#ifndef SO_BACKEND_CPU_FBANK_TABLES_H
#define SO_BACKEND_CPU_FBANK_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "backend/cpu/mel_tables.h"

struct so_fbank_tables {
    float window[400];             /**< the window times 1/2 */
    float twiddle[256][2];         /**< cos and -sin of 2 pi k / 512 */
    uint8_t slot[256];             /**< the eight bits of k reversed */
    const uint16_t *tap_count;     /**< [80] */
    const struct so_mel_tap *taps; /**< [sum of tap_count], filter by filter, in order of rising frequency */
};

#endif
