/** The reader of a build without FFmpeg's libraries. */
#include "audio/reader.h"

sotto_status so_media_open(struct so_input *input, const struct so_audio_options *options,
                           struct so_reader **out, sotto_error *err) {
    return so_wav_open(input, options, out, err);
}

sotto_status so_media_open_device(const char *driver, const char *device, struct so_reader **out, sotto_error *err) {
    (void)driver, (void)device;
    *out = NULL;
    return so_fail(err, SOTTO_ERR_UNSUPPORTED, "this build was made without FFmpeg's libraries, by which microphones are opened");
}
