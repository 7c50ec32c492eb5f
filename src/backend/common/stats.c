#include "backend/stats.h"

#define SHORTEST 1e-7
#define STEP 1.0905077326652577 /* 2^(1/8) */

void so_times_add(struct so_times *t, double seconds) {
    if (!(seconds > 0)) seconds = 0;
    if (t->count == 0 || seconds < t->minimum) t->minimum = seconds;
    if (seconds > t->maximum) t->maximum = seconds;
    t->total += seconds;
    t->count++;
    unsigned bucket = 0;
    for (double end = SHORTEST * STEP; bucket + 1 < SO_TIMES_BUCKETS && seconds >= end; end *= STEP) bucket++;
    t->bucket[bucket]++;
}

double so_times_mean(const struct so_times *t) { return t->count ? t->total / (double)t->count : 0; }

double so_times_percentile(const struct so_times *t, double share) {
    double end = SHORTEST;
    uint64_t seen = 0;
    if (!t->count) return 0;
    for (unsigned i = 0; i + 1 < SO_TIMES_BUCKETS; i++) { /* the last bucket has no end but the maximum */
        end *= STEP;
        seen += t->bucket[i];
        if (seen && (double)seen >= share * (double)t->count) return end < t->minimum ? t->minimum : end < t->maximum ? end : t->maximum;
    }
    return t->maximum;
}
