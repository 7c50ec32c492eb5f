#include "decode/transcribe.h"

#include "api/again.h"
#include "api/fingerprint.h"
#include "api/handle.h"
#include "api/options.h"
#include "api/source.h"
#include "util/error.h"

/** Options to work with: the caller's, checked, or the defaults. */
static sotto_status settle_options(const sotto_model *model, const sotto_options *given, sotto_options *options, sotto_error *err) {
    so_error_clear(err);
    if (!model) return so_fail(err, SOTTO_ERR_ARGUMENT, "no model was given");
    if (given)
        *options = *given;
    else
        sotto_options_init(options);
    options->word_timestamps = options->word_timestamps || options->diarize;
    return so_options_check(so_model_of(model), options, err);
}

/** The detector's weights, where options ask for them; none, and a word about it, where the model folder has none. */
static sotto_status find_vad(const sotto_model *model, const sotto_options *options, const struct so_vad_weights **vad, sotto_error *err) {
    *vad = NULL;
    if (!options->vad || options->sequential || options->condition_on_previous) return SOTTO_OK;
    sotto_status status = so_detector_weights(model->detector, vad, err);
    if (!status && !*vad && options->on_log)
        options->on_log(options->user, SOTTO_LOG_WARNING,
                        "no " SO_VAD_FILE " in the model folder: silence is transcribed too (sotto model fetch vad)");
    return status;
}

static sotto_status transcribe(const sotto_model *model, const struct so_source *source, const sotto_options *options,
                               sotto_result **out, sotto_error *err) {
    struct so_transcript *transcript = NULL;
    const struct so_vad_weights *vad;
    sotto_status status = find_vad(model, options, &vad, err);
    if (status) return status;
    status = so_transcribe(so_model_of(model), vad, model->machines, model->devices, source, options, &transcript, err);
    if (transcript) *out = &transcript->result;
    return status;
}

sotto_status sotto_options_check(const sotto_model *model, const sotto_options *options, sotto_error *err) {
    so_error_clear(err);
    return so_options_check(model ? so_model_of(model) : NULL, options, err);
}

sotto_status sotto_transcribe_file(const sotto_model *model, const char *path, const sotto_options *options,
                                   sotto_result **out, sotto_error *err) {
    *out = NULL;
    sotto_options settled;
    sotto_status status = settle_options(model, options, &settled, err);
    if (status) return status;
    struct so_audio *audio;
    struct so_source source;
    status = so_source_of_path(path, &settled, &audio, &source, err);
    if (status) return status;
    char fingerprint[33] = "";
    source.fingerprint = fingerprint;
    if (settled.journal) status = so_fingerprint(model, path, &settled, fingerprint, err);
    if (!status) status = transcribe(model, &source, &settled, out, err);
    so_audio_close(audio);
    return status;
}

sotto_status so_transcribe_again(const sotto_model *model, const float *samples, size_t n_samples, const sotto_options *options,
                                 struct so_machine_hold *kept, sotto_result **out, sotto_error *err) {
    *out = NULL;
    sotto_options settled;
    sotto_status status = settle_options(model, options, &settled, err);
    if (status) return status;
    struct so_memory_source memory = {samples, n_samples, 0};
    struct so_source source = so_source_of_memory(&memory);
    if (kept && !kept->machine) status = so_machine_keep(model->machines, settled.threads, kept, err);
    return status ? status : transcribe(model, &source, &settled, out, err);
}

sotto_status sotto_transcribe_pcm(const sotto_model *model, const float *samples, size_t n_samples,
                                  const sotto_options *options, sotto_result **out, sotto_error *err) {
    return so_transcribe_again(model, samples, n_samples, options, NULL, out, err);
}

sotto_status sotto_transcribe_stream(const sotto_model *model, sotto_read read, void *user, double duration,
                                     const sotto_options *options, sotto_result **out, sotto_error *err) {
    *out = NULL;
    sotto_options settled;
    sotto_status status = settle_options(model, options, &settled, err);
    if (status) return status;
    if (!read) return so_fail(err, SOTTO_ERR_ARGUMENT, "no function that reads samples was given");
    struct so_source source = {user, read, duration > 0 ? duration : 0};
    return transcribe(model, &source, &settled, out, err);
}
