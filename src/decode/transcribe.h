/** A whole recording to text. */
#ifndef SO_DECODE_TRANSCRIBE_H
#define SO_DECODE_TRANSCRIBE_H

#include "decode/device.h"
#include "decode/feed.h"
#include "decode/machine.h"
#include "decode/transcript.h"
#include "model/model.h"
#include "vad/weights.h"

/**
 * `options` has been checked (api/options.c). vad: NULL for no speech detection. machines, devices: the model's. On SOTTO_OK and SOTTO_ERR_CANCELLED *out is what
 * was transcribed, to be freed with so_transcript_free; otherwise NULL.
 */
sotto_status so_transcribe(const struct so_model *model, const struct so_vad_weights *vad, struct so_machines *machines, struct so_devices *devices,
                           const struct so_source *source, const sotto_options *options, struct so_transcript **out, sotto_error *err);

#endif
