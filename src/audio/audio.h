/**
 * Any recording to mono float samples at 16 kHz, as a stream: memory does not grow with the length of the
 * file. Containers and codecs by FFmpeg's libraries (audio/ffmpeg.c; a build without them reads WAV,
 * audio/wav.c); sample conversion, mixing and resampling are ours, in a fixed order, so that equal decoded
 * samples give equal bits.
 */
#ifndef SO_AUDIO_AUDIO_H
#define SO_AUDIO_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct so_audio;

struct so_audio_options {
    int channel; /**< -1: the mean of all channels; else one channel, from 0 */
    int stream;  /**< -1: the best audio stream; else the n-th audio stream, from 0 */
    bool common; /**< only the formats and codecs of audio/common.h */
};

/**
 * Open a file: `path` goes to open(2) as it is, never to anything that knows URLs or protocols; "-" is
 * standard input. `*out` is NULL after an error, whose message names the file. FFmpeg's own log, which goes
 * to stderr, is turned off unless the program has set its level.
 */
sotto_status so_audio_open(const char *path, const struct so_audio_options *options, struct so_audio **out,
                           sotto_error *err);

/** The same for an open descriptor, borrowed until so_audio_close; `label` names it in messages. */
sotto_status so_audio_open_fd(int fd, const char *label, const struct so_audio_options *options,
                              struct so_audio **out, sotto_error *err);

/** Read up to `capacity` samples. *n is 0 only at the end. NaN and infinities come out as 0. */
sotto_status so_audio_read(struct so_audio *audio, float *samples, size_t capacity, size_t *n,
                           sotto_error *err);

/**
 * Length in seconds by the container's word, 0 if unknown: an estimate for progress bars, never for
 * allocation.
 */
double so_audio_duration_hint(const struct so_audio *audio);

void so_audio_close(struct so_audio *audio);

#endif
