/** The two-dimensional convolutions in front of the embedding network: [frames][80] to [frames][10*32]. */
#ifndef SO_DIARIZE_HEAD_H
#define SO_DIARIZE_HEAD_H

#include "diarize/layers.h"
#include "diarize/network.h"
#include "features/fbank.h"

#define SO_HEAD_PAD (SO_TDNN_TAPS / 2) /**< zero rows before and after what the next layer reads */

/** Room for some number of frames; zero-initialised has none. */
struct so_head_scratch {
    size_t frames;
    float *x;          /**< [frames][80*32] */
    float *hidden;     /**< [frames][40*32] */
    float *y;          /**< [frames][40*32] */
    uint8_t *q;        /**< INT8: [frames][80*32] */
    uint8_t *q_hidden; /**< INT8: [frames][40*32] */
    float *out;        /**< F32: [frames + 4][320], two rows of zeros before and after */
    uint8_t *q_out;    /**< INT8: the same */
    float patch[(SO_FBANK_BANDS + 2) * 3 * SO_HEAD_CHANNELS];
    uint8_t q_patch[(SO_FBANK_BANDS + 2) * 3 * SO_HEAD_CHANNELS];
    float scale[SO_FBANK_BANDS];
};

/** Make room; on failure there is none. */
bool so_head_reserve(struct so_head_scratch *scratch, size_t frames, enum so_precision precision);
void so_head_release(struct so_head_scratch *scratch);

/**
 * Features of `frames` frames, float [frames][80] with their mean off, to scratch->out or scratch->q_out,
 * whose scale is returned (1 in F32).
 */
float so_head_run(const struct so_worker *worker, const struct so_embedding_weights *w, size_t frames,
                  const float *features, struct so_head_scratch *scratch);

#endif
