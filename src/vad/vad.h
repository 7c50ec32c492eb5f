/**
 * Speech detection: the probability that there is speech in each 32 ms of a stream, by the Silero VAD network
 * (16 kHz).
 *
 * A frame is 512 new samples behind 64 of the frame before (zeros at the start). Its 576 samples and a
 * reflection of 64 at the end go through four windows of 256 samples, their magnitude spectra (129 bins),
 * four convolutions over these four positions, one LSTM cell of 128 that carries its state from frame to
 * frame, and one logistic output. Everything but the LSTM's own recurrence has no memory and is computed for
 * many frames at once; the result is the same to the bit however the stream is cut, and at every CPU level.
 */
#ifndef SO_VAD_VAD_H
#define SO_VAD_VAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "vad/weights.h"

#define SO_VAD_HOP 512 /**< samples of a frame: 32 ms */

struct so_vad; /**< one stream */

struct so_vad_frame {
    float probability; /**< of speech, 0 to 1 */
    float power;       /**< mean square of the 512 samples */
};

/** Samples are limited to this magnitude (NaN: 0), far beyond any nominal range, so that the state stays
 * finite. */
#define SO_VAD_SAMPLE_LIMIT 1048576.0f

/**
 * A stream at its start. `weights` are borrowed until so_vad_free and may serve many streams; NULL means no
 * detector: every frame has probability 1.
 */
sotto_status so_vad_create(const struct so_vad_weights *weights, struct so_vad **out, sotto_error *err);
void so_vad_free(struct so_vad *vad); /**< NULL is allowed */

/** Back to the start of a stream. */
void so_vad_reset(struct so_vad *vad);

/**
 * The next n samples (mono, 16 kHz, nominal [-1, 1]) of the stream. Writes the frames that they complete and
 * returns how many: at most ceil(n / 512). frames: [ceil(n / 512)].
 */
size_t so_vad_push(struct so_vad *vad, const float *samples, size_t n, struct so_vad_frame *frames);

/** The end: a last frame that is not complete is filled with zeros and written; returns 0 or 1. Then
 * so_vad_reset. */
size_t so_vad_finish(struct so_vad *vad, struct so_vad_frame *frame);

#endif
