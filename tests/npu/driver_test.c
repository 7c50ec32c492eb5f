/* The device model refuses what the kernel driver refuses, and forgets nothing that caches would have kept. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/xdna/uapi.h"
#include "rig.h"

static const struct so_gemm_shape small = {256, 64, 256};

static int create_bo(struct so_xdna *d, uint64_t flags, uint64_t size, uint32_t type) {
    struct so_uapi_create_bo r = {.flags = flags, .size = size, .type = type};
    return so_xdna_ioctl(d, SO_IOCTL_CREATE_BO, &r);
}

static void order_of_calls_is_enforced(void **state) {
    (void)state;
    struct so_emulator *e = so_emulator_create(NULL);
    struct so_xdna *d;
    assert_int_equal(so_xdna_open_bare(so_emulator_sys(e), NULL, &d, NULL), SOTTO_OK);
    struct so_uapi_qos qos = {0};
    struct so_uapi_create_hwctx context = {.qos_p = (uintptr_t)&qos, .max_opc = 2048, .num_tiles = 16};
    assert_int_equal(create_bo(d, 0, 4096, SO_BO_DEV), -EINVAL);                                /* no heap */
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &context), -ENOENT);               /* no heap */
    assert_int_equal(create_bo(d, 0, 4096, SO_BO_DEV_HEAP), -EINVAL);                           /* not 64 MiB */
    assert_int_equal(create_bo(d, 0, 2 * SO_XDNA_HEAP_BYTES, SO_BO_DEV_HEAP), -EINVAL);         /* over 64 MiB */
    struct so_uapi_create_bo heap = {.size = SO_XDNA_HEAP_BYTES, .type = SO_BO_DEV_HEAP};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_BO, &heap), 0);
    assert_int_equal(create_bo(d, 0, SO_XDNA_HEAP_BYTES, SO_BO_DEV_HEAP), -EBUSY); /* a second one */
    assert_int_equal(create_bo(d, 0, 4096, SO_BO_DEV), -EAGAIN);                   /* not mapped */
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &context), -EAGAIN);  /* not mapped */
    struct so_uapi_get_bo_info info = {.handle = heap.handle};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_GET_BO_INFO, &info), 0);
    void *at;
    assert_int_equal(d->sys.map(d->sys.context, (void *)(uintptr_t)0x10001000, SO_XDNA_HEAP_BYTES, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_FIXED, d->fd, info.map_offset, &at), -EINVAL); /* not aligned */
    struct so_drm_gem_close close = {.handle = heap.handle};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_GEM_CLOSE, &close), 0);
    so_xdna_close(d);
    so_emulator_free(e);
}

static void fields_that_must_be_zero_are_checked(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    struct so_xdna *d = rig.device;
    struct so_uapi_qos qos = {0};
    const struct so_uapi_create_hwctx good = {.qos_p = (uintptr_t)&qos, .max_opc = 2048, .num_tiles = 16};
    struct so_uapi_create_hwctx bad = good;
    bad.ext = 1;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &bad), -EINVAL);
    bad = good, bad.ext_flags = 1;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &bad), -EINVAL);
    bad = good, bad.qos_p = 0;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &bad), -EFAULT);
    bad = good, bad.num_tiles = 3;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &bad), -EINVAL);
    bad = good, bad.num_tiles = 20;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &bad), -EINVAL);
    assert_int_equal(create_bo(d, 1, 4096, SO_BO_SHARE), -EINVAL);
    assert_int_equal(create_bo(d, 0, 0, SO_BO_SHARE), -EINVAL);
    assert_int_equal(create_bo(d, 0, 8192, SO_BO_CMD), -EINVAL);
    assert_int_equal(create_bo(d, 0, 4096, 7), -EINVAL);
    struct so_uapi_get_bo_info info = {.handle = rig.a.handle, .pad = 1};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_GET_BO_INFO, &info), -EINVAL);
    struct so_uapi_sync_bo sync = {.handle = rig.a.handle, .direction = SO_SYNC_FROM_DEVICE, .size = 64};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_SYNC_BO, &sync), -EINVAL);
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    uint32_t handle = rig.stream.handle;
    const struct so_uapi_exec_cmd exec = {.hwctx = rig.context.handle, .cmd_handles = rig.command.handle,
                                          .args = (uintptr_t)&handle, .cmd_count = 1, .arg_count = 1};
    struct so_uapi_exec_cmd e = exec;
    e.ext = 1;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -EINVAL);
    e = exec, e.type = 1;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -EINVAL);
    e = exec, e.cmd_count = 2;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -EINVAL);
    e = exec, e.arg_count = 4096;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -EINVAL);
    e = exec, e.cmd_handles = rig.a.handle;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -EINVAL);
    e = exec, e.hwctx = 99;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_EXEC_CMD, &e), -ENOENT);
    rig_close(&rig);
}

