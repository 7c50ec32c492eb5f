/** Speakers without text, for the public calls. */
#ifndef SO_API_DIARIZE_H
#define SO_API_DIARIZE_H

#include "decode/feed.h"
#include "decode/transcript.h"
#include "diarize/diarizer.h"

/** The caller's options, checked, or the defaults. */
sotto_status so_diarize_settle(const sotto_options *given, sotto_options *options, sotto_error *err);

/** Who speaks in what a source gives, and what it took. Free `out` with so_diarization_free, also after an
 * error. */
sotto_status so_diarize_source(const struct so_source *source, const sotto_options *options,
                               struct so_diarization *out, sotto_timing *timing, sotto_error *err);

#endif
