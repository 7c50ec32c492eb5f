/* A model's devices: opened once, shared, asked for by option before variable, and honest about what they cannot do. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/toy.h"
#include "decode/device.h"

static const struct so_hparams sizes = {80, 200, 64, 1, 1, 32, 64, 1, 1, 83};
static struct toy toy;
static struct so_devices *devices;
static char lines[8][700];
static unsigned n_lines;

static void note(void *user, sotto_log_level level, const char *line) {
    (void)user;
    if (level > SOTTO_LOG_WARNING) return;
    if (n_lines < 8) snprintf(lines[n_lines], sizeof lines[0], "%s", line);
    n_lines++;
}

static sotto_options options_for(sotto_device device) {
    sotto_options options;
    sotto_options_init(&options);
    options.device = device;
    options.on_log = note;
    n_lines = 0;
    return options;
}

static int set_up(void **state) {
    (void)state;
    unsetenv("NPU_MATMUL_ENABLED");
    unsetenv("MATMUL_XCLBIN");
    toy_create(&toy, &sizes, SO_INT8, 3);
    assert_int_equal(so_devices_create(&toy.model, &devices, NULL), SOTTO_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    so_devices_free(devices);
    toy_free(&toy);
    unsetenv("NPU_MATMUL_ENABLED");
    unsetenv("MATMUL_XCLBIN");
    return 0;
}

static void a_device_is_opened_once_for_each_way_of_asking(void **state) {
    (void)state;
    sotto_options options = options_for(SOTTO_DEVICE_EMULATOR);
    struct so_device_use first, second, all, cpu;
    assert_int_equal(so_device_use(devices, &options, &first, NULL), SOTTO_OK);
    assert_int_equal(so_device_use(devices, &options, &second, NULL), SOTTO_OK);
    assert_non_null(first.backend);
    assert_ptr_equal(first.backend, second.backend);
    options.npu_all = true;
    assert_int_equal(so_device_use(devices, &options, &all, NULL), SOTTO_OK);
    assert_ptr_not_equal(all.backend, first.backend);
    options.device = SOTTO_DEVICE_CPU;
    assert_int_equal(so_device_use(devices, &options, &cpu, NULL), SOTTO_OK);
    assert_null(cpu.backend);
    assert_int_equal(n_lines, 0);
}

static void *use_device(void *out) {
    sotto_options options;
    sotto_options_init(&options);
    options.device = SOTTO_DEVICE_EMULATOR;
    assert_int_equal(so_device_use(devices, &options, out, NULL), SOTTO_OK);
    return NULL;
}

static void threads_that_ask_at_once_share_it(void **state) {
    (void)state;
    pthread_t thread[4];
    struct so_device_use use[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&thread[i], NULL, use_device, &use[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    for (int i = 1; i < 4; i++) assert_ptr_equal(use[i].backend, use[0].backend);
}

static void a_tile_kernel_needs_force_and_says_that_it_is_lossy(void **state) {
    (void)state;
    sotto_options options = options_for(SOTTO_DEVICE_EMULATOR);
    struct so_device_use use;
    sotto_error err = {0};
    options.npu_kernel = 16;
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_ERR_DEVICE);
    assert_non_null(strstr(err.message, "dispatches"));
    assert_non_null(strstr(err.message, "--force"));
    options.npu_force = true;
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_OK);
    assert_true(use.lossy);
    assert_int_equal(n_lines, 1);
    assert_non_null(strstr(lines[0], "lossy"));
    struct so_capabilities can;
    so_backend_describe(use.backend, &can);
    assert_true(can.lossy && can.tile_m == 16);
}

static void the_environment_asks_and_the_cpu_answers(void **state) {
    (void)state;
    sotto_options options = options_for(SOTTO_DEVICE_AUTO);
    struct so_device_use use;
    sotto_error err = {0};
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_OK);
    assert_null(use.backend);
    assert_int_equal(n_lines, 0);
    setenv("NPU_MATMUL_ENABLED", "1", 1);
    setenv("MATMUL_XCLBIN", "/nowhere/matmul_16x16.xclbin", 1);
    for (int i = 0; i < 3; i++) assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_OK);
    assert_null(use.backend);
    assert_int_equal(n_lines, 1); /* one line, not one for each recording */
    options.device = SOTTO_DEVICE_XDNA;
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_ERR_DEVICE);
    assert_true(err.message[0] != 0);
}

/* A tile overlay where nobody asked for one: the planner's price is the reason. */
static void the_price_of_a_tile_overlay_is_told_before_it_is_paid(void **state) {
    (void)state;
    char folder[] = "/tmp/sotto-tiles-XXXXXX", path[100];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/matmul_16x16.xclbin", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("not looked at", file);
    fclose(file);
    setenv("MATMUL_XCLBIN", path, 1);
    sotto_options options = options_for(SOTTO_DEVICE_XDNA);
    struct so_device_use use;
    sotto_error err = {0};
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_ERR_DEVICE);
    assert_non_null(strstr(err.message, "dispatches"));
    setenv("NPU_MATMUL_ENABLED", "1", 1);
    options.device = SOTTO_DEVICE_AUTO;
    assert_int_equal(so_device_use(devices, &options, &use, &err), SOTTO_OK);
    assert_null(use.backend);
    assert_int_equal(n_lines, 1);
    assert_non_null(strstr(lines[0], "dispatches"));
    remove(path);
    remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_is_opened_once_for_each_way_of_asking, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_ask_at_once_share_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tile_kernel_needs_force_and_says_that_it_is_lossy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_asks_and_the_cpu_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_price_of_a_tile_overlay_is_told_before_it_is_paid, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
