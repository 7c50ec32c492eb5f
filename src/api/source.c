#include "api/source.h"

#include <string.h>

#include "util/memory.h"

static sotto_status read_memory(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    struct so_memory_source *memory = context;
    (void)err;
    *n = so_min(capacity, memory->n - memory->at);
    if (*n) memcpy(samples, memory->samples + memory->at, *n * sizeof *samples);
    memory->at += *n;
    return SOTTO_OK;
}

static sotto_status read_audio(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    return so_audio_read(context, samples, capacity, n, err);
}

struct so_source so_source_of_memory(struct so_memory_source *memory) {
    return (struct so_source){memory, read_memory, (double)memory->n / SOTTO_SAMPLE_RATE};
}

sotto_status so_source_of_path(const char *path, const sotto_options *options, struct so_audio **audio,
                               struct so_source *out, sotto_error *err) {
    struct so_audio_options how = {.channel = options->channel, .stream = options->stream};
    *audio = NULL;
    sotto_status status = so_audio_open(path, &how, audio, err);
    if (!status) *out = (struct so_source){*audio, read_audio, so_audio_duration_hint(*audio)};
    return status;
}
