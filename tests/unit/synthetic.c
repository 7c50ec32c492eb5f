#include "synthetic.h"

#include <string.h>

#include "features/logmel.h"
#include "model/limits.h"
#include "model/writer.h"
#include "util/memory.h"

#define FIRST_TRIPLE 40000

static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t so_synthetic_random(uint64_t seed, uint64_t stream, uint64_t counter) {
    return mix(mix(mix(seed) ^ stream) ^ counter);
}

void so_synthetic_noise(float *samples, size_t n) {
    for (size_t i = 0; i < n; i++) samples[i] = (float)(so_synthetic_random(1, 2, i) >> 40) * 0x1p-24f - 0.5f;
}

struct so_hparams so_synthetic_hparams(uint32_t state, uint32_t audio_layers, uint32_t text_layers,
                                       uint32_t n_mels, uint32_t n_vocab) {
    return (struct so_hparams){
        .n_mels = n_mels,
        .n_audio_ctx = SO_AUDIO_CTX,
        .n_audio_state = state,
        .n_audio_head = state / SO_HEAD_SIZE,
        .n_audio_layer = audio_layers,
        .n_text_ctx = SO_TEXT_CTX,
        .n_text_state = state,
        .n_text_head = state / SO_HEAD_SIZE,
        .n_text_layer = text_layers,
        .n_vocab = n_vocab,
    };
}

/** A stream for each tensor, by its name (FNV-1a). */
static uint64_t stream_of(const struct so_item *item, enum so_part part) {
    uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)part;
    for (const char *c = item->name; *c; c++) hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    return hash;
}

float so_synthetic_weight(uint64_t seed, const struct so_item *item, enum so_part part, uint32_t row,
                          uint32_t column) {
    uint64_t bits = so_synthetic_random(seed, stream_of(item, part), (uint64_t)row << 32 | column);
    float unit = (float)((int64_t)(bits >> 40) - (1 << 23)) * 0x1p-23f; /* [-1, 1) in steps of 2^-23 */
    switch (part) {
    case SO_PART_GAMMA:
        return 1.0f + 0.25f * unit;
    case SO_PART_WEIGHT:
        if (item->kind == SO_ITEM_TABLE) return 0.5f * unit;
        /* A uniform variable on [-a, a] has variance a * a / 3. 1.75 is near enough to sqrt(3), and 1/sqrt(k)
         * to a power of 2. */
        for (uint32_t k = item->k; k >= 4; k /= 4) unit *= 0.5f;
        return 1.75f * unit;
    default:
        return 0.125f * unit;
    }
}

struct source {
    uint64_t seed;
    bool terse;
    uint32_t eot;
};

/**
 * What makes a model terse: late positions have so much of the first channel that little else is left of them after a norm, and
 * the end of text is what that channel means.
 */
static float terseness(const struct source *source, const struct so_item *item, uint32_t row, uint32_t column) {
    if (!source->terse || column > 0) return 0;
    if (strcmp(item->name, "decoder.positions") == 0) return row >= SO_SYNTHETIC_TERSE ? 40.0f : 0;
    return strcmp(item->name, "decoder.embedding") == 0 && row == source->eot ? 4.0f : 0;
}

static sotto_status rows(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                         uint32_t count, float *out, sotto_error *err) {
    const struct source *source = context;
    const uint32_t columns = part == SO_PART_WEIGHT ? item->k : 1;
    (void)err;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < columns; j++) {
            float weight = so_synthetic_weight(source->seed, item, part, first + i, j);
            if (part == SO_PART_WEIGHT) weight += terseness(source, item, first + i, j);
            out[(size_t)i * columns + j] = weight;
        }
    return SOTTO_OK;
}

size_t so_synthetic_token(const struct so_vocab *layout, uint32_t id, char bytes[3]) {
    if (id < 256) {
        bytes[0] = (char)id;
        return 1;
    }
    if (layout->multilingual && id + 1 == layout->n_text) return 0;
    uint32_t pair = (id * 40503u) & 0xffff; /* an odd factor: no two ids below 65536 share a pair */
    bytes[0] = (char)(pair & 0xff);
    bytes[1] = (char)(pair >> 8);
    bytes[2] = 'e';
    return id < FIRST_TRIPLE ? 2 : 3;
}

sotto_status so_synthetic_vocab(uint32_t n_vocab, struct so_vocab_builder **builder,
                                const struct so_vocab **vocab, sotto_error *err) {
    struct so_vocab layout;
    sotto_status status = so_vocab_layout(&layout, n_vocab, err);
    *builder = NULL;
    if (!status) status = so_vocab_builder_create(n_vocab, builder, err);
    for (uint32_t id = 0; !status && id < layout.n_text; id++) {
        char bytes[3];
        size_t n = so_synthetic_token(&layout, id, bytes);
        status = so_vocab_builder_add(*builder, id, bytes, n, err);
    }
    if (!status) status = so_vocab_builder_finish(*builder, vocab, err);
    if (status) {
        so_vocab_builder_free(*builder);
        *builder = NULL;
    }
    return status;
}

static sotto_status write_model(const char *path, const struct so_hparams *hp, enum so_precision precision, uint64_t seed, bool terse,
                                sotto_error *err) {
    static const uint16_t heads[] = {0, 0};
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    sotto_status status = so_synthetic_vocab(hp->n_vocab, &builder, &vocab, err);
    if (status) return status;
    float *filters = so_calloc((size_t)hp->n_mels * SO_MEL_BINS, sizeof *filters);
    if (filters) {
        so_mel_filters(hp->n_mels, filters);
        const struct so_model_parts parts = {
            .name = "synthetic",
            .precision = precision,
            .hp = *hp,
            .vocab = vocab,
            .mel_filters = filters,
            .alignment_heads = heads,
            .n_alignment_heads = 1,
        };
        struct source source = {seed, terse, (uint32_t)vocab->eot};
        const struct so_weights weights = {&source, rows, NULL};
        status = so_model_write(path, &parts, &weights, err);
    } else {
        status = so_fail_memory(err, (size_t)hp->n_mels * SO_MEL_BINS * sizeof *filters, "mel filters");
    }
    so_free(filters);
    so_vocab_builder_free(builder);
    return status;
}

sotto_status so_synthetic_write(const char *path, const struct so_hparams *hp, enum so_precision precision,
                                uint64_t seed, sotto_error *err) {
    return write_model(path, hp, precision, seed, false, err);
}

sotto_status so_synthetic_write_terse(const char *path, const struct so_hparams *hp, enum so_precision precision,
                                      uint64_t seed, sotto_error *err) {
    return write_model(path, hp, precision, seed, true, err);
}
