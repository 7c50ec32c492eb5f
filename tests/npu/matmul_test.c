/* The ten groups of tests of the earlier prototype, on the values and not the shapes; each on the CPU and on the emulator. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/xdna/tile.h"
#include "sotto_matmul.h"
#include "support.h"
#include "util/memory.h"

static sotto_matmul *handle[2]; /* CPU, emulator */

static sotto_matmul *open_with(sotto_device device, sotto_matmul_kernel kernel, uint32_t shift, sotto_rounding rounding) {
    sotto_matmul_options o;
    sotto_matmul *x;
    sotto_error err = {0};
    sotto_matmul_options_init(&o);
    o.device = device;
    o.kernel = kernel;
    o.scale_shift = shift;
    o.rounding = rounding;
    if (sotto_matmul_open(&o, &x, &err) != SOTTO_OK) fail_msg("%s", err.message);
    return x;
}

static int set_up(void **state) {
    (void)state;
    handle[0] = open_with(SOTTO_DEVICE_CPU, SOTTO_KERNEL_GEMM, 7, SOTTO_ROUND_FLOOR);
    handle[1] = open_with(SOTTO_DEVICE_EMULATOR, SOTTO_KERNEL_GEMM, 7, SOTTO_ROUND_FLOOR);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sotto_matmul_stats stats;
    sotto_matmul_statistics(handle[1], &stats);
    assert_int_equal(stats.fallbacks, 0);
    sotto_matmul_close(handle[0]);
    sotto_matmul_close(handle[1]);
    return 0;
}

static void check(sotto_matmul *x, size_t m, size_t k, size_t n, enum fill fill_a, enum fill fill_b) {
    int8_t *a = make_matrix(m, k, fill_a, (uint32_t)(m + 2 * k)), *b = make_matrix(k, n, fill_b, (uint32_t)(3 * n + k));
    int32_t *want = malloc(m * n * 4), *got = malloc(m * n * 4 + 64);
    memset(got + m * n, 0x5a, 64);
    plain_product(m, k, n, a, b, want);
    assert_int_equal(sotto_matmul_s32(x, m, k, n, a, b, got, NULL), SOTTO_OK);
    assert_memory_equal(got, want, m * n * 4);
    for (int i = 0; i < 16; i++) assert_int_equal(got[m * n + (size_t)i], 0x5a5a5a5a); /* nothing past the end */
    free(a);
    free(b);
    free(want);
    free(got);
}

static void basic_16_by_16(void **state) {
    (void)state;
    static const enum fill fills[] = {FILL_IDENTITY, FILL_RANDOM, FILL_ZERO, FILL_LOWEST, FILL_HIGHEST, FILL_MIXED};
    for (int h = 0; h < 2; h++)
        for (int i = 0; i < 6; i++) {
            check(handle[h], 16, 16, 16, FILL_RANDOM, fills[i]);
            check(handle[h], 16, 16, 16, fills[i], FILL_LOWEST);
        }
    /* The identity gives the exact matrix back. */
    int8_t *a = make_matrix(16, 16, FILL_RANDOM, 8), *one = make_matrix(16, 16, FILL_IDENTITY, 0);
    int32_t c[256];
    for (int h = 0; h < 2; h++) {
        assert_int_equal(sotto_matmul_s32(handle[h], 16, 16, 16, a, one, c, NULL), SOTTO_OK);
        for (int i = 0; i < 256; i++) assert_int_equal(c[i], a[i]);
    }
    free(a);
    free(one);
}

static void arbitrary_sizes(void **state) {
    (void)state;
    static const size_t edges[] = {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 130};
    enum { N = sizeof edges / sizeof edges[0] };
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            check(handle[0], edges[i], edges[j], edges[(i + j) % N], FILL_RANDOM, FILL_RANDOM);
            check(handle[1], edges[i], edges[j], edges[(i + j) % N], FILL_RANDOM, FILL_RANDOM);
        }
    static const size_t blocks[] = {255, 256, 257};
    for (size_t i = 0; i < 3; i++) check(handle[1], blocks[i], 65, blocks[(i + 1) % 3], FILL_RANDOM, FILL_RANDOM);
}

