/** The reader of a build without FFmpeg's libraries. */
#include "audio/reader.h"

sotto_status so_media_open(struct so_input *input, const struct so_audio_options *options,
                           struct so_reader **out, sotto_error *err) {
    return so_wav_open(input, options, out, err);
}
