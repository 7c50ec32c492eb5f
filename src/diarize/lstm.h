/** A bidirectional layer of the recurrent network over several windows at once. */
#ifndef SO_DIARIZE_LSTM_H
#define SO_DIARIZE_LSTM_H

#include "diarize/layers.h"
#include "diarize/network.h"

#define SO_LSTM_BATCH 12                                /**< windows whose steps are one product */
#define SO_LSTM_STEPS (SO_PRODUCT_ROWS / SO_LSTM_BATCH) /**< whose input products are done at once */

struct so_lstm_scratch {
    float gates[SO_PRODUCT_ROWS * SO_LSTM_GATES];
    float sums[SO_LSTM_BATCH * SO_LSTM_GATES];
    float cells[SO_LSTM_BATCH * SO_LSTM_STATE];
    uint8_t q[SO_LSTM_BATCH * SO_LSTM_STATE];
    float scale[SO_LSTM_BATCH];
};

/**
 * in: `steps` times `batch` <= SO_LSTM_BATCH rows, [step][window]; y: float [steps][batch][256], the states
 * forwards and backwards beside each other.
 */
void so_lstm_layer(const struct so_worker *worker, const struct so_lstm_weights *weights, size_t steps,
                   size_t batch, const struct so_activations *in, float *y, struct so_lstm_scratch *scratch);

#endif