/* Too large for the plain definition: CPU and emulator agree on every byte, and both with plain C on a sample. */
static void large_products(void **state) {
    (void)state;
    static const size_t size[][3] = {{512, 512, 512}, {1024, 1024, 1024}, {1500, 512, 2048}, {2048, 2048, 2048}};
    for (size_t s = 0; s < 4; s++) {
        size_t m = size[s][0], k = size[s][1], n = size[s][2];
        int8_t *a = make_matrix(m, k, FILL_RANDOM, 1), *b = make_matrix(k, n, FILL_RANDOM, 2);
        int32_t *cpu = malloc(m * n * 4), *emulator = malloc(m * n * 4);
        assert_int_equal(sotto_matmul_s32(handle[0], m, k, n, a, b, cpu, NULL), SOTTO_OK);
        assert_int_equal(sotto_matmul_s32(handle[1], m, k, n, a, b, emulator, NULL), SOTTO_OK);
        assert_memory_equal(cpu, emulator, m * n * 4);
        for (size_t i = 0; i < 500; i++) {
            size_t r = i * 7919 % m, c = i * 104729 % n;
            int32_t sum = 0;
            for (size_t l = 0; l < k; l++) sum += a[r * k + l] * b[l * n + c];
            assert_int_equal(cpu[r * n + c], sum);
        }
        free(a);
        free(b);
        free(cpu);
        free(emulator);
    }
}

static void batches(void **state) {
    (void)state;
    enum { COUNT = 19, M = 20, K = 33, N = 40 };
    int8_t *a = make_matrix(COUNT * M, K, FILL_RANDOM, 5), *b = make_matrix(COUNT * K, N, FILL_RANDOM, 6);
    int32_t *got = malloc(COUNT * M * N * 4), want[M * N];
    for (int h = 0; h < 2; h++) {
        assert_int_equal(sotto_matmul_batch_s32(handle[h], COUNT, M, K, N, a, b, got, NULL), SOTTO_OK);
        for (size_t i = 0; i < COUNT; i++) {
            plain_product(M, K, N, a + i * M * K, b + i * K * N, want);
            assert_memory_equal(got + i * M * N, want, sizeof want);
        }
    }
    free(a);
    free(b);
    free(got);
}

static void edge_cases(void **state) {
    (void)state;
    for (int h = 0; h < 2; h++) {
        check(handle[h], 1, 1, 1, FILL_LOWEST, FILL_LOWEST);
        check(handle[h], 1, 1, 200, FILL_RANDOM, FILL_RANDOM);
        check(handle[h], 1, 200, 1, FILL_RANDOM, FILL_RANDOM);
        check(handle[h], 200, 1, 1, FILL_LOWEST, FILL_HIGHEST);
        int8_t byte = 1;
        int32_t c;
        sotto_error err;
        assert_int_equal(sotto_matmul_s32(handle[h], 0, 1, 1, &byte, &byte, &c, &err), SOTTO_ERR_ARGUMENT);
        assert_int_equal(sotto_matmul_s32(handle[h], 1, SOTTO_MATMUL_MAX_K + 1, 1, &byte, &byte, &c, &err), SOTTO_ERR_ARGUMENT);
        assert_int_equal(sotto_matmul_s32(handle[h], SIZE_MAX / 2, 2, 3, &byte, &byte, &c, &err), SOTTO_ERR_ARGUMENT);
        assert_int_equal(sotto_matmul_s32(handle[h], 1, 1, 1, NULL, &byte, &c, &err), SOTTO_ERR_ARGUMENT);
    }
}

