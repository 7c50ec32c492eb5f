/** The check at import: a quantised model is near its own float weights, and far from others'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import_support.h"
#include "model/import.h"
#include "model_support.h"
#include "synthetic.h"
#include "whisper/fidelity.h"

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

static sotto_status rows(void *context, const struct so_item *item, enum so_part part, uint32_t first,
                         uint32_t count, float *out, sotto_error *err) {
    const uint64_t *seed = context;
    const uint32_t columns = part == SO_PART_WEIGHT ? item->k : 1;
    (void)err;
    for (uint32_t i = 0; i < count * columns; i++)
        out[i] = so_synthetic_weight(*seed, item, part, first + i / columns, i % columns);
    return SOTTO_OK;
}

static double fidelity(uint64_t seed, size_t threads) {
    const struct so_weights weights = {&seed, rows, NULL};
    struct so_model *model;
    struct so_pool *pool;
    double correlation;
    assert_int_equal(so_model_map(so_scratch("model.sotto"), &model, NULL), SOTTO_OK);
    assert_int_equal(so_pool_create(threads, &pool, NULL), SOTTO_OK);
    assert_int_equal(so_fidelity(model, &weights, pool, &correlation, NULL), SOTTO_OK);
    so_pool_free(pool);
    so_model_unmap(model);
    return correlation;
}

static void a_quantised_model_is_near_its_own_weights_and_no_others(void **state) {
    (void)state;
    const struct so_hparams hp = so_synthetic_hparams(64, 2, 1, 80, 51864);
    assert_int_equal(so_synthetic_write(so_scratch("model.sotto"), &hp, SO_INT8, 5, NULL), SOTTO_OK);
    const double own = fidelity(5, 1);
    assert_true(own > 0.99 && own < 1);
    assert_true(own == fidelity(5, 2));
    assert_true(fidelity(6, 1) < 0.5);
}

static void float_weights_agree_with_themselves(void **state) {
    (void)state;
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    assert_int_equal(so_synthetic_write(so_scratch("model.sotto"), &hp, SO_F32, 5, NULL), SOTTO_OK);
    assert_true(fidelity(5, 1) > 1 - 1e-12);
}

static void made_up_speech_is_loud_finite_and_the_same_each_time(void **state) {
    (void)state;
    static float first[160000], second[160000];
    double power = 0;
    float most = 0;
    so_made_up_speech(first, 160000);
    so_made_up_speech(second, 160000);
    assert_memory_equal(first, second, sizeof first);
    for (size_t i = 0; i < 160000; i++) {
        const float magnitude = first[i] < 0 ? -first[i] : first[i];
        assert_true(magnitude < 1);
        if (magnitude > most) most = magnitude;
        power += (double)first[i] * first[i];
    }
    assert_true(most > 0.1f);
    assert_true(power / 160000 > 1e-4);
}

static sotto_status object(void *context, const char *path, const struct so_weights *weights,
                           sotto_error *err) {
    (void)weights;
    *(bool *)context = access(path, F_OK) == 0 && access(so_scratch("out.sotto"), F_OK) != 0;
    return so_fail(err, SOTTO_ERR_MODEL, "not good enough");
}

static void a_file_that_is_not_good_enough_never_gets_its_name(void **state) {
    (void)state;
    bool seen = false;
    const struct so_import_hooks hooks = {&seen, object, NULL, NULL};
    sotto_import_options options;
    sotto_error err;
    struct so_bytes bytes = so_make_ggml(SO_COARSE_F16, NULL);
    so_store(so_scratch("weights"), bytes.data, bytes.size);
    free(bytes.data);
    sotto_import_options_init(&options);
    assert_int_equal(so_import(so_scratch("weights"), so_scratch("out.sotto"), &options, &hooks, &err),
                     SOTTO_ERR_MODEL);
    assert_string_equal(err.message, "not good enough");
    assert_true(seen);
    assert_int_not_equal(access(so_scratch("out.sotto"), F_OK), 0);
}

static void imports_tell_their_correlation(void **state) {
    (void)state;
    sotto_import_options options;
    double correlation = -1;
    sotto_import_options_init(&options);
    options.correlation = &correlation;
    assert_int_equal(sotto_model_import(so_scratch("weights"), so_scratch("out.sotto"), &options, NULL),
                     SOTTO_OK);
    assert_true(correlation >= SOTTO_LEAST_CORRELATION && correlation < 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantised_model_is_near_its_own_weights_and_no_others),
        cmocka_unit_test(float_weights_agree_with_themselves),
        cmocka_unit_test(made_up_speech_is_loud_finite_and_the_same_each_time),
        cmocka_unit_test(a_file_that_is_not_good_enough_never_gets_its_name),
        cmocka_unit_test(imports_tell_their_correlation),
    };
    return cmocka_run_group_tests_name("fidelity", tests, make_folder, remove_folder);
}
