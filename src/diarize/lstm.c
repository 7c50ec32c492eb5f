#include "diarize/lstm.h"

#include <string.h>

#include "util/memory.h"

#define WIDTH (2 * SO_LSTM_STATE) /* of a row of y */

/* gates += what comes from the states of the step before. states: float [batch][WIDTH]. */
static void recur(const struct so_worker *worker, const struct so_matrix *w, size_t batch,
                  const float *states, float *gates, struct so_lstm_scratch *scratch) {
    struct so_activations in = {.f = states, .stride = WIDTH};
    if (w->precision == SO_INT8) {
        worker->kernels->quantize_q8(batch, SO_LSTM_STATE, states, WIDTH, scratch->q, SO_LSTM_STATE,
                                     scratch->scale);
        in = (struct so_activations){
            .q = scratch->q, .scale = scratch->scale, .stride = SO_LSTM_STATE, .zero = 128};
    }
    so_product_add(worker, w, batch, &in, gates, SO_LSTM_GATES, scratch->sums);
}

static struct so_activations rows_from(const struct so_activations *in, size_t row) {
    struct so_activations rows = *in;
    if (in->f) rows.f += row * in->stride;
    if (in->q) rows.q += row * in->stride;
    if (in->scale) rows.scale += row;
    return rows;
}

/* One direction; its states go to columns [way*128, way*128 + 128) of y. */
static void run(const struct so_worker *worker, const struct so_lstm_weights *weights, int way, size_t steps,
                size_t batch, const struct so_activations *in, float *y, struct so_lstm_scratch *scratch) {
    const float *before = NULL;
    memset(scratch->cells, 0, sizeof scratch->cells);
    for (size_t done = 0; done < steps; done += SO_LSTM_STEPS) {
        const size_t count = so_min(SO_LSTM_STEPS, steps - done), first = way ? steps - done - count : done;
        const struct so_activations rows = rows_from(in, first * batch);
        so_product_fine(worker, &weights->input[way], count * batch, &rows, scratch->gates, SO_LSTM_GATES);
        for (size_t i = 0; i < count; i++) {
            const size_t step = way ? count - 1 - i : i;
            float *gates = scratch->gates + step * batch * SO_LSTM_GATES;
            float *states = y + (first + step) * batch * WIDTH + (size_t)way * SO_LSTM_STATE;
            if (before) recur(worker, &weights->recurrent[way], batch, before, gates, scratch);
            for (size_t b = 0; b < batch; b++)
                worker->kernels->lstm_cell(SO_LSTM_STATE, gates + b * SO_LSTM_GATES,
                                           scratch->cells + b * SO_LSTM_STATE, states + b * WIDTH);
            before = states;
        }
    }
}

void so_lstm_layer(const struct so_worker *worker, const struct so_lstm_weights *weights, size_t steps,
                   size_t batch, const struct so_activations *in, float *y, struct so_lstm_scratch *scratch) {
    for (int way = 0; way < 2; way++) run(worker, weights, way, steps, batch, in, y, scratch);
}