static void quantisation(void **state) {
    (void)state;
    enum { M = 9, K = 300, N = 11 };
    int8_t *a = make_matrix(M, K, FILL_RANDOM, 15), *b = make_matrix(K, N, FILL_RANDOM, 16), got[M * N];
    int32_t sums[M * N];
    plain_product(M, K, N, a, b, sums);
    for (uint32_t shift = 0; shift <= 31; shift++)
        for (int nearest = 0; nearest < 2; nearest++)
            for (int device = 0; device < 2; device++) {
                if (device && shift != 7 && shift != 14) continue;
                sotto_matmul *x = open_with(device ? SOTTO_DEVICE_EMULATOR : SOTTO_DEVICE_CPU, SOTTO_KERNEL_GEMM, shift,
                                            nearest ? SOTTO_ROUND_NEAREST : SOTTO_ROUND_FLOOR);
                assert_int_equal(sotto_matmul_s8(x, M, K, N, a, b, got, NULL), SOTTO_OK);
                for (int i = 0; i < M * N; i++) {
                    double exact = ldexp(sums[i], -(int)shift), q = nearest ? floor(exact + 0.5) : floor(exact);
                    assert_int_equal(got[i], (int)fmin(127, fmax(-128, q)));
                }
                sotto_matmul_close(x);
            }
    /* Float operands: the product of what the quantised operands stand for, and scales that lead back. */
    float fa[M * K], fb[K * N], c[M * N], sa[M], sb[N];
    for (int i = 0; i < M * K; i++) fa[i] = ((float)a[i] * 0.01f + 0.00137f * (float)(i % 23)) * (float)(1 + i / K);
    for (int i = 0; i < K * N; i++) fb[i] = ((float)b[i] * 0.03f + 0.00173f * (float)(i % 29)) * (float)(1 + i % N);
    for (int h = 0; h < 2; h++)
        for (sotto_scales scales = SOTTO_SCALE_TENSOR; scales <= SOTTO_SCALE_CHANNEL; scales++) {
            assert_int_equal(sotto_matmul_f32(handle[h], M, K, N, fa, fb, scales, c, sa, sb, NULL), SOTTO_OK);
            double error = 0, size = 0;
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++) {
                    double exact = 0, quantised = 0;
                    for (int l = 0; l < K; l++) {
                        exact += (double)fa[i * K + l] * fb[l * N + j];
                        quantised += rint(fa[i * K + l] / sa[i]) * rint(fb[l * N + j] / sb[j]);
                    }
                    assert_true(fabs(c[i * N + j] - quantised * sa[i] * sb[j]) <= 1e-4 * fabs(quantised * sa[i] * sb[j]) + 1e-3 * sa[i] * sb[j] * 127);
                    error += (c[i * N + j] - exact) * (c[i * N + j] - exact);
                    size += exact * exact;
                }
            assert_true(sqrt(error / size) < (scales == SOTTO_SCALE_TENSOR ? 0.05 : scales == SOTTO_SCALE_ROW ? 0.02 : 0.01));
            for (int i = 1; i < M; i++) assert_true((sa[i] == sa[0]) == (scales == SOTTO_SCALE_TENSOR));
            for (int j = 1; j < N; j++) assert_true((sb[j] == sb[0]) == (scales != SOTTO_SCALE_CHANNEL));
        }
    fa[5] = NAN;
    assert_int_equal(sotto_matmul_f32(handle[0], M, K, N, fa, fb, SOTTO_SCALE_ROW, c, NULL, NULL, NULL), SOTTO_ERR_ARGUMENT);
    free(a);
    free(b);
}

static void the_cpu_takes_over(void **state) {
    (void)state;
    sotto_matmul_options o;
    sotto_matmul *x;
    sotto_error err = {0};
    sotto_matmul_options_init(&o);
    o.device = SOTTO_DEVICE_XDNA;
    o.xclbin = "/does/not/exist.xclbin";
    assert_int_equal(sotto_matmul_open(&o, &x, &err), SOTTO_ERR_DEVICE); /* asked for by name: an error */
    assert_true(err.message[0] != 0);
    setenv("NPU_MATMUL_ENABLED", "1", 1);
    o.device = SOTTO_DEVICE_AUTO;
    assert_int_equal(sotto_matmul_open(&o, &x, &err), SOTTO_OK); /* by the environment: the CPU */
    unsetenv("NPU_MATMUL_ENABLED");
    assert_string_equal(sotto_matmul_device(x), "cpu");
    check(x, 70, 80, 90, FILL_RANDOM, FILL_RANDOM);
    sotto_matmul_close(x);
}

struct job {
    sotto_matmul *x;
    uint32_t seed;
    bool good;
};

static void *work(void *context) {
    struct job *job = context;
    enum { M = 37, K = 90, N = 41 };
    int32_t want[M * N], got[M * N];
    job->good = true;
    for (uint32_t i = 0; i < 12; i++) {
        int8_t *a = make_matrix(M, K, FILL_RANDOM, job->seed * 100 + i), *b = make_matrix(K, N, FILL_RANDOM, job->seed + i);
        plain_product(M, K, N, a, b, want);
        job->good &= sotto_matmul_s32(job->x, M, K, N, a, b, got, NULL) == SOTTO_OK && memcmp(got, want, sizeof want) == 0;
        free(a);
        free(b);
    }
    return NULL;
}

