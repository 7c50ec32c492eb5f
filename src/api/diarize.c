#include "api/diarize.h"

#include <math.h>

#include "api/options.h"
#include "api/source.h"
#include "decode/speakers.h"
#include "util/clock.h"

/** Samples asked for at a time: a second. */
#define BLOCK SOTTO_SAMPLE_RATE

sotto_status so_diarize_settle(const sotto_options *given, sotto_options *options, sotto_error *err) {
    so_error_clear(err);
    if (given)
        *options = *given;
    else
        sotto_options_init(options);
    return so_options_check_diarize(options, err);
}

static sotto_status read_all(struct so_hearing *hearing, const sotto_options *o, sotto_error *err) {
    float samples[BLOCK];
    uint64_t total = 0;
    size_t n = 1;
    while (n > 0) {
        if (o->cancel && o->cancel(o->user)) return so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
        sotto_status status = hearing->source.read(hearing->source.context, samples, BLOCK, &n, err);
        total += n;
        if (!status && (n == 0 || o->max_duration > 0))
            status = so_samples_check(total, o->max_duration, err);
        if (status) return status;
        if (o->on_progress)
            o->on_progress(o->user, (double)total / SOTTO_SAMPLE_RATE, hearing->source.duration_hint);
    }
    return SOTTO_OK;
}

sotto_status so_diarize_source(const struct so_source *source, const sotto_options *options,
                               struct so_diarization *out, sotto_timing *timing, sotto_error *err) {
    double from = so_now();
    struct so_pool *pool = NULL;
    struct so_hearing hearing = {0};
    *out = (struct so_diarization){0};
    *timing = (sotto_timing){0};
    sotto_status status = so_pool_create(options->threads, &pool, err);
    if (!status) status = so_hearing_start(source, pool, false, options, &hearing, err);
    double ready = so_now();
    if (!status) status = read_all(&hearing, options, err);
    timing->load = ready - from;
    timing->audio = so_now() - ready - hearing.seconds;
    if (!status) status = so_diarizer_finish(hearing.diarizer, out, err);
    if (hearing.diarizer) timing->diarize = so_diarizer_seconds(hearing.diarizer);
    timing->total = so_now() - from;
    timing->realtime_factor = out->duration / fmax(timing->total, 1e-9);
    so_hearing_free(&hearing);
    so_pool_free(pool);
    return status;
}

static sotto_status diarize(const struct so_source *source, const sotto_options *options, sotto_result **out,
                            sotto_error *err) {
    struct so_diarization found;
    struct so_transcript *transcript = NULL;
    sotto_timing timing;
    sotto_status status = so_diarize_source(source, options, &found, &timing, err);
    if (!status)
        status = so_transcript_create(options->speaker_model ? options->speaker_model : SO_SPEAKERS_NAME,
                                      &transcript, err);
    if (!status) status = so_speakers_enter(&found, options, transcript, err);
    if (!status) {
        transcript->result.text = NULL;
        transcript->result.duration = found.duration;
        transcript->result.timing = timing;
        *out = &transcript->result;
    } else {
        so_transcript_free(transcript);
    }
    so_diarization_free(&found);
    return status;
}

sotto_status sotto_diarize_file(const char *path, const sotto_options *options, sotto_result **out,
                                sotto_error *err) {
    *out = NULL;
    sotto_options settled;
    struct so_audio *audio = NULL;
    struct so_source source;
    sotto_status status = so_diarize_settle(options, &settled, err);
    if (!status) status = so_source_of_path(path, &settled, &audio, &source, err);
    if (!status) status = diarize(&source, &settled, out, err);
    so_audio_close(audio);
    return status;
}

sotto_status sotto_diarize_pcm(const float *samples, size_t n_samples, const sotto_options *options,
                               sotto_result **out, sotto_error *err) {
    *out = NULL;
    sotto_options settled;
    sotto_status status = so_diarize_settle(options, &settled, err);
    if (status) return status;
    struct so_memory_source memory = {samples, n_samples, 0};
    struct so_source source = so_source_of_memory(&memory);
    return diarize(&source, &settled, out, err);
}
