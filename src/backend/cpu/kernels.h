/**
 * The table of CPU kernels: every vectorised loop of the program, one implementation for each CPU level.
 *
 * The contract is "same bits": for the same input each level writes the same bytes. Integer products are
 * exact. Float kernels fix their formula (explicit fused multiply-add, compiled with -ffp-contract=off) and
 * the order of each reduction: "lane sum" below means 16 accumulators, accumulator l taking the elements i
 * with i % 16 == l in rising order, then one tree (l += l+8, l += l+4, l += l+2, l += l+1). A maximum has no
 * order. This holds for every finite input, denormals included, of which no intermediate value overflows; NaN
 * and infinity crash nothing.
 *
 * Kernels neither allocate nor start threads, and read nothing but their arguments. Unless said otherwise
 * pointers need no alignment, outputs do not overlap inputs, and sizes are at least 1.
 *
 * 8-bit activations ("q8") are symmetric in [-127, 127] and stored with 128 added, as uint8_t: x = (q - 128)
 * * scale. That is the operand order of the dot-product instructions of x86 (unsigned times signed).
 *
 * A packed INT8 matrix B of K x N ("s8 panels") is what one layout for every level looks like:
 *   [ceil(N/16)][ceil(K/4)][16][4] int8, element (k, n) at ((n/16 * ceil(K/4) + k/4) * 16 + n%16) * 4 + k%4,
 * padded with zeros, with the sums int32 bsum[16*ceil(N/16)], bsum[n] = -128 * sum over k of B[k][n].
 * A packed float matrix is [ceil(N/16)][K][16].
 *
 * An INT4 matrix ("s4 panels", K a multiple of 32) is [ceil(N/16)][K/32] groups of SO_Q4_GROUP_BYTES: 256 bytes, of which byte
 * 64 j + 4 n%16 + i holds elements (8 j + i, n) and (8 j + 4 + i, n) of the group, each plus 8, in its low and high half; then 16
 * steps, one for each n. An element's worth is (half - 8) * step, both whole numbers; bsum as above, of these.
 */
#ifndef SO_BACKEND_CPU_KERNELS_H
#define SO_BACKEND_CPU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct so_mel_tables;   /* backend/cpu/mel_tables.h */
struct so_fbank_tables; /* backend/cpu/fbank_tables.h */

/** Columns of one panel of a packed matrix, and the number of virtual lanes of every float kernel. */
#define SO_LANES 16

/** Largest K of an INT8 product: 128 * 128 * K must stay below 2^31. */
#define SO_GEMM_MAX_K 131071

/** Inputs of one group of an INT4 matrix, and its bytes: 16 outputs' halves and steps. */
#define SO_Q4_GROUP 32
#define SO_Q4_GROUP_BYTES 272

/** Largest K of an INT4 product: 128 * 8 * 255 * K must stay below 2^31. */
#define SO_Q4_MAX_K 8192

struct so_kernels {
    const char *level; /**< "ref", "avx2", "avxvnni", "avx512", "neon", "dotprod" */

    /* ---- products ---- */

    /**
     * C[m][n] = sum over k of (A[m][k] - a_zero) * B[k][n], exact int32.
     * a: uint8 [m][lda], a_zero 128 (q8 activations) or 0 (probabilities); 4*ceil(k/4) bytes of each row are
     * readable, b: s8 panels, 64-byte aligned; bsum: as above; c: int32 [m][ldc], all 16*ceil(n/16) columns
     * are written (ldc is at least that). k <= SO_GEMM_MAX_K; with a_zero 0 k <= 65793, so that 255 * 128 * k
     * stays below 2^31. Fastest where C stays in the cache: some 48 or 96 rows in a call, its epilogue right
     * after.
     */
    void (*gemm_q8_s32)(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, int a_zero,
                        const int8_t *b, const int32_t *bsum, int32_t *c, size_t ldc);

