#include "vad/vad.h"

#include <string.h>

#include "util/memory.h"
#include "vad/layers.h"

struct so_vad {
    const struct so_vad_weights *weights; /* NULL: no detector */
    const struct so_kernels *kernels;
    struct so_vad_scratch *scratch;
    size_t pending; /* samples in `samples` behind the context */
    float samples[SO_VAD_CONTEXT +
                  SO_VAD_BATCH * SO_VAD_HOP]; /* the last frame's end, then what is not computed yet */
    float c[SO_VAD_STATE], h[SO_VAD_STATE];
};

sotto_status so_vad_create(const struct so_vad_weights *weights, struct so_vad **out, sotto_error *err) {
    *out = NULL;
    struct so_vad *vad = so_calloc(1, sizeof *vad);
    if (!vad) return so_fail_memory(err, sizeof *vad, "speech detection");
    vad->weights = weights;
    vad->kernels = so_kernels();
    vad->scratch = so_calloc(1, sizeof *vad->scratch);
    if (!vad->scratch) {
        so_vad_free(vad);
        return so_fail_memory(err, sizeof *vad->scratch, "speech detection");
    }
    *out = vad;
    return SOTTO_OK;
}

void so_vad_free(struct so_vad *vad) {
    if (!vad) return;
    so_free(vad->scratch);
    so_free(vad);
}

void so_vad_reset(struct so_vad *vad) {
    vad->pending = 0;
    memset(vad->samples, 0, SO_VAD_CONTEXT * sizeof *vad->samples);
    memset(vad->c, 0, sizeof vad->c);
    memset(vad->h, 0, sizeof vad->h);
}

static float limited(float x) {
    if (x > SO_VAD_SAMPLE_LIMIT) return SO_VAD_SAMPLE_LIMIT;
    if (x < -SO_VAD_SAMPLE_LIMIT) return -SO_VAD_SAMPLE_LIMIT;
    return x == x ? x : 0.0f;
}

/* The part with memory: one step for each frame, in order. The products with the input are in scratch->gates.
 */
static void recur(struct so_vad *vad, size_t frames) {
    const struct so_kernels *k = vad->kernels;
    float gates[SO_VAD_GATES];
    for (size_t f = 0; f < frames; f++) {
        k->gemm_f32(1, SO_VAD_GATES, SO_VAD_STATE, vad->h, SO_VAD_STATE, vad->weights->recurrent,
                    vad->scratch->gates[f], gates, SO_VAD_GATES);
        k->lstm_cell(SO_VAD_STATE, gates, vad->c, vad->h);
        memcpy(vad->scratch->states[f], vad->h, sizeof vad->h);
    }
}

static void detect(struct so_vad *vad, size_t frames, struct so_vad_frame *out) {
    const struct so_kernels *k = vad->kernels;
    struct so_vad_scratch *s = vad->scratch;
    so_vad_spectra(vad->weights, k, frames, vad->samples, s);
    so_vad_encode(vad->weights, k, frames, s);
    recur(vad, frames);
    k->relu_f32(frames * SO_VAD_STATE, s->states[0]);
    k->gemm_f32(frames, 1, SO_VAD_STATE, s->states[0], SO_VAD_STATE, vad->weights->final,
                vad->weights->final_bias, s->logits[0], SO_LANES);
    k->sigmoid_f32(frames * SO_LANES, s->logits[0]);
    for (size_t f = 0; f < frames; f++) out[f].probability = s->logits[f][0];
}

/* All complete frames that are pending; what is behind them moves to the front. */
static size_t take_frames(struct so_vad *vad, struct so_vad_frame *out) {
    const size_t frames = vad->pending / SO_VAD_HOP, used = frames * SO_VAD_HOP;
    if (!frames) return 0;
    for (size_t f = 0; f < frames; f++) {
        const float *x = vad->samples + SO_VAD_CONTEXT + f * SO_VAD_HOP;
        out[f].power = vad->kernels->dot_f32(SO_VAD_HOP, x, x) * (1.0f / SO_VAD_HOP);
        out[f].probability = 1.0f;
    }
    if (vad->weights) detect(vad, frames, out);
    vad->pending -= used;
    memmove(vad->samples, vad->samples + used, (SO_VAD_CONTEXT + vad->pending) * sizeof *vad->samples);
    return frames;
}

size_t so_vad_push(struct so_vad *vad, const float *samples, size_t n, struct so_vad_frame *frames) {
    size_t done = 0;
    while (n) {
        const size_t count = so_min(n, SO_VAD_BATCH * SO_VAD_HOP - vad->pending);
        float *to = vad->samples + SO_VAD_CONTEXT + vad->pending;
        for (size_t i = 0; i < count; i++) to[i] = limited(samples[i]);
        vad->pending += count;
        samples += count;
        n -= count;
        done += take_frames(vad, frames + done);
    }
    return done;
}

size_t so_vad_finish(struct so_vad *vad, struct so_vad_frame *frame) {
    size_t done = 0;
    if (vad->pending) {
        memset(vad->samples + SO_VAD_CONTEXT + vad->pending, 0,
               (SO_VAD_HOP - vad->pending) * sizeof *vad->samples);
        vad->pending = SO_VAD_HOP;
        done = take_frames(vad, frame);
    }
    so_vad_reset(vad);
    return done;
}
