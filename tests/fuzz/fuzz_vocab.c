/** Vocabulary files that nobody wrote, and any text to tokens and back: what is encoded must decode to itself
 * where it is valid UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/utf8.h"
#include "model/vocab_read.h"
#include "synthetic.h"

#define MOST_TEXT 3000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_vocabulary(const char *text, size_t size) {
    struct so_vocab_builder *builder;
    const struct so_vocab *vocab;
    if (so_vocab_builder_create(51865, &builder, NULL)) abort();
    if (!so_vocab_parse("fuzz", text, size, builder, NULL)) so_vocab_builder_finish(builder, &vocab, NULL);
    so_vocab_builder_free(builder);
}

static void encode_and_decode(const char *text, size_t size) {
    static struct so_vocab_builder *builder;
    static const struct so_vocab *vocab;
    int32_t ids[MOST_TEXT];
    char back[3 * MOST_TEXT + 1];
    bool valid = true;
    if (!vocab && so_synthetic_vocab(51865, &builder, &vocab, NULL)) abort();
    if (size > MOST_TEXT) size = MOST_TEXT;
    size_t n = so_vocab_encode(vocab, text, size, ids, MOST_TEXT);
    if (n > size) abort();
    size_t length = so_vocab_decode(vocab, ids, n, back, sizeof back);
    for (size_t at = 0, step; at < size; at += step) {
        uint32_t code = so_utf8_get(text + at, size - at, &step);
        if (code == SO_UTF8_INVALID || code == 0) valid = false; /* both come back as U+FFFD */
    }
    if (length >= sizeof back || strnlen(back, sizeof back) > length) abort();
    if (valid && (length != size || memcmp(back, text, size))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (size % 2)
        read_vocabulary(text, size);
    else
        encode_and_decode(text, size);
    free(text);
    return 0;
}
