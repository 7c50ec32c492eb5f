/**
 * The numbers themselves: a hash of what each kernel makes of fixed inputs. The other tests compare levels on
 * one machine; this one compares machines, compilers and versions. A change here changes transcripts, and has
 * to be meant.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, COLS = 96, DEPTH = 71, POSITIONS = 45 };

/** FNV-1a, 64 bit. */
static uint64_t hash(uint64_t h, const void *data, size_t size) {
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}
#define START 0xcbf29ce484222325u
#define HASH(h, array) (h) = hash(h, array, sizeof(array))

static struct {
    _Alignas(64) int8_t panels[COLS / 16][(DEPTH + 3) / 4][16][4];
    _Alignas(64) float float_panels[COLS / 16][DEPTH][16];
    uint8_t bytes[ROWS][(DEPTH + 3) / 4 * 4];
    int32_t bsum[COLS], acc[ROWS][COLS];
    float x[ROWS][COLS], y[ROWS][COLS], vector[COLS], other[COLS], a_scale[ROWS], keys[POSITIONS][64];
} in;

static void fill_floats(float *x, size_t count, float scale) {
    for (size_t i = 0; i < count; i++) x[i] = ((float)(random_bits() >> 8) * 0x1p-23f - 1.0f) * scale;
}

static int fill(void **state) {
    (void)state;
    random_seed(2026);
    for (size_t i = 0; i < sizeof in.panels; i++)
        (&in.panels[0][0][0][0])[i] = (int8_t)((int)(random_bits() % 255) - 127);
    for (size_t i = 0; i < sizeof in.bytes; i++) (&in.bytes[0][0])[i] = (uint8_t)(random_bits() >> 24);
    for (size_t j = 0; j < COLS; j++) {
        for (size_t k = DEPTH; k % 4; k++) in.panels[j / 16][k / 4][j % 16][k % 4] = 0;
        for (size_t k = 0; k < DEPTH; k++) in.bsum[j] -= 128 * in.panels[j / 16][k / 4][j % 16][k % 4];
    }
    for (size_t i = 0; i < (size_t)ROWS * COLS; i++) (&in.acc[0][0])[i] = (int32_t)random_bits() >> 12;
    fill_floats(&in.float_panels[0][0][0], sizeof in.float_panels / 4, 1.0f);
    fill_floats(&in.x[0][0], sizeof in.x / 4, 6.0f), fill_floats(&in.y[0][0], sizeof in.y / 4, 6.0f);
    fill_floats(in.vector, COLS, 2.0f), fill_floats(in.other, COLS, 2.0f),
        fill_floats(in.a_scale, ROWS, 1e-5f);
    fill_floats(&in.keys[0][0], sizeof in.keys / 4, 3.0f);
    return 0;
}

/** One hash for each kernel, in the order of `names`. */
enum { KERNELS = 22 };
static const char *const names[KERNELS] = {
    "gemm_q8_s32 128",  "gemm_q8_s32 0",   "gemm_f32",       "quantize_q8",     "layernorm_f32",
    "layernorm_q8",     "add_f32",         "gelu_f32",       "dequant_f32",     "dequant_add_f32",
    "dequant_gelu_f32", "dequant_gelu_q8", "pack_keys_s8",   "pack_values_s8",  "softmax_q8",
    "softmax_s32_f32",  "softmax_f32",     "dequant_values", "weighted_sum_s8", "weighted_sum_f32",
    "max_f32 dot_f32",  "sum_exp_f32"};
static const uint64_t expected[KERNELS] = {
    0xb729503e6faffae9, 0x6d42a567ab886995, 0x37e024a7987da839, 0xe9a601fd5ca67baa, 0x38bb7027fb18f6be,
    0x81c48b43ba25bc3e, 0xb50b2690094986a6, 0xe9298e0fa50e61b4, 0x40ad97dfde6091f0, 0xb5129cf7d066459a,
    0x299885447efe2589, 0x68b0b164fd28fa10, 0xd6ca7ea0438d8262, 0xdbff056b4b8f2b89, 0xaf9876aeb4e63e8f,
    0x8a04275833df0a18, 0x3a607b973fc4be95, 0x6ce1a4f562462b8a, 0x358b0c1829a0f3c9, 0x1651177d4fbdfa70,
    0x3b7ecbd208cdfd7c, 0x5c08c20eae3476f4};

