/** The convolutions of the segmentation network: from samples to 589 rows of 60 channels for each window. */
#ifndef SO_DIARIZE_SINCNET_H
#define SO_DIARIZE_SINCNET_H

#include "diarize/layers.h"
#include "diarize/network.h"
#include "diarize/segmentation.h"

#define SO_SINC_PER_WINDOW ((SO_SEGMENT_SAMPLES - SO_SINC_TAPS) / SO_SINC_STRIDE + 1) /**< 15975 */
#define SO_POOLED (SO_SINC_PER_WINDOW / 3)                                            /**< 5325 */

#define SO_SINC_ROWS 96  /**< responses computed at a time */
#define SO_SINC_WIDE 128 /**< folded samples of one */

struct so_sincnet_scratch {
    float rows[SO_POOLED * SO_SINC_FILTERS];
    float conv[SO_POOLED * SO_CONV_WIDE];
    float even[SO_SINC_ROWS * SO_SINC_WIDE];
    float odd[SO_SINC_ROWS * SO_SINC_WIDE];
};

/**
 * Responses of the filters to samples: [count][80] in the order of so_fold_sinc_order, response i to samples
 * [10 i, 10 i + 251). mirrored: the end of the samples in reverse order (mirrored[-1 - j] is sample j).
 */
void so_sincnet_filter(const struct so_worker *worker, const struct so_segmentation_weights *w,
                       const float *samples, const float *mirrored, size_t count, float *responses,
                       struct so_sincnet_scratch *scratch);

/**
 * The rest for one window. samples: float [160000]; responses: float [15975][80] to them; out: row t at out +
 * t*stride, 64 columns written, the last four 0.
 */
void so_sincnet_window(const struct so_worker *worker, const struct so_segmentation_weights *w,
                       const float *samples, const float *responses, float *out, size_t stride,
                       struct so_sincnet_scratch *scratch);

#endif
