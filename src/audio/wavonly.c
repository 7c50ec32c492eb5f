/** The reader of a build without FFmpeg's libraries. */
#include "audio/source.h"

sotto_status so_media_open(struct so_input *input, const struct so_audio_options *options,
                           struct so_source **out, sotto_error *err) {
    return so_wav_open(input, options, out, err);
}
