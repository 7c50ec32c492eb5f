/** What a written model is when it is opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/logmel.h"
#include "model/limits.h"
#include "model/writer.h"
#include "model_support.h"
#include "synthetic.h"

#define SEED 7

static int make_folder(void **state) {
    *state = (void *)(uintptr_t)so_scratch_make();
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    so_scratch_remove();
    return 0;
}

static struct so_model *write_and_open(const struct so_hparams *hp, enum so_precision precision,
                                       const char *name) {
    struct so_model *model;
    sotto_error err = {SOTTO_OK, ""};
    const char *path = so_scratch(name);
    if (so_synthetic_write(path, hp, precision, SEED, &err)) fail_msg("%s", err.message);
    if (so_model_map(path, &model, &err)) fail_msg("%s", err.message);
    return model;
}

/** The weight that (n, k) of a packed matrix stands for, by the layout that backend/cpu/kernels.h gives. */
static float weight_of(const struct so_matrix *m, size_t n, size_t k) {
    if (m->precision == SO_F32) return m->f[(n / 16 * m->k + k) * 16 + n % 16];
    size_t groups = (m->k + 3) / 4;
    return (float)m->q[((n / 16 * groups + k / 4) * 16 + n % 16) * 4 + k % 4] * m->scale[n];
}

/** What the writer was given at (row, column), where columns of a convolution are counted tap by tap. */
static float given(const struct so_item *item, enum so_part part, uint32_t row, uint32_t column) {
    if (item->kind == SO_ITEM_CONV && part == SO_PART_WEIGHT)
        column = column % (item->k / 3) * 3 + column / (item->k / 3);
    return so_synthetic_weight(SEED, item, part, row, column);
}

static void check_matrix(const struct so_matrix *m, const struct so_item *item) {
    assert_int_equal(m->n, item->n);
    assert_int_equal(m->k, item->k);
    for (uint32_t i = 0; i < 2000; i++) { /* of millions */
        uint32_t n = (uint32_t)(so_synthetic_random(1, i, 0) % m->n),
                 k = (uint32_t)(so_synthetic_random(1, i, 1) % m->k);
        float want = given(item, SO_PART_WEIGHT, n, k), got = weight_of(m, n, k);
        if (m->precision == SO_F32)
            assert_true(want == got);
        else
            assert_true(fabsf(want - got) <= 0.5001f * m->scale[n]);
        assert_true(m->bias[n] == (item->has_bias ? given(item, SO_PART_BIAS, n, 0) : 0.0f));
    }
    for (uint32_t n = m->n; n < (m->n + 15) / 16 * 16; n++) assert_true(m->bias[n] == 0);
}

static void check_sums_and_scales(const struct so_matrix *m, const struct so_item *item) {
    for (uint32_t n = 0; n < m->n; n += 97) {
        int32_t sum = 0;
        float max = 0;
        for (uint32_t k = 0; k < m->k; k++) {
            sum += m->q[((n / 16 * ((m->k + 3) / 4) + k / 4) * 16 + n % 16) * 4 + k % 4];
            max = fmaxf(max, fabsf(given(item, SO_PART_WEIGHT, n, k)));
        }
        assert_int_equal(m->bsum[n], -128 * sum);
        assert_true(m->scale[n] == max / 127.0f);
    }
    for (uint32_t n = m->n; n < (m->n + 15) / 16 * 16; n++) assert_true(m->bsum[n] == 0 && m->scale[n] == 0);
}

static void check_norm(const struct so_norm *norm, const struct so_item *item) {
    for (uint32_t i = 0; i < item->n; i++) {
        assert_true(norm->gamma[i] == given(item, SO_PART_GAMMA, i, 0));
        assert_true(norm->beta[i] == given(item, SO_PART_BETA, i, 0));
    }
}

static void check_weights(const struct so_model *model) {
    for (size_t i = 0; i < so_item_count(&model->hp); i++) {
        struct so_item item;
        so_item_get(&model->hp, model->precision, i, &item);
        const char *place = item.layer < 0 ? (const char *)model
                            : item.decoder ? (const char *)&model->decoder[item.layer]
                                           : (const char *)&model->encoder[item.layer];
        const void *slot = place + item.slot;
        if (item.kind == SO_ITEM_NORM) {
            check_norm(slot, &item);
        } else if (item.kind == SO_ITEM_TABLE) {
            const float *table = *(const float *const *)slot;
            for (uint32_t row = 0; row < item.n; row += 13)
                for (uint32_t k = 0; k < item.k; k++)
                    assert_true(table[(size_t)row * item.k + k] == given(&item, SO_PART_WEIGHT, row, k));
        } else {
            const struct so_matrix *m = slot;
            assert_int_equal(m->precision, item.precision);
            check_matrix(m, &item);
            if (m->precision == SO_INT8) check_sums_and_scales(m, &item);
        }
    }
}

