#include "api/handle.h"
#include "audio/resample.h"
#include "util/error.h"
#include "util/memory.h"
#include "vad/vad.h"

/* The public handle of a resampler is the inner one under another name. */

struct sotto_detector {
    struct so_vad *vad;
};

sotto_status sotto_detector_open(const sotto_model *model, sotto_detector **out, sotto_error *err) {
    const struct so_vad_weights *weights;
    so_error_clear(err);
    *out = NULL;
    if (!model) return so_fail(err, SOTTO_ERR_ARGUMENT, "no model was given");
    sotto_status status = so_detector_weights(model->detector, &weights, err);
    if (status) return status;
    struct sotto_detector *detector = so_calloc(1, sizeof *detector);
    if (!detector) return so_fail_memory(err, sizeof *detector, "speech detection");
    status = so_vad_create(weights, &detector->vad, err);
    if (status)
        so_free(detector);
    else
        *out = detector;
    return status;
}

float sotto_detector_frame(sotto_detector *detector, const float *samples) {
    struct so_vad_frame frame = {0};
    so_vad_push(detector->vad, samples, SO_VAD_HOP, &frame);
    return frame.probability;
}

void sotto_detector_close(sotto_detector *detector) {
    if (!detector) return;
    so_vad_free(detector->vad);
    so_free(detector);
}

sotto_status sotto_resampler_open(uint32_t rate, sotto_resampler **out, sotto_error *err) {
    struct so_resampler *resampler = NULL;
    so_error_clear(err);
    sotto_status status = so_resampler_create(rate, SOTTO_SAMPLE_RATE, &resampler, err);
    *out = (sotto_resampler *)resampler;
    return status;
}

sotto_status sotto_resampler_run(sotto_resampler *resampler, const float *in, size_t n_in, float *out,
                                 size_t capacity, size_t *n_out, sotto_error *err) {
    so_error_clear(err);
    return so_resampler_process((struct so_resampler *)resampler, in, n_in, out, capacity, n_out, err);
}

void sotto_resampler_close(sotto_resampler *resampler) {
    so_resampler_free((struct so_resampler *)resampler);
}
