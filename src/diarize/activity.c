#include "diarize/activity.h"

#include <string.h>

#include "util/memory.h"

/** One in so many windows that see a change is enough: a piece with two voices in it has no voice. */
#define CHANGE_VOTES 5

void so_activity_init(struct so_activity *activity, size_t step) {
    *activity = (struct so_activity){.step = step};
}

void so_activity_free(struct so_activity *activity) {
    so_free(activity->codes);
    *activity = (struct so_activity){0};
}

sotto_status so_activity_add(struct so_activity *activity, const uint8_t *codes, size_t n, sotto_error *err) {
    if (n > activity->capacity - activity->n_windows) {
        size_t capacity = so_max(activity->n_windows + n, 2 * activity->capacity);
        uint8_t *grown = so_alloc(capacity, SO_SEGMENT_FRAMES);
        if (!grown) return so_fail_memory(err, capacity * SO_SEGMENT_FRAMES, "speaker activity");
        if (activity->n_windows) memcpy(grown, activity->codes, activity->n_windows * SO_SEGMENT_FRAMES);
        so_free(activity->codes);
        activity->codes = grown;
        activity->capacity = capacity;
    }
    memcpy(activity->codes + activity->n_windows * SO_SEGMENT_FRAMES, codes, n * SO_SEGMENT_FRAMES);
    activity->n_windows += n;
    return SOTTO_OK;
}

size_t so_activity_frames(const struct so_activity *activity) {
    return activity->n_windows ? so_activity_start(activity, activity->n_windows - 1) + SO_SEGMENT_FRAMES : 0;
}

void so_activity_over(const struct so_activity *activity, size_t t, size_t *first, size_t *last) {
    /* About the window that starts here, then exactly. */
    size_t w = so_min(t * SO_SEGMENT_HOP / activity->step + 1, activity->n_windows);
    while (w < activity->n_windows && so_activity_start(activity, w) <= t) w++;
    while (w > 0 && so_activity_start(activity, w - 1) > t) w--;
    *last = w;
    while (w > 0 && so_activity_start(activity, w - 1) + SO_SEGMENT_FRAMES > t) w--;
    *first = w;
}

struct so_frame so_activity_frame(const struct so_activity *activity, size_t t) {
    size_t first, last;
    so_activity_over(activity, t, &first, &last);
    size_t speakers = 0, voters = 0, changes = 0;
    for (size_t w = first; w < last; w++) {
        size_t at = t - so_activity_start(activity, w);
        const uint8_t *code = activity->codes + w * SO_SEGMENT_FRAMES + at;
        speakers += so_code_count(*code);
        if (at == 0 || so_code_count(code[0]) != 1 || so_code_count(code[-1]) != 1) continue;
        voters++;
        changes += code[0] != code[-1];
    }
    size_t n = last - first;
    return (struct so_frame){.speakers = (uint8_t)(n ? (2 * speakers + n) / (2 * n) : 0),
                             .change = changes > 0 && changes * CHANGE_VOTES >= voters};
}

double so_frame_seconds(size_t t) {
    return ((double)t * SO_SEGMENT_HOP + SO_SEGMENT_FIELD / 2.0) / SOTTO_SAMPLE_RATE;
}
