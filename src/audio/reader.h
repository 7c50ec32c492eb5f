/**
 * A reader of recordings: what audio.c asks of FFmpeg's libraries (ffmpeg.c) or of the WAV reader (wav.c).
 * It delivers mono float samples at whatever rate the recording has, block by block.
 */
#ifndef SO_AUDIO_READER_H
#define SO_AUDIO_READER_H

#include <stddef.h>
#include <stdint.h>

#include "audio/audio.h"
#include "audio/input.h"
#include "util/error.h"

#define SO_AUDIO_MAX_CHANNELS 64
#define SO_AUDIO_MIN_RATE 1000   /**< Hz */
#define SO_AUDIO_MAX_RATE 768000 /**< Hz */

/** Mono samples of one rate. n = 0: the end of the recording. */
struct so_block {
    const float *samples; /**< [n], the reader's, valid until the next call */
    size_t n;
    uint32_t rate; /**< Hz, within the limits above */
};

struct so_reader {
    sotto_status (*next)(struct so_reader *reader, struct so_block *block, sotto_error *err);
    void (*close)(struct so_reader *reader);
    double duration; /**< seconds by the container's word, 0 if unknown */
};

/** The RIFF/WAVE (and RF64) reader. Takes `input` over, also when it fails. */
sotto_status so_wav_open(struct so_input *input, const struct so_audio_options *options,
                         struct so_reader **out, sotto_error *err);

/** The reader of this build: FFmpeg's libraries, or WAV only. Takes `input` over, also when it fails. */
sotto_status so_media_open(struct so_input *input, const struct so_audio_options *options,
                           struct so_reader **out, sotto_error *err);

/** A microphone by FFmpeg's devices, as sotto_audio_open_device says. */
sotto_status so_media_open_device(const char *driver, const char *device, struct so_reader **out, sotto_error *err);

/** A recording from an open reader, which the audio handle closes: the seam under so_audio_open. */
sotto_status so_audio_from_reader(struct so_reader *reader, struct so_audio **out, sotto_error *err);

/** Refuse a rate or a number of channels outside the limits. */
sotto_status so_check_layout(const char *name, int64_t rate, int64_t channels, sotto_error *err);

/** Refuse a channel that the recording does not have. */
sotto_status so_check_channel(const char *name, int channel, int channels, sotto_error *err);

#endif
