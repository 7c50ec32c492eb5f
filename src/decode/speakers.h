/** Who spoke, entered in a transcript: speakers, turns, and the speaker of every segment and word. */
#ifndef SO_DECODE_SPEAKERS_H
#define SO_DECODE_SPEAKERS_H

#include "decode/feed.h"
#include "decode/transcript.h"
#include "diarize/diarizer.h"
#include "model/vocab.h"

struct so_hearing_queue;

/** Diarization beside something else that reads the same samples: a source in front of a source. */
struct so_hearing {
    struct so_source source; /**< to read from: tame samples, each of them heard */
    struct so_source behind; /**< borrowed */
    struct so_speakers *models;
    struct so_diarizer *diarizer;
    struct so_hearing_queue *queue; /**< NULL: reads listen themselves */
    double seconds;                 /**< spent on listening, or on waiting for it, within reads */
};

/**
 * Get ready to hear what is read from `hearing->source`. Of the options those of speakers count. With `beside` and a pool of several
 * threads a thread of its own listens to what was read, up to two minutes behind, in loops beside the pool's own (so_pool_create_beside);
 * else reading does, in the pool's own loops. pool is borrowed, `behind` copied. Free with so_hearing_free, also after an error.
 */
sotto_status so_hearing_start(const struct so_source *behind, struct so_pool *pool, bool beside,
                              const sotto_options *options, struct so_hearing *hearing, sotto_error *err);
void so_hearing_free(struct so_hearing *hearing);

/** After the last read, by whoever runs the pool's own loops: enter speakers and turns, named by options->people, and attribute what segments there
 * are. */
sotto_status so_hearing_finish(struct so_hearing *hearing, const struct so_vocab *vocab,
                               const sotto_options *options, struct so_transcript *transcript,
                               sotto_error *err);

/** Seconds that listening took so far, if nobody reads; beside other work they count as long as they lasted. */
double so_hearing_seconds(const struct so_hearing *hearing);

/** Enter speakers and turns of a diarization. */
sotto_status so_speakers_enter(const struct so_diarization *diarization, const sotto_options *options,
                               struct so_transcript *transcript, sotto_error *err);

/**
 * Give every segment and word a speaker; segments are divided where the speaker changes within one. vocab
 * divides their tokens. Text where no turn was found at all makes one speaker.
 */
sotto_status so_speakers_attribute(const struct so_vocab *vocab, struct so_transcript *transcript,
                                   sotto_error *err);

#endif
