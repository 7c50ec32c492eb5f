/*
 * Log-mel energies of 16 frames at once, one frame in each lane, so that the Fourier transform is plain arithmetic
 * on vectors, the same at every level.
 *
 * A frame of 400 real samples is taken as 200 complex ones, z[n] = x[2n] + i x[2n+1]. 200 = 8 * 25 has coprime
 * factors, so by Good's index maps (n = 25 a + 8 b, k = c mod 8 and d mod 25) the transform is 8-point ones over a
 * followed by 25-point ones over b, with no twiddle factors between; 25 points are 5 x 5 by Cooley and Tukey.
 * All of it happens in place: frequency (c, d) ends at slot 25 c + 8 d mod 200. Then the spectrum of the
 * real frame: with E, O = Z[k] +- conj Z[200-k], X[k] = (E - i W^k O) / 2, W = exp(-2 pi i / 400); the half is in the window.
 *
 * work: [200 slots][real, imaginary][16 lanes]; powers replace the real parts, that of frequency 200 is after the end.
 */

#include "backend/cpu/mel_tables.h"
#include "backend/cpu/simd/transpose.inl"

typedef struct {
    v16f re, im;
} v16c;

SO_INLINE v16c v16c_load(const float *p) { return (v16c){v16_load(p), v16_load(p + 16)}; }
SO_INLINE void v16c_store(float *p, v16c a)
{
    v16_store(p, a.re);
    v16_store(p + 16, a.im);
}
SO_INLINE v16c v16c_add(v16c a, v16c b) { return (v16c){v16_add(a.re, b.re), v16_add(a.im, b.im)}; }
SO_INLINE v16c v16c_sub(v16c a, v16c b) { return (v16c){v16_sub(a.re, b.re), v16_sub(a.im, b.im)}; }
/** a - i b and a + i b. */
SO_INLINE v16c v16c_sub_i(v16c a, v16c b) { return (v16c){v16_add(a.re, b.im), v16_sub(a.im, b.re)}; }
SO_INLINE v16c v16c_add_i(v16c a, v16c b) { return (v16c){v16_sub(a.re, b.im), v16_add(a.im, b.re)}; }
/** a * (w[0] + i w[1]). */
SO_INLINE v16c v16c_mul(v16c a, const float w[2])
{
    const v16f re = v16_set1(w[0]), im = v16_set1(w[1]);
    return (v16c){v16_fnma(a.im, im, v16_mul(a.re, re)), v16_fma(a.re, im, v16_mul(a.im, re))};
}

/** Eight points at p[0], p[1], .. p[7], in place. */
SO_INLINE void so_fft8(float *const p[8])
{
    const v16f half_root = v16_set1(0x1.6a09e6p-1f); /* sqrt(1/2) */
    const v16c a0 = v16c_load(p[0]), a4 = v16c_load(p[4]), a2 = v16c_load(p[2]), a6 = v16c_load(p[6]);
    const v16c b0 = v16c_add(a0, a4), b1 = v16c_sub(a0, a4), b2 = v16c_add(a2, a6), b3 = v16c_sub(a2, a6);
    const v16c c0 = v16c_add(b0, b2), c2 = v16c_sub(b0, b2), c1 = v16c_sub_i(b1, b3), c3 = v16c_add_i(b1, b3);
    const v16c a1 = v16c_load(p[1]), a5 = v16c_load(p[5]), a3 = v16c_load(p[3]), a7 = v16c_load(p[7]);
    const v16c b4 = v16c_add(a1, a5), b5 = v16c_sub(a1, a5), b6 = v16c_add(a3, a7), b7 = v16c_sub(a3, a7);
    const v16c c4 = v16c_add(b4, b6), c6 = v16c_sub(b4, b6), c5 = v16c_sub_i(b5, b7), c7 = v16c_add_i(b5, b7);
    v16c_store(p[0], v16c_add(c0, c4));
    v16c_store(p[4], v16c_sub(c0, c4));
    v16c_store(p[2], v16c_sub_i(c2, c6));
    v16c_store(p[6], v16c_add_i(c2, c6));
    /* times exp(-i pi/4) and exp(-3 i pi/4): the sums of parts, times sqrt(1/2) */
    const v16f s5 = v16_add(c5.re, c5.im), d5 = v16_sub(c5.im, c5.re);
    const v16f s7 = v16_add(c7.re, c7.im), d7 = v16_sub(c7.im, c7.re);
    v16c_store(p[1], (v16c){v16_fma(half_root, s5, c1.re), v16_fma(half_root, d5, c1.im)});
    v16c_store(p[5], (v16c){v16_fnma(half_root, s5, c1.re), v16_fnma(half_root, d5, c1.im)});
    v16c_store(p[3], (v16c){v16_fma(half_root, d7, c3.re), v16_fnma(half_root, s7, c3.im)});
    v16c_store(p[7], (v16c){v16_fnma(half_root, d7, c3.re), v16_fma(half_root, s7, c3.im)});
}

