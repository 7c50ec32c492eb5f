/*
 * Filter banks of 16 frames at once, one frame in each lane. A frame's 512 real samples (112 of them zeros)
 * are taken as 256 complex ones; eight passes of butterflies in place leave frequency k at the slot of its
 * reversed bits. From there on as in logmel.inl: E, O = Z[k] +- conj Z[256-k], X[k] = (E - i W^k O) / 2, W =
 * exp(-2 pi i / 512); the half is in the window.
 */
#include "backend/cpu/fbank_tables.h"

#define SO_FBANK_OVERLAP 160

/** Frames as columns: sample i of frame f at work[i * 16 + f]. */
SO_INLINE void so_fbank_columns(const float *samples, float *work) {
    for (size_t i = 0; i < 400; i += 16) {
        v16f r[16];
        for (size_t f = 0; f < 16; f++) r[f] = v16_load(samples + f * SO_FBANK_OVERLAP + i);
        v16_transpose(r);
        for (size_t j = 0; j < 16; j++) v16_store(work + (i + j) * 16, r[j]);
    }
}

/** Mean off, pre-emphasis, window; from the end, since each sample needs the one before. */
SO_INLINE void so_fbank_shape(const struct so_fbank_tables *tables, float *work) {
    v16f sum = v16_zero();
    for (size_t i = 0; i < 400; i++) sum = v16_add(sum, v16_load(work + i * 16));
    const v16f mean = v16_mul(sum, v16_set1(1.0f / 400.0f)), emphasis = v16_set1(0.97f);
    v16f x = v16_sub(v16_load(work + 399 * 16), mean);
    for (size_t i = 400; i-- > 0;) {
        const v16f before = i ? v16_sub(v16_load(work + (i - 1) * 16), mean) : x;
        v16_store(work + i * 16, v16_mul(v16_fnma(before, emphasis, x), v16_set1(tables->window[i])));
        x = before;
    }
    for (size_t i = 400; i < 512; i++) v16_store(work + i * 16, v16_zero());
}

/** 256 complex points in place. */
SO_INLINE void so_fbank_fft(const struct so_fbank_tables *tables, float *work) {
    for (size_t half = 128; half; half /= 2)
        for (size_t j = 0; j < half; j++) {
            const float *turn = tables->twiddle[j * (128 / half) * 2];
            for (size_t i = j; i < 256; i += 2 * half) {
                const v16c a = v16c_load(work + i * 32), b = v16c_load(work + (i + half) * 32);
                v16c_store(work + i * 32, v16c_add(a, b));
                v16c_store(work + (i + half) * 32, v16c_mul(v16c_sub(a, b), turn));
            }
        }
}

/** Powers of frequencies 0..255, each in the real part of its slot. */
SO_INLINE void so_fbank_powers(const struct so_fbank_tables *tables, float *work) {
    for (size_t k = 1; k < 128; k++) {
        float *low = work + 32 * tables->slot[k], *high = work + 32 * tables->slot[256 - k];
        const v16c a = v16c_load(low), b = v16c_load(high);
        const v16c even = {v16_add(a.re, b.re), v16_sub(a.im, b.im)};
        const v16c odd = {v16_add(a.im, b.im), v16_sub(b.re, a.re)}; /* -i O */
        const v16c turned = v16c_mul(odd, tables->twiddle[k]);
        v16_store(low, so_power(v16_add(even.re, turned.re), v16_add(even.im, turned.im)));
        v16_store(high, so_power(v16_sub(even.re, turned.re), v16_sub(even.im, turned.im)));
    }
    const v16f two = v16_set1(2.0f);
    const v16c dc = v16c_load(work), middle = v16c_load(work + 32 * tables->slot[128]);
    const v16f sum = v16_mul(two, v16_add(dc.re, dc.im));
    v16_store(work, v16_mul(sum, sum));
    v16_store(work + 32 * tables->slot[128], so_power(v16_mul(two, middle.re), v16_mul(two, middle.im)));
}

static void fbank16(const struct so_fbank_tables *tables, size_t frames, const float *samples, float *work,
                    float *out) {
    so_fbank_columns(samples, work);
    so_fbank_shape(tables, work);
    so_fbank_fft(tables, work);
    so_fbank_powers(tables, work);
    const v16f floor = v16_set1(0x1p-23f), ln_2 = v16_set1(0x1.62e43p-1f);
    const struct so_mel_tap *tap = tables->taps;
    for (size_t m = 0; m < 80; m += 16) {
        v16f r[16];
        for (size_t j = 0; j < 16; j++) {
            v16f energy = v16_zero();
            for (const struct so_mel_tap *end = tap + tables->tap_count[m + j]; tap < end; tap++)
                energy = v16_fma(v16_set1(tap->weight), v16_load(work + tap->offset), energy);
            r[j] = v16_mul(v16_log2(v16_max(energy, floor)), ln_2);
        }
        v16_transpose(r);
        for (size_t f = 0; f < frames; f++) v16_store(out + f * 80 + m, r[f]);
    }
}
