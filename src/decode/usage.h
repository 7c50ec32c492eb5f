/** What a transcription's stages take beside time, where that was asked for. */
#ifndef SO_DECODE_USAGE_H
#define SO_DECODE_USAGE_H

#include "backend/backend.h"
#include "sotto.h"
#include "util/meter.h"

struct so_usage_meter {
    bool on;
    struct so_backend *backend; /**< borrowed; NULL: none */
    struct so_energy from;      /**< of the stage at work */
    double busy_from;
    uint64_t peak; /**< of the process since the start */
};

/** Begin to measure, if that was asked for; the backend may come later. */
void so_usage_start(struct so_usage_meter *meter, bool on);
/** Around a stage; what it took is added to *stage, and its peak of memory is the highest of its times. */
void so_usage_begin(struct so_usage_meter *meter);
void so_usage_end(struct so_usage_meter *meter, sotto_usage *stage);

#endif
