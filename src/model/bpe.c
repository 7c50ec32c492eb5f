#include <string.h>

#include "model/pretokenize.h"
#include "model/vocab.h"

/* A run of letters without a break that is longer is cut here: it bounds both the memory and the quadratic
 * search below. */
#define LONGEST_PIECE 4096
#define NO_MERGE INT32_MAX

/** A piece of text as tokens [0, n): their ends in bytes, and what each would become with its right
 * neighbour. */
struct piece {
    const char *text;
    size_t n;
    uint16_t end[LONGEST_PIECE];
    int32_t id[LONGEST_PIECE];
    int32_t merged[LONGEST_PIECE];
};

static int32_t merged_id(const struct so_vocab *vocab, const struct piece *p, size_t i) {
    if (i + 1 >= p->n) return NO_MERGE;
    size_t begin = i ? p->end[i - 1] : 0;
    int32_t id = so_vocab_find(vocab, p->text + begin, p->end[i + 1] - begin);
    return id < 0 ? NO_MERGE : id;
}

static void remove_at(struct piece *p, size_t i) {
    size_t after = p->n - i - 1;
    memmove(p->end + i, p->end + i + 1, after * sizeof *p->end);
    memmove(p->id + i, p->id + i + 1, after * sizeof *p->id);
    memmove(p->merged + i, p->merged + i + 1, after * sizeof *p->merged);
    p->n--;
}

/** Merge the leftmost pair of lowest rank (a token's id is its rank) until no pair is a token. */
static void merge(const struct so_vocab *vocab, struct piece *p, const char *text, size_t length) {
    p->text = text;
    p->n = length;
    for (size_t i = 0; i < length; i++) {
        p->end[i] = (uint16_t)(i + 1);
        p->id[i] = so_vocab_find(vocab, text + i, 1);
    }
    for (size_t i = 0; i < length; i++) p->merged[i] = merged_id(vocab, p, i);
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i < p->n; i++)
            if (p->merged[i] < p->merged[best]) best = i;
        if (p->merged[best] == NO_MERGE) return;
        p->id[best] = p->merged[best];
        p->end[best] = p->end[best + 1];
        remove_at(p, best + 1);
        p->merged[best] = merged_id(vocab, p, best);
        if (best) p->merged[best - 1] = merged_id(vocab, p, best - 1);
    }
}

size_t so_vocab_encode(const struct so_vocab *vocab, const char *text, size_t length, int32_t *ids,
                       size_t capacity) {
    struct piece piece;
    size_t needed = 0;
    while (length) {
        size_t n = so_pretokenize(text, length, LONGEST_PIECE);
        merge(vocab, &piece, text, n);
        for (size_t i = 0; i < piece.n; i++) {
            if (piece.id[i] < 0)
                continue; /* a byte that is no token: only in a vocabulary that is not complete */
            if (needed < capacity) ids[needed] = piece.id[i];
            needed++;
        }
        text += n;
        length -= n;
    }
    return needed;
}
