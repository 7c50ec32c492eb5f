/** INT4: packing is what the kernels multiply by, rounding knows what a layer hears, and imported models are
 * whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import_support.h"
#include "model/pack.h"
#include "model_support.h"
#include "nn/quantise4.h"
#include "synthetic.h"
#include "util/memory.h"

#define K 128
#define INPUTS 400

static int make_folder(void **state) {
    (void)state;
    so_scratch_make();
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    so_scratch_remove();
    return 0;
}

static float uniform(uint64_t stream, uint64_t i) {
    return (float)(so_synthetic_random(9, stream, i) >> 40) * 0x1p-23f - 1.0f;
}

static void packed_values_are_what_the_kernel_multiplies_by(void **state) {
    (void)state;
    enum { ROWS = 13 };
    static int8_t q[ROWS][K];
    static uint8_t steps[ROWS][K / 32], a[K];
    static _Alignas(64) uint8_t panel[K / 32 * SO_Q4_GROUP_BYTES];
    int32_t bsum[16], sums[16];
    for (size_t n = 0; n < ROWS; n++)
        for (size_t k = 0; k < K; k++) {
            q[n][k] = (int8_t)((int)(so_synthetic_random(1, n, k) % 16) - 8);
            steps[n][k / 32] = (uint8_t)so_synthetic_random(2, n, k / 32);
        }
    for (size_t k = 0; k < K; k++) a[k] = (uint8_t)so_synthetic_random(3, 0, k);
    so_pack_s4(&q[0][0], &steps[0][0], ROWS, K, panel, bsum);
    so_kernels()->gemm_q4_s32(1, 16, K, a, K, panel, bsum, sums, 16);
    for (size_t n = 0; n < 16; n++) {
        int32_t sum = 0;
        for (size_t k = 0; k < K && n < ROWS; k++) sum += (a[k] - 128) * q[n][k] * steps[n][k / 32];
        assert_int_equal(sums[n], sum);
    }
}

/** Inputs that share most of what they say, as a layer's do: [INPUTS][K]. */
static float *make_inputs(void) {
    float *x = malloc(sizeof *x * INPUTS * K);
    assert_non_null(x);
    for (size_t r = 0; r < INPUTS; r++)
        for (size_t k = 0; k < K; k++) {
            float shared = 0;
            for (size_t f = 0; f < 12; f++) shared += uniform(10 + f, r) * uniform(40 + f, k);
            x[r * K + k] = shared + 0.2f * uniform(99 + r, k);
        }
    return x;
}

static struct so_moments *moments_of(const float *x, struct so_pool *pool) {
    struct so_moments *moments;
    float *h = so_calloc(K * K, sizeof *h);
    assert_non_null(h);
    for (size_t i = 0; i < K; i++) {
        if (!x) h[i * K + i] = 1;
        for (size_t j = 0; x && j < K; j++)
            for (size_t r = 0; r < INPUTS; r++) h[i * K + j] += x[r * K + i] * x[r * K + j];
    }
    assert_int_equal(so_moments_create(K, h, &moments, NULL), SOTTO_OK);
    assert_int_equal(so_moments_factor(moments, so_kernels(), pool, NULL), SOTTO_OK);
    return moments;
}

/** Squared error of the products of one output. */
static double error_of(const float *x, const float *w, const struct so_moments *moments, double *of_weights) {
    int8_t q[K];
    uint8_t steps[K / 32];
    float scratch[2 * K], scale;
    double error = 0;
    so_quantise_s4(moments, so_kernels(), w, scratch, q, steps, &scale);
    *of_weights = 0;
    for (size_t k = 0; k < K; k++) {
        const double e = w[k] - (double)scale * steps[k / 32] * q[k];
        *of_weights += e * e;
    }
    for (size_t r = 0; r < INPUTS; r++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++) sum += x[r * K + k] * (w[k] - (double)scale * steps[k / 32] * q[k]);
        error += sum * sum;
    }
    return error;
}

static void rounding_that_knows_the_inputs_halves_the_error_of_products(void **state) {
    (void)state;
    struct so_pool *pool;
    assert_int_equal(so_pool_create(2, &pool, NULL), SOTTO_OK);
    float *x = make_inputs();
    struct so_moments *known = moments_of(x, pool), *unknown = moments_of(NULL, pool);
    double with = 0, without = 0, weights_with, weights_without, exact = 0, lost = 0;
    for (uint64_t row = 0; row < 24; row++) {
        float w[K];
        for (size_t k = 0; k < K; k++) w[k] = uniform(1000 + row, k), exact += (double)w[k] * w[k];
        with += error_of(x, w, known, &weights_with);
        without += error_of(x, w, unknown, &weights_without);
        lost += weights_without;
    }
    assert_true(with < 0.5 * without);
    assert_true(lost < 0.01 * exact); /* plain rounding to 15 levels */
    so_moments_free(known);
    so_moments_free(unknown);
    so_pool_free(pool);
    free(x);
}