    /**
     * C[m][n] = sum over k of (A[m][k] - 128) * B[k][n], exact int32, B in s4 panels (no alignment). k is a multiple of 32, at
     * most SO_Q4_MAX_K; the rest as gemm_q8_s32.
     */
    void (*gemm_q4_s32)(size_t m, size_t n, size_t k, const uint8_t *a, size_t lda, const uint8_t *b,
                        const int32_t *bsum, int32_t *c, size_t ldc);

    /**
     * C[m][n] = fma over k in rising order, starting from bias[n] (0 if bias is NULL).
     * a: float [m][lda]; b: float panels, 64-byte aligned; c: float [m][ldc], all 16*ceil(n/16) columns
     * written; bias: float [16*ceil(n/16)] or NULL.
     */
    void (*gemm_f32)(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     const float *bias, float *c, size_t ldc);

    /* ---- rows of activations: `cols` is a multiple of 16 in all of them ---- */

    /**
     * Per row: scale = max|x| / 127, q = rint(x * (127 / max|x|)) + 128, ties to even, the product not
     * rounded before. A row whose max|x| is below 2^-100 counts as zero: scale 0, q 128. So it is wherever
     * values become 8 bits.
     */
    void (*quantize_q8)(size_t rows, size_t cols, const float *x, size_t ldx, uint8_t *q, size_t ldq,
                        float *scale);

    /**
     * Layer normalisation (Ba et al. 2016), epsilon 1e-5: mean and variance by lane sum, sum * (1/cols) each;
     * y = fma((x - mean) * (1 / sqrt(variance + eps)), gamma, beta). variance = lane sum of fma(d, d, .), d =
     * x - mean.
     */
    void (*layernorm_f32)(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma,
                          const float *beta, float *y, size_t ldy);

    /** layernorm_f32 followed by quantize_q8, without the float row in between. */
    void (*layernorm_q8)(size_t rows, size_t cols, const float *x, size_t ldx, const float *gamma,
                         const float *beta, uint8_t *q, size_t ldq, float *scale);

    /** x += y. */
    void (*add_f32)(size_t rows, size_t cols, float *x, size_t ldx, const float *y, size_t ldy);

    /** x = gelu(x) = x * Phi(x), the exact form with erf (Hendrycks & Gimpel 2016), by one polynomial; in
     * place. */
    void (*gelu_f32)(size_t rows, size_t cols, float *x, size_t ldx);

    /* ---- epilogues of gemm_q8_s32: v = fma((float)acc * a_scale[row], w_scale[col], bias[col]) ---- */

    /** y = v. */
    void (*dequant_f32)(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                        const float *w_scale, const float *bias, float *y, size_t ldy);

    /** y = y + v (the residual stream). */
    void (*dequant_add_f32)(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                            const float *w_scale, const float *bias, float *y, size_t ldy);

    /** y = gelu(v). */
    void (*dequant_gelu_f32)(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                             const float *w_scale, const float *bias, float *y, size_t ldy);

    /** gelu(v) and then quantize_q8, row by row. `scratch`: float [cols]. */
    void (*dequant_gelu_q8)(size_t rows, size_t cols, const int32_t *acc, size_t lda, const float *a_scale,
                            const float *w_scale, const float *bias, float *scratch, uint8_t *q, size_t ldq,
                            float *scale);

    /* ---- attention in INT8: heads of `d` = 64 channels (d is a multiple of 16 here) ---- */

    /**
     * Keys of `rows` positions to s8 panels (N = positions, K = channels), one scale for each position:
     * scale[j] = max|x_j| / 127, s8 = rint(x * (127 / max|x_j|)), bsum[j] as above. The panels hold
     * 16*ceil(rows/16) positions; those past `rows` get zero bytes, scale 0, bsum 0. x: float [rows][ldx].
     */
    void (*pack_keys_s8)(size_t rows, size_t d, const float *x, size_t ldx, int8_t *panels, int32_t *bsum,
                         float *scale);

