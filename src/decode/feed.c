#include "decode/feed.h"

#include <math.h>
#include <string.h>

#include "sotto.h"
#include "util/memory.h"

#define MAX_AMPLITUDE 1e6f // its power spectrum still fits a float

sotto_status so_feed_create(const struct so_source *source, double max_duration, struct so_feed *feed, sotto_error *err) {
    *feed = (struct so_feed){.source = *source, .max_duration = max_duration};
    feed->samples = so_alloc(SO_FEED_SAMPLES, sizeof *feed->samples);
    if (!feed->samples) return so_fail_memory(err, SO_FEED_SAMPLES * sizeof *feed->samples, "samples");
    return SOTTO_OK;
}

void so_feed_free(struct so_feed *feed) {
    so_free(feed->samples);
    feed->samples = NULL;
}

void so_samples_tame(float *samples, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(samples[i])) samples[i] = 0;
        if (samples[i] > MAX_AMPLITUDE) samples[i] = MAX_AMPLITUDE;
        if (samples[i] < -MAX_AMPLITUDE) samples[i] = -MAX_AMPLITUDE;
    }
}

sotto_status so_samples_check(uint64_t total, double max_duration, sotto_error *err) {
    if (total == 0) return so_fail(err, SOTTO_ERR_MEDIA, "the recording holds no audio samples");
    if (max_duration > 0 && (double)total > max_duration * SOTTO_SAMPLE_RATE)
        return so_fail(err, SOTTO_ERR_MEDIA, "the recording is longer than the limit of %g seconds", max_duration);
    return SOTTO_OK;
}

sotto_status so_feed_fill(struct so_feed *feed, sotto_error *err) {
    while (!feed->ended && feed->n < SO_FEED_SAMPLES) {
        size_t n = 0;
        sotto_status status =
            feed->source.read(feed->source.context, feed->samples + feed->n, SO_FEED_SAMPLES - feed->n, &n, err);
        if (status) return status;
        if (n == 0) feed->ended = true;
        so_samples_tame(feed->samples + feed->n, n);
        feed->n += n;
        feed->total += n;
    }
    return so_samples_check(feed->total, feed->max_duration, err);
}

uint32_t so_feed_frames(const struct so_feed *feed) { return (uint32_t)(feed->n / SO_MEL_HOP); }

void so_feed_advance(struct so_feed *feed, uint32_t frames) {
    size_t gone = so_min((size_t)frames * SO_MEL_HOP, feed->n);
    memmove(feed->samples, feed->samples + gone, (feed->n - gone) * sizeof *feed->samples);
    feed->n -= gone;
    feed->start_frame += frames;
}
