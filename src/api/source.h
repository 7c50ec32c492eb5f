/** What callers give samples by, as sources. */
#ifndef SO_API_SOURCE_H
#define SO_API_SOURCE_H

#include "audio/audio.h"
#include "decode/feed.h"

/** Samples in memory. */
struct so_memory_source {
    const float *samples; /**< [n] */
    size_t n, at;
};

struct so_source so_source_of_memory(struct so_memory_source *memory);

/** Open a path; close *audio after the source was last read. */
sotto_status so_source_of_path(const char *path, const sotto_options *options, struct so_audio **audio,
                               struct so_source *out, sotto_error *err);

#endif