/** Five points in place: sums and differences of the pairs (1, 4) and (2, 3), weighted by cos and sin of 72 and 144 degrees. */
SO_INLINE void so_fft5(v16c a[5])
{
    const v16f c1 = v16_set1(0x1.3c6ef4p-2f), c2 = v16_set1(-0x1.9e377ap-1f);
    const v16f s1 = v16_set1(0x1.e6f0e2p-1f), s2 = v16_set1(0x1.2cf23p-1f);
    const v16c t1 = v16c_add(a[1], a[4]), t2 = v16c_add(a[2], a[3]);
    const v16c t3 = v16c_sub(a[1], a[4]), t4 = v16c_sub(a[2], a[3]);
    const v16c m1 = {v16_fma(c2, t2.re, v16_fma(c1, t1.re, a[0].re)), v16_fma(c2, t2.im, v16_fma(c1, t1.im, a[0].im))};
    const v16c m2 = {v16_fma(c1, t2.re, v16_fma(c2, t1.re, a[0].re)), v16_fma(c1, t2.im, v16_fma(c2, t1.im, a[0].im))};
    const v16c n1 = {v16_fma(s2, t4.re, v16_mul(s1, t3.re)), v16_fma(s2, t4.im, v16_mul(s1, t3.im))};
    const v16c n2 = {v16_fnma(s1, t4.re, v16_mul(s2, t3.re)), v16_fnma(s1, t4.im, v16_mul(s2, t3.im))};
    a[0] = v16c_add(a[0], v16c_add(t1, t2));
    a[1] = v16c_sub_i(m1, n1);
    a[4] = v16c_add_i(m1, n1);
    a[2] = v16c_sub_i(m2, n2);
    a[3] = v16c_add_i(m2, n2);
}

/** 25 points at slots first + 8 b mod 200, in place: point b there, frequency d in the place of point d. */
SO_INLINE void so_fft25(float *work, size_t first, const float (*twiddle)[2])
{
    float between[25][32]; /* [q][r][real, imaginary][16] */
    for (size_t q = 0; q < 5; q++) {
        v16c a[5];
        for (size_t p = 0; p < 5; p++) a[p] = v16c_load(work + 32 * ((first + 8 * (5 * p + q)) % SO_MEL_POINTS));
        so_fft5(a);
        v16c_store(between[5 * q], a[0]);
        for (size_t r = 1; r < 5; r++) v16c_store(between[5 * q + r], q ? v16c_mul(a[r], twiddle[5 * q + r]) : a[r]);
    }
    for (size_t r = 0; r < 5; r++) {
        v16c a[5];
        for (size_t q = 0; q < 5; q++) a[q] = v16c_load(between[5 * q + r]);
        so_fft5(a);
        for (size_t s = 0; s < 5; s++) v16c_store(work + 32 * ((first + 8 * (r + 5 * s)) % SO_MEL_POINTS), a[s]);
    }
}