    /**
     * Values of `rows` positions to s8 panels (N = channels, K = positions), one scale for each channel over
     * all positions: scale[c] = max over rows |x| / 127. bsum[c] as above. x: float [rows][ldx].
     */
    void (*pack_values_s8)(size_t rows, size_t d, const float *x, size_t ldx, int8_t *panels, int32_t *bsum,
                           float *scale);

    /**
     * Softmax of one row of scores t[j] = (float)acc[j] * k_scale[j], s[j] = t[j] * q_scale (q_scale >= 0),
     * to unsigned bytes relative to the maximum: p[j] = rint(255 * exp((t[j] - max t) * q_scale)), within
     * 0.002 of it before rounding. Returns the sum of p (at least 255 if the scores are finite). p: uint8
     * [4*ceil(n/4)], zero past n.
     */
    uint32_t (*softmax_q8)(size_t n, const int32_t *acc, const float *k_scale, float q_scale, uint8_t *p);

    /** The same in float: p[j] = exp((t[j] - max t) * q_scale); returns the lane sum of p. p: float
     * [16*ceil(n/16)], zero past n. */
    float (*softmax_s32_f32)(size_t n, const int32_t *acc, const float *k_scale, float q_scale, float *p);

    /** Softmax of float scores in place, not divided: x[j] = exp((x[j] - max x) * scale), scale >= 0; returns
     * the lane sum. x as p above. */
    float (*softmax_f32)(size_t n, float *x, float scale);

    /** y[c] = (float)acc[c] * (v_scale[c] * factor), c < d. */
    void (*dequant_values)(size_t d, const int32_t *acc, const float *v_scale, float factor, float *y);

    /** y[c] = (fma over j in rising order of w[j] * v[j][c], from 0) * factor. v: int8 [n][ldv]. */
    void (*weighted_sum_s8)(size_t n, size_t d, const float *w, const int8_t *v, size_t ldv, float factor,
                            float *y);

    /** The same over float rows. */
    void (*weighted_sum_f32)(size_t n, size_t d, const float *w, const float *v, size_t ldv, float factor,
                             float *y);

    /* ---- logits ---- */

    float (*max_f32)(size_t n, const float *x);
    /** Lane sum of exp(x[i] - max), for which exp is within 2e-7 (relative), 0 below -87 and constant
     * above 88. */
    float (*sum_exp_f32)(size_t n, const float *x, float max);

    /* ---- features ---- */

    /** Lane sum of fma(a[i], b[i], .): the resampler's inner product. */
    float (*dot_f32)(size_t n, const float *a, const float *b);

    /** Four of these at once: y[i] = dot_f32(n, a[i], b[i]). n is a multiple of 16. */
    void (*dot4_f32)(size_t n, const float *const a[4], const float *const b[4], float y[4]);

    /**
     * log10 of the mel energies (at least 1e-10) of 16 frames of 400 samples, every 160 samples; a frame is a
     * lane. samples: float [15*160 + 400]; work: float [402][16], 64-byte aligned; out: float
     * [frames][n_mels], of which only the first `frames` <= 16 are written. Returns the maximum over these
     * (any order).
     */
    float (*logmel16)(const struct so_mel_tables *tables, size_t frames, const float *samples, float *work,
                      float *out);

    /** x[i] = (max(x[i], floor) + 4) * 0.25. */
    void (*logmel_scale)(size_t n, float floor, float *x);

    /**
     * Filter banks (features/fbank.h) of 16 frames of 400 samples, every 160 samples. samples: float [15*160 + 400]; work:
     * float [512][16], 64-byte aligned; out: float [frames][80], of which only the first `frames` <= 16 are written.
     */
    void (*fbank16)(const struct so_fbank_tables *tables, size_t frames, const float *samples, float *work,
                    float *out);

    /* ---- small recurrent networks (speech detection, speakers); the last three want n >= 0 of any value
     * ---- */

