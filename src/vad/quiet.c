#include "vad/quiet.h"

#include "util/dmath.h"

#define PER_BEL 0.1
#define POWER_FLOOR 1e-10 /* -100 dB: below the noise of 16-bit samples */
#define REACH 2           /* frames on each side that enter the smoothed score, by weights 1 2 3 2 1 */

void so_quiet_push(struct so_quiet *quiet, struct so_vad_frame frame) {
    const double log10_e = 0.43429448190325182765;
    const double bels = so_log((double)frame.power + POWER_FLOOR) * log10_e;
    quiet->score[quiet->n % SO_QUIET_FRAMES] = (double)frame.probability + PER_BEL * bels;
    quiet->probability[quiet->n % SO_QUIET_FRAMES] = frame.probability;
    quiet->n++;
}

static double smoothed(const struct so_quiet *quiet, uint64_t frame) {
    const uint64_t oldest = quiet->n > SO_QUIET_FRAMES ? quiet->n - SO_QUIET_FRAMES : 0;
    const uint64_t first = frame >= oldest + REACH ? frame - REACH : oldest;
    double sum = 0, weights = 0;
    for (uint64_t i = first; i <= frame + REACH && i < quiet->n; i++) {
        const double weight = REACH + 1 - (double)(i > frame ? i - frame : frame - i);
        sum += weight * quiet->score[i % SO_QUIET_FRAMES];
        weights += weight;
    }
    return sum / weights;
}

uint64_t so_quiet_find(const struct so_quiet *quiet, uint64_t first, uint64_t last) {
    uint64_t best = first;
    double lowest = smoothed(quiet, first);
    for (uint64_t i = first + 1; i <= last; i++) {
        const double score = smoothed(quiet, i);
        if (score > lowest) continue;
        lowest = score;
        best = i;
    }
    return best;
}

float so_quiet_mean(const struct so_quiet *quiet, uint64_t first, uint64_t end) {
    double sum = 0;
    for (uint64_t i = first; i < end; i++) sum += (double)quiet->probability[i % SO_QUIET_FRAMES];
    return end > first ? (float)(sum / (double)(end - first)) : 0.0f;
}
