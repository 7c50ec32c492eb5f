/**
 * Pieces: stretches of at most three seconds in which one speaker speaks alone, as far as the windows can
 * tell. Each is embedded once; everything about voices is known from pieces.
 */
#ifndef SO_DIARIZE_PIECES_H
#define SO_DIARIZE_PIECES_H

#include "diarize/activity.h"

#define SO_PIECE_FRAMES 178 /**< at most, of a piece: 3.0 s */
#define SO_PIECE_RUN 712    /**< frames after which a run is cut into pieces though it goes on: 12 s */

/** Frames [first, last) of the recording. */
struct so_piece {
    size_t first, last;
};

/** Cuts runs as frames become known. Zero-initialised at the start of a recording. */
struct so_cutter {
    size_t next;  /**< first frame not looked at */
    size_t start; /**< of the run that is open */
    bool open;
};

/** Pieces that one call of so_cutter_next writes at most. */
#define SO_CUTTER_PIECES (SO_PIECE_RUN / SO_PIECE_FRAMES)

/**
 * Look at frames before `limit`, all of whose windows are known, until a run ends; returns the number of
 * pieces it is cut into, of equal length but for one frame, 0 when all was looked at. With `end` the run that
 * is open ends at `limit`.
 */
size_t so_cutter_next(struct so_cutter *cutter, const struct so_activity *activity, size_t limit, bool end,
                      struct so_piece pieces[SO_CUTTER_PIECES]);

/** The earliest frame that a piece to come may hold. */
static inline size_t so_cutter_keeps(const struct so_cutter *cutter) {
    return cutter->open ? cutter->start : cutter->next;
}

/**
 * The filter-bank frames (10 ms, features/fbank.h) whose middles lie in a piece: [*first, *last), none past
 * `n_fbank`.
 */
void so_piece_fbank(const struct so_piece *piece, size_t n_fbank, size_t *first, size_t *last);

#endif
