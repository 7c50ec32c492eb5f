#include "model/layout.h"

#include <stddef.h>
#include <stdio.h>

enum unit { UNIT_ONE, UNIT_MELS, UNIT_STATE, UNIT_AUDIO_CTX, UNIT_TEXT_CTX, UNIT_VOCAB };

/** A dimension is `times` times a unit. */
struct dimension {
    enum unit unit;
    uint32_t times;
};

struct template {
    const char *name;
    enum so_item_kind kind;
    struct dimension n, k;
    bool has_bias;
    size_t slot;
};

#define UNITS(unit, times) \
    { unit, times }
#define STATE(times) UNITS(UNIT_STATE, times)
#define MATRIX(name, n, k, type, field) \
    { name, SO_ITEM_MATRIX, n, k, true, offsetof(type, field) }
#define NORM(name, type, field) \
    { name, SO_ITEM_NORM, STATE(1), {UNIT_ONE, 1}, false, offsetof(type, field) }

#define CONV(name, k, field) \
    { name, SO_ITEM_CONV, STATE(1), k, true, offsetof(struct so_model, field) }
#define TABLE(name, rows, field) \
    { name, SO_ITEM_TABLE, {rows, 1}, STATE(1), false, offsetof(struct so_model, field) }
#define EMBEDDING(name, field) \
    { name, SO_ITEM_MATRIX, {UNIT_VOCAB, 1}, STATE(1), false, offsetof(struct so_model, field) }

static const struct template encoder_head[] = {
    CONV("encoder.conv1", UNITS(UNIT_MELS, 3), conv1),
    CONV("encoder.conv2", STATE(3), conv2),
    TABLE("encoder.positions", UNIT_AUDIO_CTX, audio_positions),
};

static const struct template encoder_layer[] = {
    NORM("attn_norm", struct so_encoder_layer, attn_norm),
    MATRIX("qkv", STATE(3), STATE(1), struct so_encoder_layer, qkv),
    MATRIX("out", STATE(1), STATE(1), struct so_encoder_layer, out),
    NORM("mlp_norm", struct so_encoder_layer, mlp_norm),
    MATRIX("fc1", STATE(4), STATE(1), struct so_encoder_layer, fc1),
    MATRIX("fc2", STATE(1), STATE(4), struct so_encoder_layer, fc2),
};

static const struct template decoder_head[] = {
    NORM("encoder.norm", struct so_model, encoder_norm),
    EMBEDDING("decoder.embedding", token_embedding),
    TABLE("decoder.positions", UNIT_TEXT_CTX, text_positions),
};

static const struct template decoder_layer[] = {
    NORM("attn_norm", struct so_decoder_layer, attn_norm),
    MATRIX("qkv", STATE(3), STATE(1), struct so_decoder_layer, qkv),
    MATRIX("out", STATE(1), STATE(1), struct so_decoder_layer, out),
    NORM("cross_norm", struct so_decoder_layer, cross_norm),
    MATRIX("cross_q", STATE(1), STATE(1), struct so_decoder_layer, cross_q),
    MATRIX("cross_kv", STATE(2), STATE(1), struct so_decoder_layer, cross_kv),
    MATRIX("cross_out", STATE(1), STATE(1), struct so_decoder_layer, cross_out),
    NORM("mlp_norm", struct so_decoder_layer, mlp_norm),
    MATRIX("fc1", STATE(4), STATE(1), struct so_decoder_layer, fc1),
    MATRIX("fc2", STATE(1), STATE(4), struct so_decoder_layer, fc2),
};

static const struct template decoder_tail[] = {
    NORM("decoder.norm", struct so_model, decoder_norm),
};

static uint32_t extent(const struct so_hparams *hp, struct dimension d) {
    switch (d.unit) {
    case UNIT_MELS:
        return d.times * hp->n_mels;
    case UNIT_STATE:
        return d.times * hp->n_audio_state;
    case UNIT_AUDIO_CTX:
        return d.times * hp->n_audio_ctx;
    case UNIT_TEXT_CTX:
        return d.times * hp->n_text_ctx;
    case UNIT_VOCAB:
        return d.times * hp->n_vocab;
    case UNIT_ONE:
        break;
    }
    return d.times;
}

size_t so_item_count(const struct so_hparams *hp) {
    return SO_COUNT(encoder_head) + hp->n_audio_layer * SO_COUNT(encoder_layer) + SO_COUNT(decoder_head) +
           hp->n_text_layer * SO_COUNT(decoder_layer) + SO_COUNT(decoder_tail);
}

void so_item_get(const struct so_hparams *hp, enum so_precision precision, size_t index,
                 struct so_item *item) {
    const struct {
        const struct template *templates;
        size_t count, repeats;
        const char *stack; /* whose layers, NULL outside them */
    } runs[] = {
        {encoder_head, SO_COUNT(encoder_head), 1, NULL},
        {encoder_layer, SO_COUNT(encoder_layer), hp->n_audio_layer, "encoder"},
        {decoder_head, SO_COUNT(decoder_head), 1, NULL},
        {decoder_layer, SO_COUNT(decoder_layer), hp->n_text_layer, "decoder"},
        {decoder_tail, SO_COUNT(decoder_tail), 1, NULL},
    };
    size_t run = 0;
    while (run + 1 < SO_COUNT(runs) && index >= runs[run].count * runs[run].repeats) {
        index -= runs[run].count * runs[run].repeats;
        run++;
    }
    const struct template *t = &runs[run].templates[index % runs[run].count];
    unsigned layer = (unsigned)(index / runs[run].count);
    const char *stack = runs[run].stack;
    if (stack)
        snprintf(item->name, sizeof item->name, "%s.%u.%s", stack, layer, t->name);
    else
        snprintf(item->name, sizeof item->name, "%s", t->name);
    item->kind = t->kind;
    /* The first convolution sees the log-mel directly: its cost is small and its input has a wide range. */
    item->precision = t == encoder_head                ? SO_F32
                      : !stack && precision == SO_INT4 ? SO_INT8
                                                       : precision;
    item->n = extent(hp, t->n);
    item->k = extent(hp, t->k);
    item->has_bias = t->has_bias;
    item->layer = stack ? (int)layer : -1;
    item->decoder = runs[run].templates == decoder_layer;
    item->slot = t->slot;
}
