#include "decode/speakers.h"

#include "util/memory.h"

static sotto_status read_and_hear(void *context, float *samples, size_t capacity, size_t *n,
                                  sotto_error *err) {
    struct so_hearing *hearing = context;
    sotto_status status = hearing->behind.read(hearing->behind.context, samples, capacity, n, err);
    if (status) return status;
    so_samples_tame(samples, *n);
    double before = so_diarizer_seconds(hearing->diarizer);
    status = so_diarizer_push(hearing->diarizer, samples, *n, err);
    hearing->seconds += so_diarizer_seconds(hearing->diarizer) - before;
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

sotto_status so_hearing_start(const struct so_source *behind, struct so_pool *pool,
                              const sotto_options *options, struct so_hearing *hearing, sotto_error *err) {
    *hearing =
        (struct so_hearing){.behind = *behind, .source = {hearing, read_and_hear, behind->duration_hint}};
    struct so_diarizer_options how = {options->diarize_fast, options->min_speakers, options->max_speakers};
    sotto_status status = open_models(options, &hearing->models, err);
    if (!status) status = so_diarizer_create(hearing->models, pool, NULL, &how, &hearing->diarizer, err);
    return status;
}

void so_hearing_free(struct so_hearing *hearing) {
    so_diarizer_free(hearing->diarizer);
    so_speakers_close(hearing->models);
    hearing->diarizer = NULL;
    hearing->models = NULL;
}

sotto_status so_hearing_finish(struct so_hearing *hearing, const struct so_vocab *vocab,
                               const sotto_options *options, struct so_transcript *transcript,
                               sotto_error *err) {
    struct so_diarization found;
    sotto_status status = so_diarizer_finish(hearing->diarizer, &found, err);
    if (!status) status = so_speakers_enter(&found, options, transcript, err);
    if (!status && vocab) status = so_speakers_attribute(vocab, transcript, err);
    so_diarization_free(&found);
    return status;
}
