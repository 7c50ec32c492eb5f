#include "decode/loop.h"

enum {
    MAX_PERIOD = 56,   /* a quarter of the longest text */
    MIN_REPEATED = 20, /* "no, no, no, no" is no loop yet */
    MIN_OCCURRENCES = 4,
};

/** Index of the text token before `at`, or `at` itself if there is none. */
static size_t before(const struct so_vocab *vocab, const int32_t *tokens, size_t at) {
    size_t i = at;
    while (i > 0 && so_vocab_is_timestamp(vocab, tokens[i - 1])) i--;
    return i > 0 ? i - 1 : at;
}

/** Text tokens at the end that equal the one `period` text tokens before; *first: the earliest of them. */
static size_t repeated(const struct so_vocab *vocab, const int32_t *tokens, size_t n, size_t period,
                       size_t *first) {
    size_t here = before(vocab, tokens, n), there = here, length = 0;
    for (size_t i = 0; i < period; i++) {
        size_t next = before(vocab, tokens, there);
        if (next == there) return 0;
        there = next;
    }
    if (n == 0) return 0;
    while (tokens[here] == tokens[there]) {
        length++;
        *first = here;
        here = before(vocab, tokens, here);
        size_t next = before(vocab, tokens, there);
        if (next == there) break;
        there = next;
    }
    return length;
}

bool so_loop_at_end(const struct so_vocab *vocab, const int32_t *tokens, size_t n, size_t *keep) {
    for (size_t period = 1; period <= MAX_PERIOD; period++) {
        size_t first = 0, length = repeated(vocab, tokens, n, period, &first);
        if (length < MIN_REPEATED || length < (MIN_OCCURRENCES - 1) * period) continue;
        /* Timestamps come in pairs: the first closes what is kept, the second opens what is not. */
        while (first >= 2 && so_vocab_is_timestamp(vocab, tokens[first - 1]) &&
               so_vocab_is_timestamp(vocab, tokens[first - 2]))
            first--;
        *keep = first;
        return true;
    }
    return false;
}

bool so_loop_find(const struct so_vocab *vocab, const int32_t *tokens, size_t n, size_t *keep) {
    for (size_t end = MIN_REPEATED; end <= n; end++)
        if (!so_vocab_is_timestamp(vocab, tokens[end - 1]) && so_loop_at_end(vocab, tokens, end, keep))
            return true;
    return false;
}
