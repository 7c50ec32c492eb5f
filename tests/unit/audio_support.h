/** For the tests of src/audio: WAV files made in memory, and reading a recording to its end. */
#ifndef SO_TESTS_AUDIO_SUPPORT_H
#define SO_TESTS_AUDIO_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "audio/reader.h"

#define WAV_HEADER_MAX 128
#define CLAIM_TRUE UINT32_MAX          /**< the size claimed is the real one */
#define CLAIM_UNKNOWN (UINT32_MAX - 1) /**< the file has 0xffffffff */

struct wav_shape {
    unsigned tag; /**< 1 PCM, 3 float */
    unsigned channels, rate, bits;
    int extensible;
    uint32_t claim; /**< bytes that the header claims for "data", and RIFF's size in keeping */
};

/** A WAV file of `size` bytes of samples; out: [WAV_HEADER_MAX + size]. Returns its length. */
size_t make_wav(uint8_t *out, struct wav_shape shape, const void *samples, size_t size);

/** `n` samples of mono 16-bit sound at `rate`: a tone of 440 Hz. out: [n] */
void make_tone(int16_t *out, size_t n, unsigned rate);

/**
 * Everything that can be read. `samples` may be NULL; of more than `capacity` samples the rest is only
 * counted.
 */
sotto_status read_all(struct so_audio *audio, float *samples, size_t capacity, size_t *n, sotto_error *err);

/** Open the WAV reader on memory. `seekable` 0: as from a pipe. */
sotto_status open_wav(const uint8_t *data, size_t size, int seekable, int channel, struct so_audio **out,
                      sotto_error *err);

#endif
