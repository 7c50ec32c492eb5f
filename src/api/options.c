#include "api/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/cpu/kernels.h"
#include "diarize/identity.h"
#include "util/compiler.h"
#include "util/error.h"
#include "vad/spans.h"

enum { OPTIONS_VERSION = 1, MAX_THREADS = 1024, MAX_SEQUENCES = 64, MAX_BATCH = 64, MAX_INDEX = 1023 };

#define MAX_TEMPERATURE 10.0f
#define MAX_PATIENCE 16.0f

void sotto_options_init(sotto_options *options) {
    struct so_span_options spans;
    so_span_options_init(&spans);
    *options = (sotto_options){
        .version = OPTIONS_VERSION,
        .language_floor = 0.5f,
        .beam_size = 1,
        .best_of = 5,
        .patience = 1,
        .length_penalty = -1,
        .temperatures = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1},
        .n_temperatures = 6,
        .compression_ratio_threshold = 2.4f,
        .logprob_threshold = -1,
        .no_speech_threshold = 0.6f,
        .channel = -1,
        .stream = -1,
        .vad = true,
        .vad_threshold = spans.threshold,
        .vad_min_speech = spans.min_speech,
        .vad_min_silence = spans.min_silence,
        .vad_pad = spans.pad,
        .batch_size = 8,
        .people_threshold = 0.4f,
    };
}

static sotto_status check_search(const sotto_options *o, sotto_error *err) {
    if (o->beam_size < 1 || o->beam_size > MAX_SEQUENCES)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the beam size must be from 1 to %d", MAX_SEQUENCES);
    if (o->best_of < 1 || o->best_of > MAX_SEQUENCES)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "best_of must be from 1 to %d", MAX_SEQUENCES);
    if (!(o->patience > 0 && o->patience <= MAX_PATIENCE) || (float)o->beam_size * o->patience < 0.5f)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "patience must be above 0 and at most %g, and not end the search at once",
                       (double)MAX_PATIENCE);
    if (!(o->length_penalty <= 1)) return so_fail(err, SOTTO_ERR_ARGUMENT, "the length penalty must be at most 1");
    if (o->n_temperatures < 1 || o->n_temperatures > SO_COUNT(o->temperatures))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there must be 1 to %zu temperatures", SO_COUNT(o->temperatures));
    for (uint32_t i = 0; i < o->n_temperatures; i++)
        if (!(o->temperatures[i] >= 0 && o->temperatures[i] <= MAX_TEMPERATURE))
            return so_fail(err, SOTTO_ERR_ARGUMENT, "a temperature must be from 0 to %g", (double)MAX_TEMPERATURE);
    return SOTTO_OK;
}

static sotto_status check_input(const sotto_options *o, sotto_error *err) {
    if (o->channel < -1 || o->channel > MAX_INDEX)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there is no channel %d", o->channel);
    if (o->stream < -1 || o->stream > MAX_INDEX)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there is no audio stream %d", o->stream);
    if (!(o->max_duration >= 0)) return so_fail(err, SOTTO_ERR_ARGUMENT, "the longest duration must not be negative");
    if (o->threads > MAX_THREADS) return so_fail(err, SOTTO_ERR_ARGUMENT, "there can be at most %d threads", MAX_THREADS);
    if (o->batch_size < 1 || o->batch_size > MAX_BATCH)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the batch size must be from 1 to %d", MAX_BATCH);
    return SOTTO_OK;
}

static sotto_status check_vad(const sotto_options *o, sotto_error *err) {
    struct so_span_options spans;
    so_span_options_of(o, &spans);
    return so_span_options_check(&spans, err);
}

static sotto_status check_speakers(const sotto_options *o, sotto_error *err) {
    if (o->min_speakers > SO_MAX_SPEAKERS || o->max_speakers > SO_MAX_SPEAKERS)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there can be at most %d speakers", SO_MAX_SPEAKERS);
    if (o->max_speakers && o->min_speakers > o->max_speakers)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the least number of speakers is above the largest");
    if (!(o->people_threshold >= -1 && o->people_threshold <= 1))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the likeness from which a speaker is recognised must be from -1 to 1");
    return SOTTO_OK;
}

static sotto_status check_features(const sotto_options *o, sotto_error *err) {
    if (o->task != SOTTO_TRANSCRIBE && o->task != SOTTO_TRANSLATE)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the task is neither transcribe nor translate");
    if ((unsigned)o->device > SOTTO_DEVICE_EMULATOR) return so_fail(err, SOTTO_ERR_ARGUMENT, "there is no such device");
    if (o->npu_kernel != 0 && o->npu_kernel != 16 && o->npu_kernel != 32 && o->npu_kernel != 64)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the NPU's kernel is 0 for gemm, or 16, 32 or 64 for a tile kernel");
    return SOTTO_OK;
}

static sotto_status check_level(sotto_error *err) {
    if (so_kernels_check() == 0) return SOTTO_OK;
    char known[256] = "";
    for (const char *const *level = so_kernels_levels(); *level; level++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", *level);
    }
    return so_fail(err, SOTTO_ERR_ARGUMENT, "SOTTO_CPU names no level of vector instructions; those of this build are: %s", known);
}

static sotto_status check_language(const struct so_model *model, const sotto_options *o, sotto_error *err) {
    bool detect = !o->language || strcmp(o->language, "auto") == 0;
    int index = detect ? -1 : so_language_index(o->language);
    if (!detect && index < 0)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "unknown language \"%.40s\": give a code as \"en\", a name as \"english\", or \"auto\"",
                       o->language);
    if (!(o->language_floor >= 0 && o->language_floor <= 1))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the floor of language detection must be from 0 to 1");
    if (!model) return SOTTO_OK;
    if (model->vocab.multilingual) {
        if (index >= (int)model->vocab.n_languages)
            return so_fail(err, SOTTO_ERR_ARGUMENT, "the model %s does not know the language %s", model->name,
                           so_language_name((size_t)index));
        return SOTTO_OK;
    }
    if (index >= 0 && index != so_language_index("en"))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the model %s knows English only, not %s", model->name,
                       so_language_name((size_t)index));
    if (o->task == SOTTO_TRANSLATE)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the model %s knows English only and cannot translate", model->name);
    return SOTTO_OK;
}

static sotto_status check_version(const sotto_options *options, sotto_error *err) {
    if (options->version == OPTIONS_VERSION) return SOTTO_OK;
    return so_fail(err, SOTTO_ERR_ARGUMENT, "the options were not set up by sotto_options_init of this version");
}

sotto_status so_options_check(const struct so_model *model, const sotto_options *options, sotto_error *err) {
    sotto_status status = check_version(options, err);
    if (!status) status = check_search(options, err);
    if (!status) status = check_input(options, err);
    if (!status) status = check_vad(options, err);
    if (!status) status = check_features(options, err);
    if (!status && options->diarize) status = check_speakers(options, err);
    if (!status) status = check_level(err);
    if (!status) status = check_language(model, options, err);
    return status;
}

sotto_status so_options_check_diarize(const sotto_options *options, sotto_error *err) {
    sotto_status status = check_version(options, err);
    if (!status) status = check_input(options, err);
    if (!status) status = check_speakers(options, err);
    if (!status) status = check_level(err);
    return status;
}
