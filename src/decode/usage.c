#include "decode/usage.h"

#include "util/memory.h"

static double busy(const struct so_usage_meter *meter) {
    struct so_backend_stats stats;
    if (!meter->backend) return 0;
    so_backend_statistics(meter->backend, &stats);
    return stats.busy;
}

void so_usage_start(struct so_usage_meter *meter, bool on) { *meter = (struct so_usage_meter){.on = on}; }

void so_usage_begin(struct so_usage_meter *meter) {
    if (!meter->on) return;
    meter->peak = so_max(meter->peak, so_memory_peak());
    so_memory_peak_reset(); /* where that is forbidden, a stage's peak is the process's */
    meter->busy_from = busy(meter);
    so_energy_read(SO_METER_RAPL, &meter->from);
}

void so_usage_end(struct so_usage_meter *meter, sotto_usage *stage) {
    if (!meter->on) return;
    struct so_energy now;
    so_energy_read(SO_METER_RAPL, &now);
    uint64_t peak = so_memory_peak();
    stage->measured = true;
    stage->energy += so_energy_between(&meter->from, &now);
    stage->npu_busy += busy(meter) - meter->busy_from;
    stage->peak_memory = so_max(stage->peak_memory, peak);
    meter->peak = so_max(meter->peak, peak);
}
