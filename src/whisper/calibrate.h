/**
 * INT4 weights for a model by what its layers hear: the model in INT8 listens to a recording and writes down
 * what it hears said, and the second moments of each linear layer's inputs guide the rounding of its weights
 * (nn/quantise4.h).
 */
#ifndef SO_WHISPER_CALIBRATE_H
#define SO_WHISPER_CALIBRATE_H

#include "model/writer.h"
#include "util/pool.h"

struct so_calibration;

/**
 * model: in INT8. samples: [n_samples] at 16 kHz, of which the first SO_CALIBRATION_WINDOWS windows of 30 s
 * are heard; NULL: made-up speech. All are borrowed until so_calibration_free. Moments take up to `memory`
 * bytes at a time (one layer at least): the less, the more often the recording is heard.
 */
#define SO_CALIBRATION_WINDOWS 10
sotto_status so_calibration_create(const struct so_model *model, struct so_pool *pool, const float *samples,
                                   size_t n_samples, size_t memory, struct so_calibration **out,
                                   sotto_error *err);
void so_calibration_free(struct so_calibration *calibration); /**< NULL is allowed */

/** so_weights.quantise; the quantiser is the calibration. Items come in their order in the file. */
sotto_status so_calibration_quantise(void *calibration, const struct so_item *item, uint32_t first,
                                     uint32_t rows, const float *w, int8_t *q, uint8_t *steps, float *scale,
                                     sotto_error *err);

#endif