static void rounding_does_not_depend_on_threads(void **state) {
    (void)state;
    float *x = make_inputs(), w[K], scratch[2 * K], scale[2];
    int8_t q[2][K];
    uint8_t steps[2][K / 32];
    for (size_t k = 0; k < K; k++) w[k] = uniform(7, k);
    for (size_t i = 0; i < 2; i++) {
        struct so_pool *pool;
        assert_int_equal(so_pool_create(1 + 2 * i, &pool, NULL), SOTTO_OK);
        struct so_moments *moments = moments_of(x, pool);
        so_quantise_s4(moments, so_kernels(), w, scratch, q[i], steps[i], &scale[i]);
        so_moments_free(moments);
        so_pool_free(pool);
    }
    assert_memory_equal(q[0], q[1], K);
    assert_memory_equal(steps[0], steps[1], K / 32);
    assert_memory_equal(&scale[0], &scale[1], sizeof scale[0]);
    free(x);
}

static void rows_of_zeros_and_silent_inputs_are_no_trouble(void **state) {
    (void)state;
    struct so_pool *pool;
    struct so_moments *moments;
    float w[K] = {0}, scratch[2 * K], scale = 1, *h = so_calloc(K * K, sizeof *h);
    int8_t q[K];
    uint8_t steps[K / 32];
    assert_int_equal(so_pool_create(1, &pool, NULL), SOTTO_OK);
    assert_int_equal(so_moments_create(K, h, &moments, NULL), SOTTO_OK);
    assert_int_equal(so_moments_factor(moments, so_kernels(), pool, NULL), SOTTO_OK);
    so_quantise_s4(moments, so_kernels(), w, scratch, q, steps, &scale);
    for (size_t k = 0; k < K; k++) assert_int_equal(q[k], 0);
    assert_true(scale == 0);
    w[5] = 0.25f; /* alone in its row: exact */
    so_quantise_s4(moments, so_kernels(), w, scratch, q, steps, &scale);
    for (size_t k = 0; k < K; k++)
        assert_true(fabsf(scale * (float)steps[k / 32] * (float)q[k] - w[k]) < 1e-3f);
    so_moments_free(moments);
    so_pool_free(pool);
}

static void an_int4_model_is_whole_smaller_and_near_its_weights(void **state) {
    (void)state;
    sotto_import_options options;
    sotto_model_info info;
    sotto_model *model;
    double correlation = 0;
    struct so_bytes bytes = so_make_ggml(SO_COARSE_F16, NULL);
    sotto_error err;
    so_store(so_scratch("weights"), bytes.data, bytes.size);
    free(bytes.data);
    sotto_import_options_init(&options);
    options.int4 = true;
    options.correlation = &correlation;
    if (sotto_model_import(so_scratch("weights"), so_scratch("half.sotto"), &options, &err))
        fail_msg("%s", err.message);
    assert_true(correlation >= SOTTO_LEAST_CORRELATION_INT4 && correlation < 1);
    assert_int_equal(sotto_model_verify(so_scratch("half.sotto"), NULL), SOTTO_OK);
    assert_int_equal(sotto_model_open(so_scratch("half.sotto"), &model, NULL), SOTTO_OK);
    sotto_model_describe(model, &info);
    assert_string_equal(info.precision, "int4");
    assert_string_equal(info.name, "half");
    const uint64_t size = info.file_size;
    sotto_model_close(model);
    options.int4 = false;
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("whole.sotto"), &options, NULL),
                     SOTTO_OK);
    assert_int_equal(sotto_model_open(so_scratch("whole.sotto"), &model, NULL), SOTTO_OK);
    sotto_model_describe(model, &info);
    assert_true(size + 50000 < info.file_size); /* one layer each of 64 channels: 0.1 MB of weights */
    sotto_model_close(model);
}

static void an_int4_import_leaves_nothing_behind_and_needs_a_recording_that_is_there(void **state) {
    (void)state;
    sotto_import_options options;
    sotto_error err;
    sotto_import_options_init(&options);
    options.int4 = true;
    options.calibration = "no-such-recording.wav";
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("other.sotto"), &options, &err),
                     SOTTO_ERR_IO);
    assert_non_null(strstr(err.message, "no-such-recording"));
    assert_int_not_equal(access(so_scratch("other.sotto"), F_OK), 0);
    options.f32 = true;
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("other.sotto"), &options, &err),
                     SOTTO_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_values_are_what_the_kernel_multiplies_by),
        cmocka_unit_test(rounding_that_knows_the_inputs_halves_the_error_of_products),
        cmocka_unit_test(rounding_does_not_depend_on_threads),
        cmocka_unit_test(rows_of_zeros_and_silent_inputs_are_no_trouble),
        cmocka_unit_test(an_int4_model_is_whole_smaller_and_near_its_weights),
        cmocka_unit_test(an_int4_import_leaves_nothing_behind_and_needs_a_recording_that_is_there),
    };
    return cmocka_run_group_tests_name("INT4", tests, make_folder, remove_folder);
}
