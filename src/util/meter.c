#include "util/meter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool read_number(const char *folder, size_t package, const char *name, uint64_t *out) {
    char path[512];
    snprintf(path, sizeof path, "%s/intel-rapl:%zu/%s", folder, package, name);
    FILE *file = fopen(path, "r");
    bool good = file && fscanf(file, "%" SCNu64, out) == 1;
    if (file) fclose(file);
    return good;
}

void so_energy_read(const char *folder, struct so_energy *out) {
    *out = (struct so_energy){0};
    while (out->n < SO_METER_PACKAGES && read_number(folder, out->n, "energy_uj", &out->microjoules[out->n])) {
        if (!read_number(folder, out->n, "max_energy_range_uj", &out->range[out->n])) out->range[out->n] = 0;
        out->n++;
    }
}

double so_energy_between(const struct so_energy *from, const struct so_energy *to) {
    double joules = 0;
    if (!from->n || from->n != to->n) return NAN;
    for (size_t i = 0; i < to->n; i++) {
        uint64_t a = from->microjoules[i], b = to->microjoules[i];
        if (b < a && to->range[i] < a) return NAN;
        joules += (double)(b >= a ? b - a : to->range[i] - a + b) * 1e-6;
    }
    return joules;
}

uint64_t so_memory_peak(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %" SCNu64, &kilobytes) == 1) break;
    if (file) fclose(file);
    return kilobytes * 1024;
}

bool so_memory_peak_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    bool good = file && fputs("5", file) >= 0;
    if (file) good = fclose(file) == 0 && good;
    return good;
}
