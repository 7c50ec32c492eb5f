#include <stdio.h>
#include <string.h>

#include "api/handle.h"
#include "diarize/network.h"
#include "model/file.h"
#include "util/memory.h"

/** The longest path of a model that is looked up. */
#define MAX_PATH 4096

sotto_status sotto_model_path(const char *name_or_path, bool f32, char *path, size_t size, sotto_error *err) {
    so_error_clear(err);
    if (!name_or_path || !path) return so_fail(err, SOTTO_ERR_ARGUMENT, "no model named");
    return so_model_path(name_or_path, f32 ? SO_F32 : SO_INT8, path, size, err);
}

sotto_status sotto_model_open(const char *name_or_path, sotto_model **out, sotto_error *err) {
    char path[MAX_PATH];
    struct so_model *model = NULL;
    if (!out) return so_fail(err, SOTTO_ERR_ARGUMENT, "nowhere to put the model");
    *out = NULL;
    sotto_status status = sotto_model_path(name_or_path, false, path, sizeof path, err);
    if (status) return status;
    struct sotto_model *handle = so_calloc(1, sizeof *handle);
    if (!handle) return so_fail_memory(err, sizeof *handle, "the model");
    status = so_detector_create(&handle->detector, err);
    if (!status) status = so_model_map(path, &model, err);
    if (status) {
        sotto_model_close(handle);
        return status;
    }
    handle->model = model;
    status = so_devices_create(model, &handle->devices, err);
    if (!status) status = so_machines_create(model, &handle->machines, err);
    if (status) {
        sotto_model_close(handle);
        return status;
    }
    *out = handle;
    return SOTTO_OK;
}

void sotto_model_close(sotto_model *handle) {
    if (!handle) return;
    so_machines_free(handle->machines);
    so_devices_free(handle->devices); /* they read its weights */
    so_model_unmap(handle->model);
    so_detector_free(handle->detector);
    so_free(handle);
}

void sotto_model_describe(const sotto_model *handle, sotto_model_info *out) {
    const struct so_model *model = so_model_of(handle);
    const struct so_hparams *hp = &model->hp;
    const struct so_file_header *header = so_model_header(model);
    *out = (sotto_model_info){
        .name = model->name,
        .precision = model->int4 ? "int4" : model->precision == SO_F32 ? "f32" : "int8",
        .n_mels = hp->n_mels,
        .n_audio_ctx = hp->n_audio_ctx,
        .n_audio_state = hp->n_audio_state,
        .n_audio_head = hp->n_audio_head,
        .n_audio_layer = hp->n_audio_layer,
        .n_text_ctx = hp->n_text_ctx,
        .n_text_state = hp->n_text_state,
        .n_text_head = hp->n_text_head,
        .n_text_layer = hp->n_text_layer,
        .n_vocab = hp->n_vocab,
        .multilingual = model->vocab.multilingual,
        .n_languages = model->vocab.n_languages,
        .n_tensors = header->n_tensors,
        .n_suppressed = (uint32_t)model->vocab.n_suppress,
        .n_alignment_heads = (uint32_t)model->n_alignment_heads,
        .file_size = header->file_size,
    };
    for (size_t i = 0; i < sizeof header->front_hash; i++)
        snprintf(out->hash + 2 * i, 3, "%02x", header->front_hash[i]);
}

sotto_status sotto_model_verify(const char *name_or_path, sotto_error *err) {
    char path[MAX_PATH];
    sotto_status status = sotto_model_path(name_or_path, false, path, sizeof path, err);
    if (!status && so_speakers_is_file(path)) return so_speakers_verify(path, err);
    return status ? status : so_model_verify(path, err);
}
