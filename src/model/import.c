#include "model/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "features/logmel.h"
#include "model/assemble.h"
#include "model/find.h"
#include "model/heads.h"
#include "model/json.h"
#include "model/limits.h"
#include "model/vocab_read.h"
#include "model/writer.h"
#include "util/memory.h"

struct import {
    const sotto_import_options *options;
    const struct so_import_hooks *hooks;
    char weights[SO_MAX_PATH];
    char name[64];
    struct so_foreign *source;
    struct so_assembly *assembly;
    struct so_vocab_builder *builder;
    float *mel_filters;
    uint16_t *heads;
    size_t n_heads;
};

/** From the options, or "base" from "folder/base.f32.sotto". */
static sotto_status choose_name(struct import *im, const char *destination, sotto_error *err) {
    const char *name = im->options->name ? im->options->name : destination + so_folder_length(destination);
    size_t length = strlen(name);
    static const char *const endings[] = {".sotto", ".f32"};
    for (size_t i = 0; !im->options->name && i < SO_COUNT(endings); i++) {
        size_t n = strlen(endings[i]);
        if (length > n && !memcmp(name + length - n, endings[i], n)) length -= n;
    }
    if (length < sizeof im->name) memcpy(im->name, name, length);
    if (length >= sizeof im->name || !so_model_name_valid(im->name))
        return so_fail(err, SOTTO_ERR_ARGUMENT,
                       "'%s' is not a name for a model: 1 to 63 bytes without '/' and control characters",
                       name);
    return SOTTO_OK;
}

/** "alignment_heads": [[layer, head], ..] of a configuration, if it is there. */
static sotto_status take_heads(struct import *im, const char *path, const json_t *list, sotto_error *err) {
    const struct so_hparams *hp = so_assembly_hparams(im->assembly);
    size_t count = json_array_size(list);
    if (count > (size_t)hp->n_text_layer * hp->n_text_head)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: too many alignment heads", path);
    im->heads = so_calloc(2 * count, sizeof *im->heads);
    if (!im->heads) return so_fail_memory(err, 2 * count * sizeof *im->heads, "alignment heads");
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i), *layer = json_array_get(pair, 0),
                     *head = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_integer(layer) || !json_is_integer(head) ||
            json_integer_value(layer) < 0 || json_integer_value(layer) >= hp->n_text_layer ||
            json_integer_value(head) < 0 || json_integer_value(head) >= hp->n_text_head)
            return so_fail(err, SOTTO_ERR_MODEL,
                           "%s: alignment head %zu is not a layer and a head of this model", path, i);
        im->heads[2 * i] = (uint16_t)json_integer_value(layer);
        im->heads[2 * i + 1] = (uint16_t)json_integer_value(head);
    }
    im->n_heads = count;
    return SOTTO_OK;
}

/** Heads of an OpenAI model of these sizes, where the source does not say. */
static sotto_status default_heads(struct import *im, sotto_error *err) {
    const uint8_t(*heads)[2] = so_known_heads(so_assembly_hparams(im->assembly), &im->n_heads);
    if (!im->n_heads) return SOTTO_OK;
    im->heads = so_calloc(2 * im->n_heads, sizeof *im->heads);
    if (!im->heads) return so_fail_memory(err, 2 * im->n_heads * sizeof *im->heads, "alignment heads");
    for (size_t i = 0; i < im->n_heads; i++) {
        im->heads[2 * i] = heads[i][0];
        im->heads[2 * i + 1] = heads[i][1];
    }
    return SOTTO_OK;
}

static sotto_status read_config(struct import *im, sotto_error *err) {
    static const char *const names[] = {"config.json", "generation_config.json", NULL};
    char path[SO_MAX_PATH];
    sotto_status status = SOTTO_OK;
    bool said = false;
    for (size_t i = 0; !status && !said && names[i]; i++) {
        json_t *root;
        const char *const one[] = {names[i], NULL};
        if (!so_find_beside(im->weights, one, path)) continue;
        status = so_json_load(path, &root, err);
        if (status) break;
        const json_t *list = json_object_get(root, "alignment_heads");
        said = json_array_size(list) > 0;
        if (said) status = take_heads(im, path, list, err);
        json_decref(root);
    }
    return status || said ? status : default_heads(im, err);
}