/** Windowed samples of 16 frames to work: sample i of frame f at work[i * 16 + f], which is the order of z. */
SO_INLINE void so_load_frames(const struct so_mel_tables *tables, const float *samples, float *work)
{
    for (size_t i = 0; i < 400; i += 16) {
        const v16f window = v16_load(tables->window + i);
        v16f r[16];
        for (size_t f = 0; f < 16; f++) r[f] = v16_mul(v16_load(samples + f * 160 + i), window);
        v16_transpose(r);
        for (size_t j = 0; j < 16; j++) v16_store(work + (i + j) * 16, r[j]);
    }
}

SO_INLINE v16f so_power(v16f re, v16f im) { return v16_fma(re, re, v16_mul(im, im)); }

/** Z to powers of X, each in the real part of its frequency's slot; that of frequency 200 at work[200 * 32]. */
SO_INLINE void so_real_powers(const struct so_mel_tables *tables, float *work)
{
    const v16f two = v16_set1(2.0f);
    for (size_t k = 1; k < 100; k++) {
        float *low = work + 32 * tables->slot[k], *high = work + 32 * tables->slot[SO_MEL_POINTS - k];
        const v16c a = v16c_load(low), b = v16c_load(high);
        const v16c even = {v16_add(a.re, b.re), v16_sub(a.im, b.im)};
        const v16c odd = {v16_add(a.im, b.im), v16_sub(b.re, a.re)}; /* -i O */
        const v16c turned = v16c_mul(odd, tables->twiddle400[k]);
        v16_store(low, so_power(v16_add(even.re, turned.re), v16_add(even.im, turned.im)));
        v16_store(high, so_power(v16_sub(even.re, turned.re), v16_sub(even.im, turned.im)));
    }
    /* The three that pair with themselves, where the window's half is undone: X[0], X[200] = 2 (re +- im), X[100] = 2 conj Z. */
    const v16c dc = v16c_load(work), middle = v16c_load(work + 32 * tables->slot[100]);
    const v16f sum = v16_mul(two, v16_add(dc.re, dc.im)), difference = v16_mul(two, v16_sub(dc.re, dc.im));
    v16_store(work, v16_mul(sum, sum));
    v16_store(work + 32 * SO_MEL_POINTS, v16_mul(difference, difference));
    v16_store(work + 32 * tables->slot[100], so_power(v16_mul(two, middle.re), v16_mul(two, middle.im)));
}

static float logmel16(const struct so_mel_tables *tables, size_t frames, const float *samples, float *work, float *out)
{
    so_load_frames(tables, samples, work);
    for (size_t b = 0; b < 25; b++) {
        float *p[8];
        for (size_t a = 0; a < 8; a++) p[a] = work + 32 * ((25 * a + 8 * b) % SO_MEL_POINTS);
        so_fft8(p);
    }
    for (size_t c = 0; c < 8; c++) so_fft25(work, 25 * c, tables->twiddle25);
    so_real_powers(tables, work);

    const v16f floor = v16_set1(1e-10f), log10_2 = v16_set1(0x1.344136p-2f);
    v16f max = v16_set1(-INFINITY);
    const struct so_mel_tap *tap = tables->taps;
    for (size_t m = 0; m < tables->n_mels; m += 16) {
        v16f r[16];
        for (size_t j = 0; j < 16; j++) {
            v16f energy = v16_zero();
            for (const struct so_mel_tap *end = tap + tables->tap_count[m + j]; tap < end; tap++)
                energy = v16_fma(v16_set1(tap->weight), v16_load(work + tap->offset), energy);
            r[j] = v16_mul(v16_log2(v16_max(energy, floor)), log10_2);
        }
        v16_transpose(r);
        for (size_t f = 0; f < frames; f++) {
            v16_store(out + f * tables->n_mels + m, r[f]);
            max = v16_max(r[f], max);
        }
    }
    return v16_lane_max(max);
}

static void logmel_scale(size_t n, float floor, float *x)
{
    const v16f low = v16_set1(floor), four = v16_set1(4.0f), quarter = v16_set1(0.25f);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v16_store(x + i, v16_mul(v16_add(v16_max(v16_load(x + i), low), four), quarter));
    if (i < n) v16_store_tail(x + i, v16_mul(v16_add(v16_max(v16_load_tail(x + i, n - i), low), four), quarter), n - i);
}
