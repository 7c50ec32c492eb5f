#include "model/utf8.h"
#include "model/vocab.h"

#include <string.h>

/** Output that counts past its end; a character is written whole or not at all. */
struct sink {
    char *text;
    size_t capacity, used, needed;
};

static void emit(struct sink *sink, const char *bytes, size_t n) {
    if (sink->used == sink->needed && sink->capacity - sink->used > n) {
        memcpy(sink->text + sink->used, bytes, n);
        sink->used += n;
    }
    sink->needed += n;
}

/** A character may be spread over tokens: bytes are gathered here until one is whole or known to be invalid.
 */
struct gather {
    char bytes[4];
    size_t n;
};

static void drain(struct gather *g, struct sink *sink, bool at_end) {
    while (g->n) {
        size_t size;
        uint32_t code = so_utf8_get(g->bytes, g->n, &size);
        unsigned char first = (unsigned char)g->bytes[0];
        /* All bytes so far begin a character: the next ones may complete it. */
        if (code == SO_UTF8_INVALID && size == g->n && !at_end && first >= 0xc2 && first <= 0xf4) return;
        if (code == SO_UTF8_INVALID || code == 0) /* a zero byte would end the text */
            emit(sink, "\xef\xbf\xbd", 3);
        else
            emit(sink, g->bytes, size);
        g->n -= size;
        memmove(g->bytes, g->bytes + size, g->n);
    }
}

/** What is left in the gathering is a character that is not whole. */
static struct gather feed(const struct so_vocab *vocab, const int32_t *ids, size_t n, struct sink *sink) {
    struct gather gather = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *bytes = so_vocab_bytes(vocab, ids[i], &length);
        for (size_t j = 0; j < length; j++) {
            gather.bytes[gather.n++] = bytes[j];
            drain(&gather, sink, false);
        }
    }
    return gather;
}

size_t so_vocab_decode(const struct so_vocab *vocab, const int32_t *ids, size_t n, char *text,
                       size_t capacity) {
    struct sink sink = {text, capacity, 0, 0};
    struct gather rest = feed(vocab, ids, n, &sink);
    drain(&rest, &sink, true);
    if (capacity) text[sink.used] = '\0';
    return sink.needed;
}

bool so_vocab_ends_whole(const struct so_vocab *vocab, const int32_t *ids, size_t n) {
    struct sink nowhere = {NULL, 0, 0, 0};
    return feed(vocab, ids, n, &nowhere).n == 0;
}