static sotto_status rows(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                         uint32_t count, float *out, sotto_error *err) {
    struct import *im = context;
    return so_assembly_rows(im->assembly, item, part, first, count, out, err);
}

static void progress(void *context, size_t done, size_t total) {
    struct import *im = context;
    if (im->options->on_progress) im->options->on_progress(im->options->user, done, total);
}

/** From the file that the user names, else from the weights' own, else from one beside it. */
static sotto_status fill_vocabulary(struct import *im, sotto_error *err) {
    char path[SO_MAX_PATH];
    if (im->options->vocab) return so_vocab_read(im->options->vocab, im->builder, err);
    if (im->source->format->vocabulary) return im->source->format->vocabulary(im->source, im->builder, err);
    if (!so_find_beside(im->weights, so_vocabulary_names, path))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: no tokenizer.json or other vocabulary beside it",
                       im->weights);
    return so_vocab_read(path, im->builder, err);
}

static sotto_status read_vocabulary(struct import *im, const struct so_vocab **vocab, sotto_error *err) {
    sotto_status status =
        so_vocab_builder_create(so_assembly_hparams(im->assembly)->n_vocab, &im->builder, err);
    if (!status) status = fill_vocabulary(im, err);
    return status ? status : so_vocab_builder_finish(im->builder, vocab, err);
}

/** Under another name first: a file that is not good enough never has its own. */
static sotto_status write_checked(struct import *im, const char *destination,
                                  const struct so_model_parts *parts, const struct so_weights *weights,
                                  sotto_error *err) {
    char path[SO_MAX_PATH];
    int n = snprintf(path, sizeof path, "%s.%ld.unchecked", destination, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof path)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the destination's path is too long");
    sotto_status status = so_model_write(path, parts, weights, err);
    if (status) return status;
    status = im->hooks->check(im->hooks->checker, path, weights, err);
    if (!status && rename(path, destination))
        status = so_fail(err, SOTTO_ERR_IO, "%s: %s", destination, strerror(errno));
    if (status) unlink(path);
    return status;
}

static sotto_status run(struct import *im, const char *source, const char *destination, sotto_error *err) {
    const struct so_vocab *vocab;
    sotto_status status = choose_name(im, destination, err);
    if (!status) status = so_find_weights(source, im->weights, err);
    if (!status) status = so_foreign_open(im->weights, &im->source, err);
    if (!status) status = so_assembly_create(im->source, &im->assembly, err);
    if (!status) status = read_vocabulary(im, &vocab, err);
    if (!status) status = read_config(im, err);
    if (status) return status;
    const struct so_hparams *hp = so_assembly_hparams(im->assembly);
    im->mel_filters = so_calloc((size_t)hp->n_mels * SO_MEL_BINS, sizeof *im->mel_filters);
    if (!im->mel_filters)
        return so_fail_memory(err, (size_t)hp->n_mels * SO_MEL_BINS * sizeof *im->mel_filters, "mel filters");
    so_mel_filters(hp->n_mels, im->mel_filters);
    const struct so_model_parts parts = {
        .name = im->name,
        .precision = im->options->f32 ? SO_F32 : im->options->int4 ? SO_INT4 : SO_INT8,
        .hp = *hp,
        .vocab = vocab,
        .mel_filters = im->mel_filters,
        .alignment_heads = im->heads,
        .n_alignment_heads = im->n_heads,
    };
    const struct so_weights weights = {im, rows, progress, im->hooks->quantiser, im->hooks->quantise};
    return im->options->f32 || !im->hooks->check ? so_model_write(destination, &parts, &weights, err)
                            : write_checked(im, destination, &parts, &weights, err);
}

sotto_status so_import(const char *source, const char *destination, const sotto_import_options *options,
                       const struct so_import_hooks *hooks, sotto_error *err) {
    struct import *im = so_calloc(1, sizeof *im);
    if (!im) return so_fail_memory(err, sizeof *im, "an import");
    im->options = options;
    im->hooks = hooks;
    sotto_status status = run(im, source, destination, err);
    so_assembly_free(im->assembly);
    so_foreign_close(im->source);
    so_vocab_builder_free(im->builder);
    so_free(im->mel_filters);
    so_free(im->heads);
    so_free(im);
    return status;
}
