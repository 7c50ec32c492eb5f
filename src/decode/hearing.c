#include <pthread.h>
#include <string.h>

#include "decode/speakers.h"
#include "util/clock.h"
#include "util/memory.h"

#define QUEUE (128 * SOTTO_SAMPLE_RATE) /* samples: 8 MB */

/*
 * Read, and not yet listened to. Samples between `taken` and `given` belong to the listening thread, the
 * others to the reading one; sample i lies at i modulo QUEUE.
 */
struct so_hearing_queue {
    struct so_pool *pool, *beside;
    struct so_diarizer *diarizer;
    float *samples; /* [QUEUE] */
    uint64_t given, taken;
    bool ended, stop, started;
    sotto_status status; /* of listening */
    sotto_error error;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
};

static void *listen(void *argument) {
    struct so_hearing_queue *q = argument;
    pthread_mutex_lock(&q->mutex);
    while (!q->status) {
        while (q->given == q->taken && !q->ended && !q->stop) pthread_cond_wait(&q->changed, &q->mutex);
        if (q->stop || q->given == q->taken) break;
        size_t at = (size_t)(q->taken % QUEUE), n = (size_t)(q->given - q->taken);
        n = so_min(so_min(n, QUEUE - at), SOTTO_SAMPLE_RATE);
        pthread_mutex_unlock(&q->mutex);
        sotto_status status = so_diarizer_push(q->diarizer, q->samples + at, n, &q->error);
        pthread_mutex_lock(&q->mutex);
        q->taken += n;
        q->status = status;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

/** Wait until samples have room. Nobody reads meanwhile, so the recogniser will soon have nothing to do. */
static sotto_status wait_for_room(struct so_hearing_queue *q, sotto_error *err) {
    bool full = q->given - q->taken == QUEUE;
    if (full && !q->status) so_pool_set_away(q->pool, true);
    while (q->given - q->taken == QUEUE && !q->status) pthread_cond_wait(&q->changed, &q->mutex);
    if (full) so_pool_set_away(q->pool, false);
    if (q->status && err) *err = q->error;
    return q->status;
}

static sotto_status enqueue(struct so_hearing_queue *q, const float *samples, size_t n, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    pthread_mutex_lock(&q->mutex);
    while (n > 0 && !(status = wait_for_room(q, err))) {
        size_t at = (size_t)(q->given % QUEUE), room = QUEUE - (size_t)(q->given - q->taken);
        size_t some = so_min(so_min(n, room), QUEUE - at);
        memcpy(q->samples + at, samples, some * sizeof *samples);
        q->given += some;
        samples += some;
        n -= some;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->mutex);
    return status;
}

/** Let the thread come to its end: that of the samples, or at once. */
static void end_queue(struct so_hearing_queue *q, bool at_once) {
    if (!q->started) return;
    pthread_mutex_lock(&q->mutex);
    q->ended = true;
    q->stop = at_once;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->mutex);
    pthread_join(q->thread, NULL);
    q->started = false;
}

static void free_queue(struct so_hearing_queue *q) {
    if (!q) return;
    end_queue(q, true);
    so_diarizer_free(q->diarizer);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
    so_pool_free(q->beside);
    so_free(q->samples);
    so_free(q);
}

static sotto_status create_queue(const struct so_speakers *models, struct so_pool *pool,
                                 const struct so_diarizer_options *how, struct so_hearing_queue **out,
                                 sotto_error *err) {
    struct so_hearing_queue *q = *out = so_calloc(1, sizeof *q);
    if (!q) return so_fail_memory(err, sizeof *q, "diarization");
    q->pool = pool;
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->samples = so_alloc(QUEUE, sizeof *q->samples);
    sotto_status status = q->samples ? SOTTO_OK : so_fail_memory(err, QUEUE * sizeof *q->samples, "samples");
    if (!status) status = so_pool_create_beside(pool, &q->beside, err);
    if (!status) status = so_diarizer_create(models, q->beside, NULL, how, &q->diarizer, err);
    if (status) return status;
    q->started = pthread_create(&q->thread, NULL, listen, q) == 0;
    return q->started ? SOTTO_OK : so_fail(err, SOTTO_ERR_MEMORY, "a thread cannot be started");
}

static sotto_status read_and_hear(void *context, float *samples, size_t capacity, size_t *n,
                                  sotto_error *err) {
    struct so_hearing *hearing = context;
    sotto_status status = hearing->behind.read(hearing->behind.context, samples, capacity, n, err);
    if (status) return status;
    so_samples_tame(samples, *n);
    double from = so_now();
    if (hearing->queue)
        status = enqueue(hearing->queue, samples, *n, err);
    else
        status = so_diarizer_push(hearing->diarizer, samples, *n, err);
    hearing->seconds += so_now() - from;
    return status;
}

static sotto_status open_models(const sotto_options *options, struct so_speakers **out, sotto_error *err) {
    char path[4096];
    sotto_status status = so_model_path(options->speaker_model ? options->speaker_model : SO_SPEAKERS_NAME,
                                        SO_INT8, path, sizeof path, err);
    if (!status) status = so_speakers_open(path, SO_INT8, out, err);
    if (status == SOTTO_ERR_IO && !options->speaker_model)
        return so_fail(err, SOTTO_ERR_MODEL,
                       "the speaker models are not here (%s is missing); get them with: sotto model fetch %s",
                       path, SO_SPEAKERS_NAME);
    return status;
}

sotto_status so_hearing_start(const struct so_source *behind, struct so_pool *pool, bool beside,
                              const sotto_options *options, struct so_hearing *hearing, sotto_error *err) {
    *hearing =
        (struct so_hearing){.behind = *behind, .source = {hearing, read_and_hear, behind->duration_hint}};
    struct so_diarizer_options how = {options->diarize_fast, options->min_speakers, options->max_speakers};
    sotto_status status = open_models(options, &hearing->models, err);
    if (!status && beside && so_pool_threads(pool) > 1)
        status = create_queue(hearing->models, pool, &how, &hearing->queue, err);
    else if (!status)
        status = so_diarizer_create(hearing->models, pool, NULL, &how, &hearing->diarizer, err);
    return status;
}

void so_hearing_free(struct so_hearing *hearing) {
    free_queue(hearing->queue);
    so_diarizer_free(hearing->diarizer);
    so_speakers_close(hearing->models);
    hearing->queue = NULL;
    hearing->diarizer = NULL;
    hearing->models = NULL;
}

/** The rest of the queue and the end of the diarization, by all threads of the pool. */
static sotto_status finish_queue(struct so_hearing_queue *q, struct so_diarization *found, sotto_error *err) {
    *found = (struct so_diarization){0};
    so_pool_set_away(q->pool, true);
    end_queue(q, false);
    if (q->status && err) *err = q->error;
    sotto_status status = q->status ? q->status : so_diarizer_finish(q->diarizer, found, err);
    so_pool_set_away(q->pool, false);
    return status;
}

sotto_status so_hearing_finish(struct so_hearing *hearing, const struct so_vocab *vocab,
                               const sotto_options *options, struct so_transcript *transcript,
                               sotto_error *err) {
    struct so_diarization found;
    sotto_status status = hearing->queue ? finish_queue(hearing->queue, &found, err)
                                         : so_diarizer_finish(hearing->diarizer, &found, err);
    if (!status) status = so_speakers_enter(&found, options, transcript, err);
    if (!status && vocab) status = so_speakers_attribute(vocab, transcript, err);
    so_diarization_free(&found);
    return status;
}

double so_hearing_seconds(const struct so_hearing *hearing) {
    return so_diarizer_seconds(hearing->queue ? hearing->queue->diarizer : hearing->diarizer);
}
