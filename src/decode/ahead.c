#include "decode/ahead.h"

#include <pthread.h>

#include "util/clock.h"
#include "util/memory.h"

struct so_ahead {
    struct so_source source;
    double max_duration;
    struct so_vad *vad;
    uint64_t total; /* samples read */
    bool threaded, started;
    pthread_t thread;

    /* Under the mutex; blocks between `taken` and `made` belong to the one who asks for them, the others to
     * the maker. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t made, taken; /* blocks so far; block i lies at i modulo SO_AHEAD_BLOCKS */
    bool held;            /* block `taken` is in use */
    bool ended, stop;
    sotto_status status; /* how making them ended */
    sotto_error error;

    struct so_ahead_block *blocks; /* [SO_AHEAD_BLOCKS], or one */
};

/* Read a block and look for speech in it; *last: the source has no more. */
static sotto_status make(struct so_ahead *a, struct so_ahead_block *block, bool *last, sotto_error *err) {
    double from = so_now();
    sotto_status status = SOTTO_OK;
    size_t got = 1;
    block->n = block->n_frames = 0;
    while (!status && got > 0 && block->n < SO_AHEAD_SAMPLES) {
        status = a->source.read(a->source.context, block->samples + block->n, SO_AHEAD_SAMPLES - block->n,
                                &got, err);
        if (!status) block->n += got;
    }
    if (status) return status;
    so_samples_tame(block->samples, block->n);
    a->total += block->n;
    *last = block->n < SO_AHEAD_SAMPLES;
    double read = so_now();
    block->n_frames = so_vad_push(a->vad, block->samples, block->n, block->frames);
    if (*last) block->n_frames += so_vad_finish(a->vad, &block->frames[block->n_frames]);
    block->audio_time = read - from;
    block->vad_time = so_now() - read;
    return so_samples_check(a->total, a->max_duration, err);
}

static void *make_all(void *argument) {
    struct so_ahead *a = argument;
    bool last = false;
    pthread_mutex_lock(&a->mutex);
    while (!a->ended) {
        while (!a->stop && a->made - a->taken == SO_AHEAD_BLOCKS) pthread_cond_wait(&a->changed, &a->mutex);
        if (a->stop) break;
        struct so_ahead_block *block = &a->blocks[a->made % SO_AHEAD_BLOCKS];
        pthread_mutex_unlock(&a->mutex);
        sotto_status status = make(a, block, &last, &a->error);
        pthread_mutex_lock(&a->mutex);
        a->status = status;
        a->made += status == SOTTO_OK;
        a->ended = last || status;
        pthread_cond_signal(&a->changed);
    }
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

void so_ahead_free(struct so_ahead *a) {
    if (!a) return;
    if (a->started) {
        pthread_mutex_lock(&a->mutex);
        a->stop = true;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->mutex);
        pthread_join(a->thread, NULL);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    so_vad_free(a->vad);
    so_free(a->blocks);
    so_free(a);
}

sotto_status so_ahead_create(const struct so_source *source, const struct so_vad_weights *weights,
                             double max_duration, bool threaded, struct so_ahead **out, sotto_error *err) {
    *out = NULL;
    size_t n_blocks = threaded ? SO_AHEAD_BLOCKS : 1;
    struct so_ahead *a = so_calloc(1, sizeof *a);
    if (!a) return so_fail_memory(err, sizeof *a, "speech detection");
    a->source = *source;
    a->max_duration = max_duration;
    a->threaded = threaded;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->blocks = so_alloc(n_blocks, sizeof *a->blocks);
    sotto_status status =
        a->blocks ? SOTTO_OK : so_fail_memory(err, n_blocks * sizeof *a->blocks, "speech detection");
    if (!status) status = so_vad_create(weights, &a->vad, err);
    if (!status && threaded) {
        a->started = pthread_create(&a->thread, NULL, make_all, a) == 0;
        if (!a->started) status = so_fail(err, SOTTO_ERR_MEMORY, "a thread cannot be started");
    }
    if (status) {
        so_ahead_free(a);
        return status;
    }
    *out = a;
    return SOTTO_OK;
}

static sotto_status make_now(struct so_ahead *a, const struct so_ahead_block **block, sotto_error *err) {
    if (a->ended) return SOTTO_OK;
    sotto_status status = make(a, a->blocks, &a->ended, err);
    if (!status) *block = a->blocks;
    return status;
}

sotto_status so_ahead_next(struct so_ahead *a, const struct so_ahead_block **block, sotto_error *err) {
    *block = NULL;
    if (!a->threaded) return make_now(a, block, err);
    pthread_mutex_lock(&a->mutex);
    a->taken += a->held;
    a->held = false;
    pthread_cond_signal(&a->changed);
    while (a->made == a->taken && !a->ended) pthread_cond_wait(&a->changed, &a->mutex);
    sotto_status status = SOTTO_OK;
    if (a->made != a->taken) {
        *block = &a->blocks[a->taken % SO_AHEAD_BLOCKS];
        a->held = true;
    } else {
        status = a->status;
        if (status && err) *err = a->error;
    }
    pthread_mutex_unlock(&a->mutex);
    return status;
}