    /**
     * One step of a long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et
     * al. 2000) behind its two products: c = fma(s(f), c, s(i) * tanh(g)), h = s(o) * tanh(c), s the logistic
     * function, with gates = [i | f | g | o] of n values each. c, h: float [n]; n is a multiple of 16. s and
     * tanh are within 3e-7 of the exact values.
     */
    void (*lstm_cell)(size_t n, const float *gates, float *c, float *h);

    /** x = max(x, 0), +0 for -0 and NaN; in place. */
    void (*relu_f32)(size_t n, float *x);

    /** x = 1 / (1 + exp(-x)), as in lstm_cell; in place. NaN gives 0. */
    void (*sigmoid_f32)(size_t n, float *x);

    /** y = sqrt(fma(re, re, im * im)). y may be re or im. */
    void (*magnitude_f32)(size_t n, const float *re, const float *im, float *y);

    /* ---- convolutional networks (speakers): `cols` and `n` are multiples of 16 ---- */

    /** v = fma(x, factor[col], shift[col]); y = v > 0 ? v : v * slope. y may be x. */
    void (*affine_leaky_f32)(size_t rows, size_t cols, const float *x, size_t ldx, const float *factor,
                             const float *shift, float slope, float *y, size_t ldy);

    /**
     * v = max(fma(x, factor[col], shift[col]), 0) to unsigned bytes, one scale for each row: scale = max v / 255, q =
     * rint(v * (255 / max v)); zero point 0, zero rows as in quantize_q8.
     */
    void (*affine_relu_u8)(size_t rows, size_t cols, const float *x, size_t ldx, const float *factor,
                           const float *shift, uint8_t *q, size_t ldq, float *scale);

    /** q = rint(min(max(x, 0), largest) * (255 / largest)), zero point 0; returns the scale, largest / 255. */
    float (*quantize_u8)(size_t n, const float *x, float largest, uint8_t *q);

    /**
     * Sums and differences of samples and their mirror image: even[r][i] = a + b, odd[r][i] = a - b with a = x[r*step + i] and b =
     * mirrored[i - r*step]. x: float [(rows - 1)*step + cols]; mirrored: readable from -(rows - 1)*step to cols; even, odd: [rows][cols].
     */
    void (*fold_f32)(size_t rows, size_t cols, const float *x, size_t step, const float *mirrored, float *even, float *odd);

    /** sum[col] += x over the rows in rising order. */
    void (*column_sums)(size_t rows, size_t cols, const float *x, size_t ldx, float *sum);

    /** sum[col] = fma(d, d, sum[col]) over the rows in rising order, d = x - mean[col]. */
    void (*column_squares)(size_t rows, size_t cols, const float *x, size_t ldx, const float *mean, float *sum);

    /** Row r of y is the maximum of rows 3r, 3r + 1, 3r + 2 of x: max(max(a, b), c). y may be x. */
    void (*pool3_f32)(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy);

    /** The same of |fma(x, factor, shift[col])|. */
    void (*pool3_abs_f32)(size_t rows, size_t cols, const float *x, size_t ldx, float factor, const float *shift,
                          float *y, size_t ldy);

    /** y = ((a + b) + c) * factor. */
    void (*sum3_mul_f32)(size_t cols, const float *a, const float *b, const float *c, const float *factor, float *y);

    /** x = max(x, 0), +0 for -0 and NaN, in place; returns the largest. */
    float (*relu_max_f32)(size_t n, float *x);
};

/**
 * The kernels for this process: the best level that the CPU has, at most the one that $SOTTO_CPU names.
 * Filled once, the program's only global state. An unknown name in $SOTTO_CPU is an error for
 * so_kernels_check and means "ref" here.
 */
const struct so_kernels *so_kernels(void);

/** The kernels of one level, NULL if this CPU or this build does not have it: for tests and benchmarks. */
const struct so_kernels *so_kernels_level(const char *level);

/** Names of all levels of this architecture, lowest first, NULL-terminated. */
const char *const *so_kernels_levels(void);

/** Whether $SOTTO_CPU, if set, names a level: 0, or -1. */
int so_kernels_check(void);

#endif
