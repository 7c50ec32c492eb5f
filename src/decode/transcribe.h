/** A whole recording to text. */
#ifndef SO_DECODE_TRANSCRIBE_H
#define SO_DECODE_TRANSCRIBE_H

#include "decode/device.h"
#include "decode/engine.h"
#include "decode/feed.h"
#include "decode/transcript.h"
#include "model/model.h"
#include "vad/weights.h"

/**
 * `options` has been checked (api/options.c). vad: NULL for no speech detection. devices: the model's. On SOTTO_OK and SOTTO_ERR_CANCELLED *out is what
 * was transcribed, to be freed with so_transcript_free; otherwise NULL.
 * kept: NULL, or where one call leaves its engine to the next one with the same model and number of threads; zero at first, freed with
 * so_engine_free. No result depends on it but the counts of products, which go on from the call before.
 */
sotto_status so_transcribe(const struct so_model *model, const struct so_vad_weights *vad, struct so_devices *devices,
                           const struct so_source *source, const sotto_options *options, struct so_engine *kept, struct so_transcript **out,
                           sotto_error *err);

#endif
