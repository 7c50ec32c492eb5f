#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audio/audio.h"
#include "diarize/network.h"
#include "model/import.h"
#include "util/memory.h"
#include "util/pool.h"
#include "whisper/calibrate.h"
#include "whisper/fidelity.h"

#define OPTIONS_VERSION 1
#define MAX_PATH 4096
#define WINDOW_SAMPLES 480000
#define MOMENTS_BYTES ((size_t)1 << 30)

void sotto_import_options_init(sotto_import_options *options) {
    memset(options, 0, sizeof *options);
    options->version = OPTIONS_VERSION;
}

/** The quantised file against its own weights in float32. */
static sotto_status check_fidelity(void *context, const char *path, const struct so_weights *weights,
                                   sotto_error *err) {
    const sotto_import_options *options = context;
    const double least = options->int4 ? SOTTO_LEAST_CORRELATION_INT4 : SOTTO_LEAST_CORRELATION;
    struct so_model *model;
    struct so_pool *pool;
    double correlation = 0;
    sotto_status status = so_model_map(path, &model, err);
    if (status) return status;
    status = so_pool_create(0, &pool, err);
    if (!status) status = so_fidelity(model, weights, pool, &correlation, err);
    so_pool_free(pool);
    so_model_unmap(model);
    if (options->correlation) *options->correlation = correlation;
    if (!status && !(correlation >= least))
        status = so_fail(
            err, SOTTO_ERR_MODEL,
            "quantised, its encoder gives other results than in float32 (correlation %.4f, at least %.2f): "
            "import it with --precision %s",
            correlation, least, options->int4 ? "int8" : "f32");
    return status;
}

/** The start of a recording, as much as a calibration hears. */
static sotto_status read_recording(const char *path, float **samples, size_t *n, sotto_error *err) {
    static const struct so_audio_options options = {.channel = -1, .stream = -1};
    const size_t most = (size_t)SO_CALIBRATION_WINDOWS * WINDOW_SAMPLES;
    struct so_audio *audio;
    size_t read = 1;
    *n = 0;
    *samples = so_alloc(most, sizeof **samples);
    if (!*samples) return so_fail_memory(err, most * sizeof **samples, "a recording");
    sotto_status status = so_audio_open(path, &options, &audio, err);
    if (status) return status;
    while (!status && read && *n < most) {
        status = so_audio_read(audio, *samples + *n, most - *n, &read, err);
        *n += status ? 0 : read;
    }
    so_audio_close(audio);
    if (!status && !*n) status = so_fail(err, SOTTO_ERR_MEDIA, "%s: nothing to hear", path);
    return status;
}

/** With the model in INT8, which lies under `path`. */
static sotto_status import_calibrated(const char *path, const char *source, const char *destination,
                                      const sotto_import_options *options, sotto_error *err) {
    struct so_model *model = NULL;
    struct so_pool *pool = NULL;
    struct so_calibration *calibration = NULL;
    float *samples = NULL;
    size_t n = 0;
    sotto_status status = so_model_map(path, &model, err);
    if (!status) status = so_pool_create(0, &pool, err);
    if (!status && options->calibration) status = read_recording(options->calibration, &samples, &n, err);
    if (!status) status = so_calibration_create(model, pool, samples, n, MOMENTS_BYTES, &calibration, err);
    if (!status) {
        const struct so_import_hooks hooks = {(void *)options, check_fidelity, calibration,
                                              so_calibration_quantise};
        status = so_import(source, destination, options, &hooks, err);
    }
    so_calibration_free(calibration);
    so_pool_free(pool);
    so_model_unmap(model);
    so_free(samples);
    return status;
}

/** First in INT8: that model's activations say how to round to INT4. */
static sotto_status import_int4(const char *source, const char *destination,
                                const sotto_import_options *options, sotto_error *err) {
    static const struct so_import_hooks none = {NULL, NULL, NULL, NULL};
    char path[MAX_PATH];
    sotto_import_options plain = *options;
    int n = snprintf(path, sizeof path, "%s.%ld.int8", destination, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof path)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the destination's path is too long");
    plain.int4 = false;
    plain.name = "int8";
    sotto_status status = so_import(source, path, &plain, &none, err);
    if (!status) status = import_calibrated(path, source, destination, options, err);
    unlink(path);
    return status;
}

sotto_status sotto_model_import(const char *source, const char *destination,
                                const sotto_import_options *options, sotto_error *err) {
    sotto_import_options defaults;
    so_error_clear(err);
    sotto_import_options_init(&defaults);
    if (!options) options = &defaults;
    if (!source || !*source || !destination || !*destination)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "nothing to import, or nowhere to put it");
    if (options->version != OPTIONS_VERSION)
        return so_fail(err, SOTTO_ERR_ARGUMENT,
                       "import options of version %u: set them with sotto_import_options_init",
                       options->version);
    if (options->f32 && options->int4) return so_fail(err, SOTTO_ERR_ARGUMENT, "float32 and INT4 at once");
    if (so_speakers_recognise(source)) {
        if (options->int4) return so_fail(err, SOTTO_ERR_UNSUPPORTED, "speaker models have no INT4");
        return so_speakers_import(source, destination, options->f32 ? SO_F32 : SO_INT8, err);
    }
    if (options->int4) return import_int4(source, destination, options, err);
    const struct so_import_hooks hooks = {(void *)options, check_fidelity, NULL, NULL};
    return so_import(source, destination, options, &hooks, err);
}