static void a_context_is_configured_once_and_there_are_six(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    struct so_xdna *d = rig.device;
    struct so_uapi_config_cu units = {.num_cus = 1, .cus = {{.cu_bo = rig.context.pdi.handle}}};
    struct so_uapi_config_hwctx config = {.handle = rig.context.handle, .param_val = (uintptr_t)&units, .param_val_size = 16};
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CONFIG_HWCTX, &config), -EINVAL); /* again */
    struct so_uapi_qos qos = {0};
    struct so_uapi_create_hwctx more[6];
    for (int i = 0; i < 6; i++) {
        more[i] = (struct so_uapi_create_hwctx){.qos_p = (uintptr_t)&qos, .max_opc = 2048, .num_tiles = 16};
        assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CREATE_HWCTX, &more[i]), i < 5 ? 0 : -EINVAL);
    }
    units.cus[0].cu_bo = rig.a.handle; /* not a DEV buffer */
    config.handle = more[0].handle;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CONFIG_HWCTX, &config), -EINVAL);
    units.cus[0].cu_bo = rig.context.pdi.handle;
    assert_int_equal(so_xdna_ioctl(d, SO_IOCTL_CONFIG_HWCTX, &config), 0);
    rig_close(&rig);
}

static void buffers_must_be_pinned(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    for (int missing = 0; missing < 4; missing++) {
        uint32_t all[] = {rig.stream.handle, rig.a.handle, rig.b.handle, rig.c.handle}, some[3];
        for (int i = 0, n = 0; i < 4; i++)
            if (i != missing) some[n++] = all[i];
        rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
        uint64_t seq;
        assert_int_equal(so_xdna_submit(rig.device, &rig.context, &rig.command, some, 3, &seq, NULL), SOTTO_OK);
        assert_int_not_equal(so_xdna_wait(rig.device, &rig.context, &rig.command, seq, NULL), SOTTO_OK);
        rig_renew(&rig);
    }
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    assert_int_equal(rig_run(&rig), RIGHT);
    /* The same packet again, without making it new. */
    assert_int_equal(rig_run(&rig), REFUSED);
    rig_close(&rig);
}

/* Which flush is left out: of A, of the stream, of C before reading. */
static void a_forgotten_flush_shows(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    rig.a.map[100] ^= 1; /* written and not flushed: the device reads the old byte */
    assert_int_equal(rig_run(&rig), RIGHT);
    so_xdna_bo_flush(rig.device, &rig.a, 0, 4096);
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    assert_int_equal(rig_run(&rig), WRONG);
    rig.a.map[100] ^= 1;
    so_xdna_bo_flush(rig.device, &rig.a, 0, 4096);

    rig_poison(&rig);
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    uint32_t handles[] = {rig.stream.handle, rig.a.handle, rig.b.handle, rig.c.handle};
    uint64_t seq;
    assert_int_equal(so_xdna_submit(rig.device, &rig.context, &rig.command, handles, 4, &seq, NULL), SOTTO_OK);
    assert_int_equal(so_xdna_wait(rig.device, &rig.context, &rig.command, seq, NULL), SOTTO_OK);
    assert_int_equal(rig.c.map[0], 0x7e); /* stale */
    so_xdna_bo_flush(rig.device, &rig.c, 0, rig.c.size);
    assert_memory_equal(rig.c.map, rig.expected, so_gemm_c_bytes(small));

    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    memset(rig.stream.map, 0xff, 64); /* written and not flushed: the old stream runs */
    assert_int_equal(rig_run(&rig), RIGHT);
    rig_close(&rig);
}