static void compute(const struct so_kernels *s, uint64_t out[KERNELS]) {
    int32_t sums[ROWS][COLS];
    float y[ROWS][COLS], scale[COLS], scratch[COLS];
    uint8_t q[ROWS][COLS];
    size_t n = 0;
    for (size_t i = 0; i < KERNELS; i++) out[i] = START;

    for (int zero = 128; zero >= 0; zero -= 128) {
        s->gemm_q8_s32(ROWS, COLS, DEPTH, in.bytes[0], sizeof in.bytes[0], zero, in.panels[0][0][0], in.bsum,
                       sums[0], COLS);
        HASH(out[n], sums), n++;
    }
    s->gemm_f32(ROWS, COLS, DEPTH, in.x[0], COLS, in.float_panels[0][0], in.vector, y[0], COLS);
    HASH(out[n], y), n++;
    s->quantize_q8(ROWS, COLS, in.x[0], COLS, q[0], COLS, scale);
    HASH(out[n], q), out[n] = hash(out[n], scale, ROWS * 4), n++;
    s->layernorm_f32(ROWS, COLS, in.x[0], COLS, in.vector, in.other, y[0], COLS);
    HASH(out[n], y), n++;
    s->layernorm_q8(ROWS, COLS, in.x[0], COLS, in.vector, in.other, q[0], COLS, scale);
    HASH(out[n], q), out[n] = hash(out[n], scale, ROWS * 4), n++;
    memcpy(y, in.y, sizeof y), s->add_f32(ROWS, COLS, y[0], COLS, in.x[0], COLS);
    HASH(out[n], y), n++;
    memcpy(y, in.y, sizeof y), s->gelu_f32(ROWS, COLS, y[0], COLS);
    HASH(out[n], y), n++;
    s->dequant_f32(ROWS, COLS, in.acc[0], COLS, in.a_scale, in.vector, in.other, y[0], COLS);
    HASH(out[n], y), n++;
    memcpy(y, in.y, sizeof y),
        s->dequant_add_f32(ROWS, COLS, in.acc[0], COLS, in.a_scale, in.vector, in.other, y[0], COLS);
    HASH(out[n], y), n++;
    s->dequant_gelu_f32(ROWS, COLS, in.acc[0], COLS, in.a_scale, in.vector, in.other, y[0], COLS);
    HASH(out[n], y), n++;
    s->dequant_gelu_q8(ROWS, COLS, in.acc[0], COLS, in.a_scale, in.vector, in.other, scratch, q[0], COLS,
                       scale);
    HASH(out[n], q), out[n] = hash(out[n], scale, ROWS * 4), n++;

    _Alignas(64) int8_t panels[3 * 16 * 64];
    int32_t bsum[64];
    float key_scale[64], p[COLS];
    s->pack_keys_s8(POSITIONS, 64, in.keys[0], 64, panels, bsum, key_scale);
    HASH(out[n], panels), out[n] = hash(out[n], bsum, 48 * 4), out[n] = hash(out[n], key_scale, 48 * 4), n++;
    s->pack_values_s8(POSITIONS, 64, in.keys[0], 64, panels, bsum, key_scale);
    HASH(out[n], panels), HASH(out[n], bsum), HASH(out[n], key_scale), n++;
    const uint32_t byte_sum = s->softmax_q8(COLS - 3, in.acc[0], in.vector, 1e-5f, q[0]);
    out[n] = hash(hash(out[n], q[0], COLS), &byte_sum, 4), n++;
    float sum = s->softmax_s32_f32(COLS - 3, in.acc[0], in.vector, 1e-5f, p);
    HASH(out[n], p), out[n] = hash(out[n], &sum, 4), n++;
    memcpy(p, in.x[0], sizeof p), sum = s->softmax_f32(COLS - 3, p, 0.7f);
    HASH(out[n], p), out[n] = hash(out[n], &sum, 4), n++;
    s->dequant_values(64, in.acc[0], in.vector, 1e-3f, p);
    out[n] = hash(out[n], p, 64 * 4), n++;
    s->weighted_sum_s8(POSITIONS, 64, in.vector, in.panels[0][0][0], 64, 0.3f, p);
    out[n] = hash(out[n], p, 64 * 4), n++;
    s->weighted_sum_f32(POSITIONS, 64, in.vector, in.keys[0], 64, 0.3f, p);
    out[n] = hash(out[n], p, 64 * 4), n++;
    const float reductions[2] = {s->max_f32(COLS - 3, in.vector), s->dot_f32(COLS - 3, in.vector, in.other)};
    HASH(out[n], reductions), n++;
    sum = s->sum_exp_f32(COLS - 3, in.x[0], 5.0f);
    out[n] = hash(out[n], &sum, 4), n++;
    assert_int_equal(n, KERNELS);
}

static void kernels_give_the_numbers_that_every_machine_gives(void **state) {
    (void)state;
    const struct so_kernels *const plain[] = {reference(), NULL};
    for (int round = 0; round < 2; round++)
        for (const struct so_kernels *const *level = round ? levels() : plain; *level; level++) {
            uint64_t actual[KERNELS];
            bool same = true;
            compute(*level, actual);
            for (size_t i = 0; i < KERNELS; i++)
                if (actual[i] != expected[i]) {
                    print_error("%s, %s: 0x%016llx\n", (*level)->level, names[i],
                                (unsigned long long)actual[i]);
                    same = false;
                }
            assert_true(same);
        }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kernels_give_the_numbers_that_every_machine_gives, fill)};
    return run_kernel_tests("fingerprint", tests, sizeof tests / sizeof *tests, argc, argv);
}
