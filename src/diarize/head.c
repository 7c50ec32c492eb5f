/*
 * A tensor here is [frame][frequency][32 channels]. Three frames beside each other, interleaved by frequency,
 * make a strip in which the nine taps of an output are one run of values: so a convolution is one product for
 * each frame, its rows overlapping. In INT8 a tensor has one scale, for a row of the product has values of
 * three frames.
 */
#include "diarize/head.h"

#include <string.h>

#include "util/memory.h"

#define CHANNELS SO_HEAD_CHANNELS
#define BANDS SO_FBANK_BANDS
#define CELL (3 * CHANNELS) /* of a strip: one frequency's three frames */

/* Values that are not negative, and in INT8 their bytes. */
struct tensor {
    size_t bands;
    float *f;   /* [frames][bands][32] */
    uint8_t *q; /* the same, or NULL */
    float scale;
};

static void release(void **pointer) {
    so_free(*pointer);
    *pointer = NULL;
}

void so_head_release(struct so_head_scratch *s) {
    release((void **)&s->x);
    release((void **)&s->hidden);
    release((void **)&s->y);
    release((void **)&s->q);
    release((void **)&s->q_hidden);
    release((void **)&s->out);
    release((void **)&s->q_out);
    s->frames = 0;
}

bool so_head_reserve(struct so_head_scratch *s, size_t frames, enum so_precision precision) {
    const size_t wide = BANDS * CHANNELS, half = wide / 2, out = (frames + 2 * SO_HEAD_PAD) * SO_TDNN_IN;
    if (frames <= s->frames) return true;
    so_head_release(s);
    s->x = so_alloc(frames * wide, sizeof *s->x);
    s->hidden = so_alloc(frames * half, sizeof *s->hidden);
    s->y = so_alloc(frames * half, sizeof *s->y);
    bool enough = s->x && s->hidden && s->y;
    if (precision == SO_INT8) {
        s->q = so_alloc(frames * wide, sizeof *s->q);
        s->q_hidden = so_alloc(frames * half, sizeof *s->q_hidden);
        s->q_out = so_alloc(out, sizeof *s->q_out);
        enough = enough && s->q && s->q_hidden && s->q_out;
    } else {
        s->out = so_alloc(out, sizeof *s->out);
        enough = enough && s->out;
    }
    if (enough)
        s->frames = frames;
    else
        so_head_release(s);
    return enough;
}

/* The strip of frame t: bytes or floats of `size`; cells -1 .. bands of frames t-1, t, t+1, zeros outside. */
static void fill_strip(size_t frames, size_t t, size_t bands, const void *tensor, size_t size, void *strip) {
    const size_t run = CHANNELS * size;
    for (size_t tap = 0; tap < 3; tap++) {
        char *to = (char *)strip + tap * run;
        const size_t at = t + tap; /* one too much */
        const char *from = at >= 1 && at <= frames ? (const char *)tensor + (at - 1) * bands * run : NULL;
        memset(to, 0, run);
        memset(to + (bands + 1) * 3 * run, 0, run);
        for (size_t band = 0; band < bands; band++) {
            to += 3 * run;
            if (from)
                memcpy(to, from + band * run, run);
            else
                memset(to, 0, run);
        }
    }
}

/* y [frames][x->bands/stride][32] = the convolution of x, stride in frequency. */
static void convolve(const struct so_worker *worker, const struct so_matrix *w, size_t frames,
                     const struct tensor *x, size_t stride, float *y, struct so_head_scratch *s) {
    const size_t rows = x->bands / stride;
    struct so_activations in = {.f = s->patch, .stride = stride * CELL};
    if (w->precision == SO_INT8)
        in = (struct so_activations){.q = s->q_patch, .scale = s->scale, .stride = stride * CELL};
    for (size_t i = 0; i < rows; i++) s->scale[i] = x->scale;
    for (size_t t = 0; t < frames; t++) {
        if (w->precision == SO_INT8)
            fill_strip(frames, t, x->bands, x->q, sizeof *x->q, s->q_patch);
        else
            fill_strip(frames, t, x->bands, x->f, sizeof *x->f, s->patch);
        so_product(worker, w, rows, &in, y + t * rows * CHANNELS, CHANNELS);
    }
}