static void a_deadline_is_absolute_and_a_fifth_command_waits(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    struct so_xdna_bo command[5];
    uint32_t handles[] = {rig.stream.handle, rig.a.handle, rig.b.handle, rig.c.handle};
    uint64_t seq[5];
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(so_xdna_bo_create(rig.device, SO_BO_CMD, 4096, &command[i], NULL), SOTTO_OK);
        memcpy(command[i].map, rig.command.map, sizeof(struct so_packet_call));
        assert_int_equal(so_xdna_submit(rig.device, &rig.context, &command[i], handles, 4, &seq[i], NULL), SOTTO_OK);
        assert_int_equal(seq[i], i + 1);
    }
    struct so_emulator_counts counts;
    so_emulator_count(rig.emulator, &counts);
    assert_true(counts.completed >= 1); /* room was made for the fifth */
    uint32_t timeline = rig.context.syncobj;
    struct so_drm_timeline_wait wait = {.handles = (uintptr_t)&timeline, .points = (uintptr_t)&seq[4],
                                        .timeout_nsec = 1000000000, .count_handles = 1};
    assert_int_equal(so_xdna_ioctl(rig.device, SO_IOCTL_TIMELINE_WAIT, &wait), -ETIME); /* one second after the machine started */
    assert_int_equal(so_xdna_wait(rig.device, &rig.context, &command[4], seq[4], NULL), SOTTO_OK);
    for (int i = 0; i < 5; i++) so_xdna_bo_free(rig.device, &command[i]);
    rig_close(&rig);
}

static void a_chain_reports_the_command_that_failed(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, small, 1);
    struct so_xdna_bo command[3], chain;
    const struct so_xdna_bo *list[3] = {&command[0], &command[1], &command[2]};
    uint32_t handles[] = {rig.stream.handle, rig.a.handle, rig.b.handle, rig.c.handle};
    uint64_t seq;
    rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(so_xdna_bo_create(rig.device, SO_BO_CMD, 4096, &command[i], NULL), SOTTO_OK);
        memcpy(command[i].map, rig.command.map, sizeof(struct so_packet_call));
    }
    assert_int_equal(so_xdna_bo_create(rig.device, SO_BO_CMD, 4096, &chain, NULL), SOTTO_OK);
    so_xdna_command_chain(&chain, list, 3);
    so_emulator_set_fault(rig.emulator, &(struct so_emulator_fault){SO_FAULT_STATE, 2, SO_STATE_ABORT});
    assert_int_equal(so_xdna_submit(rig.device, &rig.context, &chain, handles, 4, &seq, NULL), SOTTO_OK);
    sotto_error err = {0};
    assert_int_not_equal(so_xdna_wait(rig.device, &rig.context, &chain, seq, &err), SOTTO_OK);
    assert_non_null(strstr(err.message, "command 2 of 3"));
    for (int i = 0; i < 3; i++) so_xdna_bo_free(rig.device, &command[i]);
    so_xdna_bo_free(rig.device, &chain);
    rig_close(&rig);
}

static void newer_questions_are_optional(void **state) {
    (void)state;
    struct so_xdna_facts facts;
    for (int minor = 0; minor <= 10; minor += 10) {
        struct so_emulator *e = so_emulator_create(&(struct so_emulator_options){.driver_minor = minor});
        struct so_xdna *d;
        assert_int_equal(so_xdna_open(so_emulator_sys(e), NULL, &d, NULL), SOTTO_OK);
        assert_int_equal(d->driver_minor, minor);
        so_xdna_query(d, &facts);
        assert_true(facts.has_metadata && facts.has_clocks && facts.has_firmware);
        assert_int_equal(facts.has_resources, minor == 10);
        assert_int_equal(facts.has_power_mode, minor == 10);
        assert_int_equal(facts.n_sensors, 0); /* no figure where the driver gives none */
        assert_int_equal(facts.metadata.cols, 5);
        assert_int_equal(facts.firmware.build, 391);
        so_xdna_close(d);
        so_emulator_free(e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_calls_is_enforced),
        cmocka_unit_test(fields_that_must_be_zero_are_checked),
        cmocka_unit_test(a_context_is_configured_once_and_there_are_six),
        cmocka_unit_test(buffers_must_be_pinned),
        cmocka_unit_test(a_forgotten_flush_shows),
        cmocka_unit_test(a_deadline_is_absolute_and_a_fifth_command_waits),
        cmocka_unit_test(a_chain_reports_the_command_that_failed),
        cmocka_unit_test(newer_questions_are_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
