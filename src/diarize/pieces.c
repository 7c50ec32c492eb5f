#include "diarize/pieces.h"

#include "features/fbank.h"
#include "util/memory.h"

static size_t cut_run(struct so_cutter *cutter, size_t end, struct so_piece pieces[SO_CUTTER_PIECES]) {
    size_t length = end - cutter->start, n = (length + SO_PIECE_FRAMES - 1) / SO_PIECE_FRAMES;
    for (size_t i = 0; i < n; i++)
        pieces[i] = (struct so_piece){cutter->start + length * i / n, cutter->start + length * (i + 1) / n};
    cutter->open = false;
    return n;
}

size_t so_cutter_next(struct so_cutter *cutter, const struct so_activity *activity, size_t limit, bool end,
                      struct so_piece pieces[SO_CUTTER_PIECES]) {
    for (; cutter->next < limit; cutter->next++) {
        size_t t = cutter->next;
        struct so_frame frame = so_activity_frame(activity, t);
        bool alone = frame.speakers == 1;
        if (cutter->open && (!alone || frame.change || t - cutter->start == SO_PIECE_RUN))
            return cut_run(cutter, t, pieces);
        if (alone && !cutter->open) {
            cutter->open = true;
            cutter->start = t;
        }
    }
    return end && cutter->open ? cut_run(cutter, limit, pieces) : 0;
}

/** The first filter-bank frame whose middle, 160 i + 200, is not before the left edge of segmentation frame
 * t. */
static size_t first_fbank(size_t t) {
    size_t edge = t * SO_SEGMENT_HOP + (SO_SEGMENT_FIELD - SO_SEGMENT_HOP) / 2;
    size_t from = SO_FBANK_WINDOW / 2;
    return (edge - from + SO_FBANK_HOP - 1) / SO_FBANK_HOP;
}

void so_piece_fbank(const struct so_piece *piece, size_t n_fbank, size_t *first, size_t *last) {
    *first = so_min(first_fbank(piece->first), n_fbank);
    *last = so_min(first_fbank(piece->last), n_fbank);
}