static void check_rest(const struct so_model *model, const struct so_hparams *hp) {
    float *filters = calloc((size_t)hp->n_mels * SO_MEL_BINS, sizeof *filters);
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    so_mel_filters(hp->n_mels, filters);
    assert_memory_equal(model->mel_filters, filters, (size_t)hp->n_mels * SO_MEL_BINS * sizeof *filters);
    assert_memory_equal(&model->hp, hp, sizeof *hp);
    assert_string_equal(model->name, "synthetic");
    assert_int_equal(model->n_alignment_heads, 1);
    assert_int_equal(so_synthetic_vocab(hp->n_vocab, &builder, &vocab, NULL), SOTTO_OK);
    assert_int_equal(model->vocab.n_suppress, vocab->n_suppress);
    assert_memory_equal(model->vocab.suppress, vocab->suppress, vocab->n_suppress * sizeof *vocab->suppress);
    assert_memory_equal(model->vocab.offsets, vocab->offsets, (vocab->n_text + 1) * sizeof *vocab->offsets);
    assert_memory_equal(model->vocab.bytes, vocab->bytes, vocab->offsets[vocab->n_text]);
    assert_memory_equal(model->vocab.sorted, vocab->sorted, vocab->n_text * sizeof *vocab->sorted);
    assert_int_equal(model->vocab.blank, ' ');
    so_vocab_builder_free(builder);
    free(filters);
}

static void a_model_is_read_as_it_was_written(void **state) {
    (void)state;
    static const struct {
        uint32_t state, audio_layers, text_layers, mels, vocab;
        enum so_precision precision;
    } cases[] = {
        {64, 2, 2, 80, 51865, SO_INT8},  {64, 2, 2, 80, 51865, SO_F32},   {128, 1, 3, 128, 51866, SO_INT8},
        {192, 3, 1, 80, 51864, SO_INT8}, {128, 1, 1, 128, 51866, SO_F32},
    };
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        const struct so_hparams hp = so_synthetic_hparams(
            cases[i].state, cases[i].audio_layers, cases[i].text_layers, cases[i].mels, cases[i].vocab);
        struct so_model *model = write_and_open(&hp, cases[i].precision, "a.sotto");
        assert_int_equal(model->precision, cases[i].precision);
        check_weights(model);
        check_rest(model, &hp);
        so_model_unmap(model);
        assert_int_equal(so_model_verify(so_scratch("a.sotto"), NULL), SOTTO_OK);
    }
}

static void every_pointer_is_aligned_to_a_cache_line(void **state) {
    (void)state;
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    struct so_model *model = write_and_open(&hp, SO_INT8, "a.sotto");
    const void *pointers[] = {
        model->mel_filters,
        model->conv1.f,
        model->conv1.bias,
        model->conv2.q,
        model->audio_positions,
        model->encoder[0].qkv.q,
        model->encoder[0].qkv.bsum,
        model->encoder[0].qkv.scale,
        model->encoder[0].attn_norm.gamma,
        model->token_embedding.q,
        model->token_embedding.bias,
        model->decoder[0].cross_kv.q,
        model->decoder[0].fc2.scale,
        model->decoder_norm.beta,
        model->text_positions,
        model->vocab.offsets,
        model->vocab.sorted,
        model->alignment_heads,
    };
    for (size_t i = 0; i < SO_COUNT(pointers); i++)
        assert_true(pointers[i] && (uintptr_t)pointers[i] % 64 == 0);
    so_model_unmap(model);
}

