/**
 * When each word is spoken. The decoder is told a window's text once more (so_decoder_trace); where its
 * alignment heads look while it hears each token is a picture of tokens over time, through which a path is
 * found (dtw.h). Words (words.h) get their first and last frames from it, and pauses are taken out of them
 * (times.h, snap.h).
 */
#ifndef SO_ALIGN_ALIGN_H
#define SO_ALIGN_ALIGN_H

#include "model/model.h"
#include "whisper/decoder.h"

struct so_aligner; /**< memory of one window's alignment; for one caller at a time */

/** snap: move words' edges to where the sound begins and ends. */
sotto_status so_aligner_create(const struct so_model *model, sotto_task task, bool snap,
                               struct so_aligner **out, sotto_error *err);
void so_aligner_free(struct so_aligner *aligner);

/** One segment of a window. Its tokens may hold timestamps and other special tokens, which are skipped. */
struct so_align_segment {
    const int32_t *tokens; /**< [n] */
    const float *logprobs; /**< [n] */
    size_t n;
    uint32_t start, end; /**< frames of 10 ms in the window, as the timestamps say */
};

/** What was heard. */
struct so_align_window {
    const struct so_cross *cross;
    const float *samples; /**< [n_samples] of the window, from its first frame on */
    size_t n_samples;
    uint32_t frames; /**< of the window's audio, at least 1 */
    int language;    /**< index */
};

struct so_align_word {
    size_t segment;      /**< index */
    const char *text;    /**< UTF-8, NUL-terminated; a segment's words one after another are its text */
    uint32_t start, end; /**< frames of 10 ms in the window, start <= end <= frames, in order */
    float probability;   /**< geometric mean over the tokens */
};

/** The words of all segments; *words belongs to the aligner until the next call. */
sotto_status so_align(struct so_aligner *aligner, struct so_decoder *decoder, struct so_pool *pool,
                      const struct so_align_window *window, const struct so_align_segment *segments,
                      size_t n_segments, const struct so_align_word **words, size_t *n_words,
                      sotto_error *err);

#endif
