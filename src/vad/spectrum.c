/*
 * Magnitude spectra. A window of 256 samples x times the symmetric window (0 at 0) has the transform
 *   X[k] = C[k] - iS[k], C[k] = sum over n = 1..128 of c[k][n] e[n], S[k] = sum over n = 1..127 of s[k][n]
 * o[n], with e[n] = x[n] + x[256-n] (e[128] = x[128]), o[n] = x[n] - x[256-n]. Bins k and 128-k share their
 * sums over even n and over odd n: C[128-k] = C_even[k] - C_odd[k], S[128-k] = S_odd[k] - S_even[k]. So four
 * products of 64 by 64 do the work of one of 256 by 258.
 */
#include "vad/layers.h"

#define TAPER 64  /* reflected samples at a frame's end */
#define PAIRS 320 /* samples of even (odd) index in a frame and its reflection */
#define HALF_ROW (SO_VAD_HALF_OUT + 3 * SO_VAD_HALF)

/* One frame's samples of even and of odd index, forwards and backwards, so that the folding reads straight
 * on. */
struct split {
    float even[PAIRS], odd[PAIRS], even_back[PAIRS], odd_back[PAIRS];
};

static void split_frame(const float *x /* [576] */, struct split *s) {
    for (size_t i = 0; i < 288; i++) {
        s->even[i] = x[2 * i];
        s->odd[i] = x[2 * i + 1];
    }
    for (size_t i = 0; i < TAPER / 2; i++) { /* sample 576 + j is sample 574 - j */
        s->even[288 + i] = x[574 - 2 * i];
        s->odd[288 + i] = x[573 - 2 * i];
    }
    for (size_t i = 0; i < PAIRS; i++) {
        s->even_back[i] = s->even[PAIRS - 1 - i];
        s->odd_back[i] = s->odd[PAIRS - 1 - i];
    }
}

/* out [4*64]: e[n] and o[n] for n = 2, 4 .. 128, then for n = 1, 3 .. 127, of the window from sample 2*at on.
 */
static void fold_window(const struct split *s, size_t at, float *restrict out) {
    const float *even = s->even + at + 1, *odd = s->odd + at;
    const float *even_back = s->even_back + PAIRS - at - 128, *odd_back = s->odd_back + PAIRS - at - 128;
    for (size_t m = 0; m < 64; m++) {
        out[m] = even[m] + even_back[m];
        out[64 + m] = even[m] - even_back[m];
    }
    for (size_t m = 0; m < 64; m++) {
        out[128 + m] = odd[m] + odd_back[m];
        out[192 + m] = odd[m] - odd_back[m];
    }
    out[63] = even[63]; /* n = 128 is its own mirror image */
}

/* half: C_even [80], C_odd [64], S_even [64], S_odd [64]; S[0] is 0 and its place in S_odd holds S[64]. */
static void unfold(const struct so_kernels *k, const float *half, float *out /* [129] */) {
    const float *c_even = half, *c_odd = half + SO_VAD_HALF_OUT, *s_even = c_odd + SO_VAD_HALF,
                *s_odd = s_even + SO_VAD_HALF;
    float re[SO_VAD_BINS], im[SO_VAD_BINS];
    for (size_t i = 0; i < SO_VAD_HALF; i++) {
        re[i] = c_even[i] + c_odd[i];
        im[i] = s_even[i] + s_odd[i];
        re[64 + i] = c_even[i] - c_odd[i];
        im[64 + i] = s_odd[i] - s_even[i];
    }
    im[0] = im[64] = 0.0f;
    re[128] = c_even[64];
    im[128] = s_odd[0];
    k->magnitude_f32(SO_VAD_BINS, re, im, out);
}

void so_vad_spectra(const struct so_vad_weights *w, const struct so_kernels *k, size_t frames,
                    const float *samples, struct so_vad_scratch *scratch) {
    const size_t rows = frames * SO_VAD_WINDOWS;
    struct split split;
    for (size_t f = 0; f < frames; f++) {
        split_frame(samples + f * SO_VAD_HOP, &split);
        for (size_t t = 0; t < SO_VAD_WINDOWS; t++)
            fold_window(&split, t * 64, scratch->folded[f * SO_VAD_WINDOWS + t]);
    }
    float *in = scratch->folded[0], *half = scratch->half[0];
    const size_t lda = 4 * SO_VAD_HALF;
    k->gemm_f32(rows, 65, 64, in, lda, w->cos_even, NULL, half, HALF_ROW);
    k->gemm_f32(rows, 64, 64, in + 128, lda, w->cos_odd, NULL, half + 80, HALF_ROW);
    k->gemm_f32(rows, 64, 64, in + 64, lda, w->sin_even, NULL, half + 144, HALF_ROW);
    k->gemm_f32(rows, 64, 64, in + 192, lda, w->sin_odd, NULL, half + 208, HALF_ROW);
    float *out = scratch->spectra[0][0];
    for (size_t r = 0; r < rows; r++) unfold(k, half + r * HALF_ROW, out + r * SO_VAD_BINS);
}
