#include "server/rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void so_rollout_init(struct so_rollout *r, const char *device, int percent, unsigned most_errors) {
    const char *enabled = getenv("NPU_MATMUL_ENABLED");
    bool wanted = enabled && strcmp(enabled, "1") == 0, forbidden = enabled && strcmp(enabled, "0") == 0;
    *r = (struct so_rollout){.device = SOTTO_DEVICE_XDNA, .most_errors = most_errors};
    pthread_mutex_init(&r->lock, NULL);
    bool named = device && strcmp(device, "auto") != 0;
    if (named && strcmp(device, "emulator") == 0) r->device = SOTTO_DEVICE_EMULATOR;
    if (named ? strcmp(device, "cpu") == 0 : forbidden) r->device = SOTTO_DEVICE_CPU;
    r->percent = percent >= 0 ? (unsigned)percent : named || wanted ? 100 : 0;
    if (r->device == SOTTO_DEVICE_CPU) r->percent = 0;
}

void so_rollout_set(struct so_rollout *r, unsigned percent) {
    pthread_mutex_lock(&r->lock);
    r->percent = percent;
    r->returned = false;
    r->why[0] = '\0';
    r->n = 0;
    memset(r->failed, 0, sizeof r->failed);
    pthread_mutex_unlock(&r->lock);
}

/** FNV-1a, and its bits mixed once more, for the last ones of a short text are not. */
static uint64_t hash(const char *text) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

sotto_device so_rollout_choose(struct so_rollout *r, const char *id) {
    pthread_mutex_lock(&r->lock);
    bool there = !r->returned && hash(id) % 100 < r->percent;
    sotto_device device = there ? r->device : SOTTO_DEVICE_CPU;
    pthread_mutex_unlock(&r->lock);
    return device;
}

/** With the lock. */
static unsigned count_failed(const struct so_rollout *r) {
    unsigned n = 0;
    for (int i = 0; i < SO_ROLLOUT_WINDOW; i++) n += r->failed[i];
    return n;
}

bool so_rollout_learn(struct so_rollout *r, const struct so_rollout_outcome *outcome) {
    pthread_mutex_lock(&r->lock);
    r->failed[r->n++ % SO_ROLLOUT_WINDOW] = outcome->failed;
    unsigned seen = r->n < SO_ROLLOUT_WINDOW ? (unsigned)r->n : SO_ROLLOUT_WINDOW, failed = count_failed(r);
    bool wrong = outcome->mismatches > 0, often = failed >= SO_ROLLOUT_LEAST && failed * 100 > r->most_errors * seen;
    bool now = !r->returned && (wrong || often);
    if (now && wrong) snprintf(r->why, sizeof r->why, "the device computed something wrong; the CPU did it again");
    if (now && !wrong) snprintf(r->why, sizeof r->why, "%u of the last %u requests failed on the device", failed, seen);
    r->returned = r->returned || now;
    pthread_mutex_unlock(&r->lock);
    return now;
}

struct so_rollout so_rollout_look(struct so_rollout *r) {
    pthread_mutex_lock(&r->lock);
    struct so_rollout copy = *r;
    pthread_mutex_unlock(&r->lock);
    return copy;
}
