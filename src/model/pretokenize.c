#include "model/pretokenize.h"

#include <string.h>

#include "model/unicode.h"
#include "model/utf8.h"

static enum so_char_class class_at(const char *text, size_t length, size_t *size) {
    return so_char_class(so_utf8_get(text, length, size));
}

static size_t contraction(const char *text, size_t length) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i]);
        if (n <= length && !memcmp(text, endings[i], n)) return n;
    }
    return 0;
}

/** Bytes of the run of characters of one class at the start; *last: the bytes of its last character. */
static size_t run(const char *text, size_t length, size_t most, enum so_char_class class, size_t *last) {
    size_t at = 0, size;
    *last = 0;
    while (at < length && class_at(text + at, length - at, &size) == class && at + size <= most) {
        at += size;
        *last = size;
    }
    return at;
}

size_t so_pretokenize(const char *text, size_t length, size_t most) {
    size_t size, last, n = contraction(text, length);
    if (n) return n;
    enum so_char_class class = class_at(text, length, &size);
    if (class != SO_CHAR_SPACE) return run(text, length, most, class, &last);
    if (text[0] == ' ' && length > 1) {
        enum so_char_class next = class_at(text + 1, length - 1, &size);
        if (next != SO_CHAR_SPACE) return 1 + run(text + 1, length - 1, most - 1, next, &last);
    }
    n = run(text, length, most, SO_CHAR_SPACE, &last);
    /* White space before a word leaves its last character to the word, unless there is no other. */
    if (n < length && n > last && class_at(text + n, length - n, &size) != SO_CHAR_SPACE) n -= last;
    return n;
}
