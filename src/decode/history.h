/** What the decoder is told before a window: hot words, and the text that came before. */
#ifndef SO_DECODE_HISTORY_H
#define SO_DECODE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/vocab.h"
#include "util/error.h"

struct so_history {
    int32_t *tokens; /**< [limit]: first the hot words, then the most recent text */
    size_t n_hot, n, limit;
    size_t left_out;  /**< hot words for which there was no room */
    bool cut_prompt;  /**< the beginning of the prompt had no room */
};

/**
 * At most `limit` tokens are kept (Whisper: half the text context less one), of them at most half for hot words, as many whole ones
 * as fit.
 * prompt: text said to stand before the first window; hotwords: words separated by commas, shown to every window;
 * NULL or blank: none.
 */
sotto_status so_history_create(const struct so_vocab *vocab, size_t limit, const char *prompt, const char *hotwords,
                               struct so_history *history, sotto_error *err);
void so_history_free(struct so_history *history);

/** Text was recognised: [n] tokens, timestamps included. The oldest text makes room. */
void so_history_add(struct so_history *history, const int32_t *tokens, size_t n);

/** Forget the text, not the hot words. */
void so_history_reset(struct so_history *history);

#endif
