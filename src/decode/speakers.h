/** Who spoke, entered in a transcript: speakers, turns, and the speaker of every segment and word. */
#ifndef SO_DECODE_SPEAKERS_H
#define SO_DECODE_SPEAKERS_H

#include "decode/feed.h"
#include "decode/transcript.h"
#include "diarize/diarizer.h"
#include "model/vocab.h"

/** Diarization beside something else that reads the same samples: a source in front of a source. */
struct so_hearing {
    struct so_source source; /**< to read from: tame samples, each of them heard */
    struct so_source behind; /**< borrowed */
    struct so_speakers *models;
    struct so_diarizer *diarizer;
    double seconds; /**< spent on listening, within reads */
};

/**
 * Get ready to hear what is read from `hearing->source`. Of the options those of speakers count. pool is
 * borrowed, `behind` copied. Free with so_hearing_free, also after an error.
 */
sotto_status so_hearing_start(const struct so_source *behind, struct so_pool *pool,
                              const sotto_options *options, struct so_hearing *hearing, sotto_error *err);
void so_hearing_free(struct so_hearing *hearing);

/** After the last read: enter speakers and turns, named by options->people, and attribute what segments there
 * are. */
sotto_status so_hearing_finish(struct so_hearing *hearing, const struct so_vocab *vocab,
                               const sotto_options *options, struct so_transcript *transcript,
                               sotto_error *err);

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
