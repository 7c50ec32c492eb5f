/** The decoder's scratch. Private to src/whisper. */
#ifndef SO_WHISPER_DECODER_STATE_H
#define SO_WHISPER_DECODER_STATE_H

#include "nn/attention.h"
#include "whisper/decoder.h"

struct so_decoder {
    const struct so_model *model;
    struct so_nn nn;
    size_t max_rows;
    struct so_rows normed; /**< [max_rows][state] */
    struct so_rows hidden; /**< [max_rows][4*state] */
    float *x;       /**< [max_rows][state] the residual stream */
    float *wide;    /**< [max_rows][4*state]: QKV, the cross query, fc1 */
    float *context; /**< [max_rows][state] what attention gives; then the rows that want logits */
    struct so_rows heard;  /**< [n_audio_ctx][audio_state] a window's states */
    float *cross;          /**< [n_audio_ctx][2*state] keys and values of one layer over them */
    size_t *position;               /**< [max_rows] */
    struct so_attend_block *blocks; /**< [max_rows] */
    float **logits;                 /**< [max_rows] */
};

#endif
