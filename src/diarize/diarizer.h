/**
 * A recording's samples in, who spoke when out. Windows are looked at and pieces embedded as samples come, on
 * the pool of whoever gives them, so that it runs side by side with other work on the same samples. Of the
 * samples some seconds are kept; for each second of recording half a kilobyte of activity, and of speech a
 * voice of 768 bytes every two seconds or so: some 50 MB for ten hours.
 */
#ifndef SO_DIARIZE_DIARIZER_H
#define SO_DIARIZE_DIARIZER_H

#include "diarize/embedding.h"
#include "diarize/turns.h"

struct so_diarizer;

struct so_diarizer_options {
    bool fast;            /**< windows every two seconds, not every one */
    uint32_t least, most; /**< number of speakers, 0: no bound */
};

/** Who spoke when. Free with so_diarization_free, also after an error. */
struct so_diarization {
    struct so_turns turns;
    float *centroids; /**< [turns.n_speakers][SO_EMBEDDING_SIZE], unit length; zero where no clean speech was
                         found */
    double duration;
};

/** speakers, pool, backend (NULL: CPU only) are borrowed until so_diarizer_free. */
sotto_status so_diarizer_create(const struct so_speakers *speakers, struct so_pool *pool,
                                struct so_backend *backend, const struct so_diarizer_options *options,
                                struct so_diarizer **out, sotto_error *err);
void so_diarizer_free(struct so_diarizer *diarizer); /**< NULL is allowed */

/** The recording's next samples: 16 kHz, finite, of any number. How they are divided among calls changes
 * nothing. */
sotto_status so_diarizer_push(struct so_diarizer *diarizer, const float *samples, size_t n, sotto_error *err);

/** The recording has ended. Only so_diarizer_free may follow. */
sotto_status so_diarizer_finish(struct so_diarizer *diarizer, struct so_diarization *out, sotto_error *err);

/** Seconds spent in the calls above. */
double so_diarizer_seconds(const struct so_diarizer *diarizer);

void so_diarization_free(struct so_diarization *diarization);

#endif
