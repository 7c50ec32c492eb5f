/** whisper.cpp's files, as its own converter writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "import_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features/logmel.h"

#define HALF_OF_1_128 0x2000u /* 2^-7 in binary16 */

/** Blocks of 32 whole numbers with the scale 1/128. */
static void add_blocks(struct so_bytes *out, const struct so_item *item, uint32_t first, uint32_t count) {
    struct so_bytes plain = {0};
    const uint8_t scale[2] = {HALF_OF_1_128 & 0xff, HALF_OF_1_128 >> 8};
    so_bytes_rows(&plain, SO_COARSE_S8, item, SO_PART_WEIGHT, first, count, item->k);
    for (size_t at = 0; at < plain.size; at += 32) {
        so_bytes_add(out, scale, sizeof scale);
        so_bytes_add(out, plain.data + at, 32);
    }
    free(plain.data);
}

static uint32_t type_of(enum so_coarse_type type, bool wide) {
    static const uint32_t ids[] = {0, 1, 30, 8};
    return wide ? ids[type] : 0;
}

/** Only matrices are in the file's type; filters at most in float16, all else in float32. */
static void add_tensor(struct so_bytes *out, struct so_marks *marks, enum so_coarse_type type,
                       const char *name, const struct so_item *item, enum so_part part, uint32_t first,
                       uint32_t count) {
    const bool conv = item->kind == SO_ITEM_CONV, weight = part == SO_PART_WEIGHT;
    const bool wide = weight && item->kind != SO_ITEM_TABLE;
    const enum so_coarse_type stored = !wide                          ? SO_COARSE_F32
                                       : conv && type == SO_COARSE_S8 ? SO_COARSE_F16
                                                                      : type;
    const uint32_t columns = weight ? item->k : 1;
    so_bytes_mark(marks, out->size);
    so_bytes_u32(out, conv ? (weight ? 3 : 2) : weight ? 2 : 1);
    so_bytes_u32(out, (uint32_t)strlen(name));
    so_bytes_u32(out, type_of(stored, wide));
    if (conv && weight) {
        so_bytes_u32(out, 3);
        so_bytes_u32(out, columns / 3);
    } else if (conv || weight) {
        so_bytes_u32(out, columns);
    }
    so_bytes_u32(out, count);
    so_bytes_add(out, name, strlen(name));
    so_bytes_mark(marks, out->size);
    if (stored == SO_COARSE_S8)
        add_blocks(out, item, first, count);
    else
        so_bytes_rows(out, stored, item, part, first, count, columns);
}

static void add_item(struct so_bytes *out, struct so_marks *marks, enum so_coarse_type type,
                     const struct so_item *item, const char *names) {
    const bool norm = item->kind == SO_ITEM_NORM;
    uint32_t blocks = 1;
    for (const char *c = names; *c; c++) blocks += *c == '|';
    for (uint32_t block = 0; block < blocks; block++) {
        const size_t length = strcspn(names, "|");
        const uint32_t n = item->n / blocks;
        const bool key = blocks > 1 && block == blocks - 2;
        char name[128];
        snprintf(name, sizeof name, "%.*s%s", (int)length, names,
                 item->kind == SO_ITEM_TABLE ? "" : ".weight");
        add_tensor(out, marks, type, name, item, norm ? SO_PART_GAMMA : SO_PART_WEIGHT, block * n, n);
        snprintf(name, sizeof name, "%.*s.bias", (int)length, names);
        if (norm || (item->has_bias && !key))
            add_tensor(out, marks, type, name, item, norm ? SO_PART_BETA : SO_PART_BIAS, block * n, n);
        names += length + 1;
    }
}

struct so_bytes so_make_ggml(enum so_coarse_type type, struct so_marks *marks) {
    static const uint32_t kinds[] = {0, 1, 24, 7};
    const struct so_hparams hp = so_coarse_hparams();
    const uint32_t head[] = {0x67676d6c,      hp.n_vocab,       hp.n_audio_ctx, hp.n_audio_state,
                             hp.n_audio_head, hp.n_audio_layer, hp.n_text_ctx,  hp.n_text_state,
                             hp.n_text_head,  hp.n_text_layer,  hp.n_mels,      kinds[type],
                             hp.n_mels,       SO_MEL_BINS};
    struct so_bytes out = {0};
    struct so_item item;
    const char *names;
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) so_bytes_u32(&out, head[i]);
    so_bytes_mark(marks, out.size);
    float *filters = calloc((size_t)hp.n_mels * SO_MEL_BINS, sizeof *filters);
    assert_non_null(filters);
    so_mel_filters(hp.n_mels, filters);
    so_bytes_add(&out, filters, (size_t)hp.n_mels * SO_MEL_BINS * sizeof *filters);
    free(filters);
    so_bytes_mark(marks, out.size);
    const size_t count_at = out.size;
    uint32_t id = 0;
    char token[3];
    so_bytes_u32(&out, 0);
    for (int n; (n = so_coarse_token(id, token)) >= 0; id++) {
        so_bytes_u32(&out, (uint32_t)n);
        so_bytes_add(&out, token, (size_t)n);
    }
    memcpy(out.data + count_at, &id, 4);
    for (size_t i = 0; (names = so_coarse_module(i, true, &item)); i++)
        add_item(&out, marks, type, &item, names);
    return out;
}