/* The linear part of a shortcut with stride 2, added to y [frames][x->bands/2][32]. */
static void add_shortcut(const struct so_worker *worker, const struct so_matrix *w, size_t frames,
                         const struct tensor *x, float *y, struct so_head_scratch *s) {
    const size_t rows = x->bands / 2;
    for (size_t t = 0; t < frames; t++) {
        struct so_activations in = {.f = x->f + t * x->bands * CHANNELS, .stride = 2 * CHANNELS};
        if (w->precision == SO_INT8)
            in = (struct so_activations){
                .q = x->q + t * x->bands * CHANNELS, .scale = s->scale, .stride = 2 * CHANNELS};
        so_product_add(worker, w, rows, &in, y + t * rows * CHANNELS, CHANNELS, s->patch);
    }
}

/* ReLU in place, and bytes where they are needed. */
static void activate(const struct so_worker *worker, size_t frames, struct tensor *x) {
    const size_t n = frames * x->bands * CHANNELS;
    const float largest = worker->kernels->relu_max_f32(n, x->f);
    if (x->q) x->scale = worker->kernels->quantize_u8(n, x->f, largest, x->q);
}

/* y = relu(conv(relu(conv(x))) + shortcut(x)). */
static void residual(const struct so_worker *worker, const struct so_residual_weights *w, size_t frames,
                     const struct tensor *x, struct tensor *y, struct so_head_scratch *s) {
    const size_t stride = w->shortcut.n ? 2 : 1;
    struct tensor hidden = {x->bands / stride, s->hidden, x->q ? s->q_hidden : NULL, 1.0f};
    y->bands = hidden.bands;
    convolve(worker, &w->conv[0], frames, x, stride, hidden.f, s);
    activate(worker, frames, &hidden);
    convolve(worker, &w->conv[1], frames, &hidden, 1, y->f, s);
    if (w->shortcut.n) {
        for (size_t i = 0; i < y->bands; i++) s->scale[i] = x->scale;
        add_shortcut(worker, &w->shortcut, frames, x, y->f, s);
    } else {
        const size_t n = frames * y->bands * CHANNELS;
        worker->kernels->add_f32(1, n, y->f, n, x->f, n);
    }
    y->q = x->q; /* the input's bytes are not needed any more */
    activate(worker, frames, y);
}

/* The first convolution reads one channel: a strip of three values for each frequency. */
static void first(const struct so_worker *worker, const struct so_matrix *w, size_t frames,
                  const float *features, float *y) {
    float strip[(BANDS + 2) * 3];
    const struct so_activations in = {.f = strip, .stride = 3};
    memset(strip, 0, sizeof strip);
    for (size_t t = 0; t < frames; t++) {
        for (size_t tap = 0; tap < 3; tap++) {
            const bool there = t + tap >= 1 && t + tap <= frames;
            for (size_t band = 0; band < BANDS; band++)
                strip[(band + 1) * 3 + tap] = there ? features[(t + tap - 1) * BANDS + band] : 0.0f;
        }
        so_product(worker, w, BANDS, &in, y + t * BANDS * CHANNELS, CHANNELS);
    }
}

float so_head_run(const struct so_worker *worker, const struct so_embedding_weights *w, size_t frames,
                  const float *features, struct so_head_scratch *s) {
    const size_t n = frames * SO_TDNN_IN, pad = SO_HEAD_PAD * SO_TDNN_IN;
    struct tensor x = {BANDS, s->x, s->q, 1.0f}, y = {0, s->y, NULL, 1.0f};
    first(worker, &w->first, frames, features, x.f);
    activate(worker, frames, &x);
    for (int stage = 0; stage < 2; stage++)
        for (int i = 0; i < 2; i++) {
            residual(worker, &w->head[stage][i], frames, &x, &y, s);
            const struct tensor swap = x;
            x = y;
            y = swap;
        }
    convolve(worker, &w->last, frames, &x, 2, s->hidden, s);
    const float largest = worker->kernels->relu_max_f32(n, s->hidden);
    if (!s->q_out) {
        memset(s->out, 0, pad * sizeof *s->out);
        memcpy(s->out + pad, s->hidden, n * sizeof *s->out);
        memset(s->out + pad + n, 0, pad * sizeof *s->out);
        return 1.0f;
    }
    memset(s->q_out, 0, pad);
    memset(s->q_out + pad + n, 0, pad);
    return worker->kernels->quantize_u8(n, s->hidden, largest, s->q_out + pad);
}
