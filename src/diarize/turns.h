/** Who speaks when: windows and pieces laid over each other, frame by frame. */
#ifndef SO_DIARIZE_TURNS_H
#define SO_DIARIZE_TURNS_H

#include "diarize/identity.h"

/** A stretch in which one speaker speaks; turns of several speakers may overlap. */
struct so_turn {
    double start, end; /**< seconds */
    uint32_t speaker;
};

struct so_turns {
    struct so_turn *turns; /**< [n], by start, then by end, then by speaker */
    size_t n, capacity;
    size_t n_speakers;  /**< those who have a turn, in order of their first */
    uint32_t *identity; /**< [n_speakers]: the speaker's number in so_identity */
    double *seconds;    /**< [n_speakers]: how long each speaks */
};

/**
 * In each frame the windows say how many speak; those speak who have the most of its windows' votes and of
 * its piece's voice. duration: of the recording, where all turns end. Free with so_turns_free, also after an
 * error.
 */
sotto_status so_find_turns(const struct so_activity *activity, const struct so_voices *voices,
                           const struct so_identity *identity, double duration, struct so_turns *out,
                           sotto_error *err);
void so_turns_free(struct so_turns *turns);

#endif
