/** The decoder's scratch and the parts of one of its layers. Private to src/whisper. */
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

/** Check the rows of a step, find their positions and put their embeddings into x. */
sotto_status so_decoder_place(struct so_decoder *d, const struct so_step_row *rows, size_t n, sotto_error *err);

/* The parts of layer `layer`, in their order, over the n rows in x. */
void so_decoder_self_attention(struct so_decoder *d, const struct so_step_row *rows, size_t n, size_t layer);
void so_decoder_cross_query(struct so_decoder *d, size_t n, size_t layer); /**< the queries go to wide: [n][state] */
void so_decoder_cross_attention(struct so_decoder *d, const struct so_step_row *rows, size_t n, size_t layer);
void so_decoder_feed_forward(struct so_decoder *d, size_t n, size_t layer);

#endif
