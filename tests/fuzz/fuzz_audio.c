/** WAV files that nobody wrote: whatever the bytes, the reader ends, and every sample it gives is finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "audio/reader.h"

#define MAX_SAMPLES (1 << 15) /* a claim of 1 kHz makes 16 samples of each: enough is enough */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct so_audio_options options = {.channel = size % 3 == 0 ? 1 : -1, .stream = -1};
    struct so_input *input;
    struct so_reader *reader;
    struct so_audio *audio;
    if (so_input_memory(data, size, "fuzz", &input, NULL) != SOTTO_OK) return 0;
    input->seekable = size % 2; /* both ways of skipping a chunk */
    if (so_wav_open(input, &options, &reader, NULL) != SOTTO_OK) return 0;
    if (so_audio_from_reader(reader, &audio, NULL) != SOTTO_OK) return 0;
    if (!(so_audio_duration_hint(audio) >= 0)) abort();
    float samples[1000];
    size_t n = 0;
    for (size_t total = 0;
         total < MAX_SAMPLES && so_audio_read(audio, samples, 1000, &n, NULL) == SOTTO_OK && n; total += n)
        for (size_t i = 0; i < n; i++)
            if (!isfinite(samples[i])) abort();
    so_audio_close(audio);
    return 0;
}
