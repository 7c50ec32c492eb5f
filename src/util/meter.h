/** What work costs beside time: energy of the CPU packages (RAPL) and memory of the process, as Linux tells them. */
#ifndef SO_UTIL_METER_H
#define SO_UTIL_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SO_METER_PACKAGES 8

/** Energy counters, which run around; `folder` is where the kernel shows them. */
struct so_energy {
    size_t n; /**< packages; 0: not readable */
    uint64_t microjoules[SO_METER_PACKAGES], range[SO_METER_PACKAGES];
};

#define SO_METER_RAPL "/sys/class/powercap"

void so_energy_read(const char *folder, struct so_energy *out);
/** Joules between two readings; NaN if either could not be made. A counter that ran around once is understood. */
double so_energy_between(const struct so_energy *from, const struct so_energy *to);

/** Bytes that the process held at most since it started or since so_memory_peak_reset; 0: not known. */
uint64_t so_memory_peak(void);
/** False where the kernel does not allow it. */
bool so_memory_peak_reset(void);

#endif