static void equal_weights_make_equal_files(void **state) {
    (void)state;
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    size_t sizes[3];
    uint8_t *bytes[3];
    static const char *const names[] = {"a.sotto", "b.sotto", "c.sotto"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(so_synthetic_write(so_scratch(names[i]), &hp, SO_INT8, i == 2 ? 8 : 7, NULL),
                         SOTTO_OK);
        bytes[i] = so_load(so_scratch(names[i]), &sizes[i]);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    assert_memory_not_equal(bytes[0], bytes[2], sizes[0]);
    for (unsigned i = 0; i < 3; i++) free(bytes[i]);
}

/** Sizes of the published models: what their files must be able to hold. */
static void all_published_sizes_have_a_layout(void **state) {
    (void)state;
    static const struct {
        uint32_t state, audio_layers, text_layers, mels, vocab;
        uint64_t parameters; /* Radford et al. 2022, table 1, and the large-v3 and turbo model cards, in
                                millions */
    } sizes[] = {
        {384, 4, 4, 80, 51865, 39},     {512, 6, 6, 80, 51865, 74},       {768, 12, 12, 80, 51865, 244},
        {1024, 24, 24, 80, 51865, 769}, {1280, 32, 32, 128, 51866, 1550}, {1280, 32, 4, 128, 51866, 809},
    };
    for (size_t i = 0; i < SO_COUNT(sizes); i++) {
        struct so_layout layout;
        const struct so_layout_sizes open_sizes = {300000, 90, 6};
        const struct so_hparams hp = so_synthetic_hparams(
            sizes[i].state, sizes[i].audio_layers, sizes[i].text_layers, sizes[i].mels, sizes[i].vocab);
        assert_int_equal(so_layout_create(&hp, SO_F32, &open_sizes, &layout, NULL), SOTTO_OK);
        uint64_t parameters = layout.header.file_size / sizeof(float) / 1000000;
        so_layout_free(&layout);
        assert_true(parameters >= sizes[i].parameters * 98 / 100 &&
                    parameters <= sizes[i].parameters * 103 / 100);
        assert_int_equal(so_layout_create(&hp, SO_INT8, &open_sizes, &layout, NULL), SOTTO_OK);
        assert_true(layout.header.file_size < parameters * 1200000);
        so_layout_free(&layout);
    }
}

static sotto_status bad_rows(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                             uint32_t count, float *out, sotto_error *err) {
    const char *const *poisoned = context;
    (void)err;
    for (size_t i = 0; i < (size_t)count * (part == SO_PART_WEIGHT ? item->k : 1); i++) out[i] = 1;
    if (!strcmp(item->name, poisoned[0]) && !strcmp(so_part_name(part), poisoned[1]) && first == 0)
        out[0] = poisoned[2] ? INFINITY : NAN;
    return SOTTO_OK;
}

static void weights_that_are_not_finite_are_refused_and_leave_no_file(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"encoder.conv1", "weight", NULL},      {"encoder.0.qkv", "bias", "inf"},
        {"decoder.0.mlp_norm", "gamma", NULL},  {"decoder.norm", "beta", "inf"},
        {"decoder.embedding", "weight", "inf"}, {"encoder.positions", "weight", NULL},
    };
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    float *filters = calloc(80 * SO_MEL_BINS, sizeof *filters);
    struct stat info;
    assert_int_equal(so_synthetic_vocab(hp.n_vocab, &builder, &vocab, NULL), SOTTO_OK);
    const struct so_model_parts parts = {
        .name = "bad", .precision = SO_INT8, .hp = hp, .vocab = vocab, .mel_filters = filters};
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        const struct so_weights weights = {(void *)(uintptr_t)cases[i], bad_rows, NULL};
        sotto_error err = {SOTTO_OK, ""};
        assert_int_equal(so_model_write(so_scratch("bad.sotto"), &parts, &weights, &err), SOTTO_ERR_MODEL);
        assert_non_null(strstr(err.message, cases[i][0]));
        assert_int_not_equal(stat(so_scratch("bad.sotto"), &info), 0);
    }
    so_vocab_builder_free(builder);
    free(filters);
}

static void what_is_no_model_file_is_refused_by_name(void **state) {
    const char *folder = *state;
    struct so_model *model;
    sotto_error err;
    assert_int_equal(so_model_map(folder, &model, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(so_model_map(so_scratch("none.sotto"), &model, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "No such file"));
    so_store(so_scratch("empty.sotto"), "", 0);
    assert_int_equal(so_model_map(so_scratch("empty.sotto"), &model, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "empty"));
    so_store(so_scratch("text.sotto"), "hello\n", 6);
    assert_int_equal(so_model_map(so_scratch("text.sotto"), &model, &err), SOTTO_ERR_MODEL);
    assert_non_null(strstr(err.message, "not a sotto model"));
    assert_int_equal(mkfifo(so_scratch("pipe.sotto"), 0600), 0);
    assert_int_equal(so_model_map(so_scratch("pipe.sotto"), &model, &err), SOTTO_ERR_MODEL);
    assert_null(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_read_as_it_was_written),
        cmocka_unit_test(every_pointer_is_aligned_to_a_cache_line),
        cmocka_unit_test(equal_weights_make_equal_files),
        cmocka_unit_test(all_published_sizes_have_a_layout),
        cmocka_unit_test(weights_that_are_not_finite_are_refused_and_leave_no_file),
        cmocka_unit_test(what_is_no_model_file_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("model file", tests, make_folder, remove_folder);
}