static void threads_share_a_handle(void **state) {
    (void)state;
    for (int h = 0; h < 2; h++) {
        enum { THREADS = 6 };
        pthread_t thread[THREADS];
        struct job job[THREADS];
        for (uint32_t i = 0; i < THREADS; i++) {
            job[i] = (struct job){handle[h], i + 1, false};
            assert_int_equal(pthread_create(&thread[i], NULL, work, &job[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(thread[i], NULL);
            assert_true(job[i].good);
        }
    }
}

static void memory_is_used_again(void **state) {
    (void)state;
    sotto_matmul *x = open_with(SOTTO_DEVICE_EMULATOR, SOTTO_KERNEL_GEMM, 7, SOTTO_ROUND_FLOOR);
    sotto_matmul_stats one, many;
    check(x, 100, 64, 100, FILL_RANDOM, FILL_RANDOM);
    sotto_matmul_statistics(x, &one);
    for (int i = 0; i < 40; i++) check(x, 100, 64, 100, FILL_RANDOM, FILL_RANDOM);
    sotto_matmul_statistics(x, &many);
    assert_int_equal(many.on_device, 41);
    /* Each product moves its own operands once and its result once, and nothing else. */
    assert_int_equal(many.bytes_to - one.bytes_to, 40 * (100 * 64 + 64 * 256));
    assert_int_equal(many.bytes_from - one.bytes_from, 40 * 100 * 256 * 4);
    assert_int_equal(many.dispatches - one.dispatches, 40);
    sotto_matmul_close(x);
}

static void statistics_add_up(void **state) {
    (void)state;
    for (int h = 0; h < 2; h++) {
        sotto_matmul_stats s;
        sotto_matmul_reset(handle[h]);
        for (int i = 0; i < 20; i++) check(handle[h], 64, 64, 64, FILL_RANDOM, FILL_RANDOM);
        sotto_matmul_statistics(handle[h], &s);
        assert_int_equal(s.calls, 20);
        assert_int_equal(s.on_device, h ? 20 : 0);
        assert_int_equal(s.on_cpu, h ? 0 : 20);
        assert_true(s.minimum > 0 && s.minimum <= s.p50 && s.p50 <= s.p95 && s.p95 <= s.p99 && s.p99 <= s.maximum);
        assert_true(fabs(s.total / 20 - s.mean) < 1e-9 && s.mean >= s.minimum && s.mean <= s.maximum);
        assert_true(fabs(s.per_second * s.total - 20) < 1e-6);
        sotto_matmul_reset(handle[h]);
        sotto_matmul_statistics(handle[h], &s);
        assert_int_equal(s.calls + s.dispatches + s.bytes_to, 0);
    }
}

static void tile_kernels_are_lossy_in_exactly_the_modelled_way(void **state) {
    (void)state;
    enum { M = 50, K = 70, N = 33 };
    int8_t *a = make_matrix(M, K, FILL_RANDOM, 21), *b = make_matrix(K, N, FILL_RANDOM, 22), *one = make_matrix(K, K, FILL_IDENTITY, 0);
    int32_t want[M * K], got[M * K];
    for (sotto_matmul_kernel kernel = SOTTO_KERNEL_TILE16; kernel <= SOTTO_KERNEL_TILE64; kernel *= 2) {
        sotto_matmul *x = open_with(SOTTO_DEVICE_EMULATOR, kernel, 7, SOTTO_ROUND_FLOOR);
        sotto_matmul_stats s;
        size_t t = kernel, tiles = ((M + t - 1) / t) * ((K + t - 1) / t);
        so_tiles_model(kernel, M, K, N, a, b, want);
        assert_int_equal(sotto_matmul_s32(x, M, K, N, a, b, got, NULL), SOTTO_OK);
        assert_memory_equal(got, want, M * N * 4);
        sotto_matmul_statistics(x, &s);
        assert_true(s.lossy);
        assert_int_equal(s.dispatches, tiles * ((N + t - 1) / t));
        /* The old riddle: A times the identity is 0 or -1 in every tile, whatever A. */
        assert_int_equal(sotto_matmul_s32(x, M, K, K, a, one, got, NULL), SOTTO_OK);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < K; j++) assert_int_equal(got[i * K + j], a[i * K + j] < 0 ? -1 : 0);
        sotto_matmul_close(x);
    }
    free(a);
    free(b);
    free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_16_by_16),      cmocka_unit_test(arbitrary_sizes),
        cmocka_unit_test(large_products),      cmocka_unit_test(batches),
        cmocka_unit_test(edge_cases),          cmocka_unit_test(quantisation),
        cmocka_unit_test(the_cpu_takes_over),  cmocka_unit_test(threads_share_a_handle),
        cmocka_unit_test(memory_is_used_again), cmocka_unit_test(statistics_add_up),
        cmocka_unit_test(tile_kernels_are_lossy_in_exactly_the_modelled_way),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
