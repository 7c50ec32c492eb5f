#include "align/words.h"

#include <string.h>

#include "model/utf8.h"
#include "util/compiler.h"
#include "util/text.h"

/** Punctuation that stands before a word, after a space; wide brackets need no space. */
static const char opening[] = "\"'\u201c\u00bf([{-",
                  wide_opening[] = "\u300c\u300e\uff08\u3014\u3010\u300a\u3008";
static const char closing[] =
    "\"'.\u3002,\uff0c!\uff01?\uff1f:\uff1a\u201d)]}\u3001;\u2026\u300d\u300f\uff09\u3015\u3011\u300b\u3009";
static const char ascii_punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

enum { SHORT = 64 }; /* bytes; no longer text is punctuation */

static bool holds(const char *set, const char *character, size_t size) {
    for (size_t n; *set; set += n) {
        so_utf8_get(set, strlen(set), &n);
        if (n == size && memcmp(set, character, n) == 0) return true;
    }
    return false;
}

/** Whether tokens are, without white space around them, nothing but characters of a set. */
static bool only(const struct so_vocab *vocab, const int32_t *tokens, size_t n, const char *set) {
    char buffer[SHORT];
    size_t length = so_vocab_decode(vocab, tokens, n, buffer, sizeof buffer);
    if (length >= sizeof buffer) return false;
    struct so_text text = so_text_trim(buffer, length);
    for (size_t at = 0, size; at < text.length; at += size) {
        so_utf8_get(text.bytes + at, text.length - at, &size);
        if (!holds(set, text.bytes + at, size)) return false;
    }
    return text.length > 0;
}

static bool begins_with_space(const struct so_vocab *vocab, int32_t token) {
    size_t length;
    const char *bytes = so_vocab_bytes(vocab, token, &length);
    return length > 0 && bytes[0] == ' ';
}

static bool ends_with_space(const struct so_vocab *vocab, int32_t token) {
    size_t length;
    const char *bytes = so_vocab_bytes(vocab, token, &length);
    return length > 0 && bytes[length - 1] == ' ';
}

/** The words before punctuation is joined to them. */
static size_t divide(const struct so_vocab *vocab, const int32_t *tokens, size_t n, bool by_character,
                     struct so_token_word *words) {
    size_t count = 0;
    for (size_t first = 0, size; first < n; first += size) {
        size = 1;
        while (first + size < n && !so_vocab_ends_whole(vocab, tokens + first, size)) size++;
        const int32_t *piece = tokens + first;
        bool begins = count == 0 || by_character || begins_with_space(vocab, *piece) ||
                      only(vocab, piece, size, ascii_punctuation);
        if (begins) words[count++] = (struct so_token_word){.first = first};
        words[count - 1].n += size;
    }
    for (size_t i = 0; i < count; i++) {
        words[i].spoken = words[i].first;
        words[i].n_spoken = words[i].n;
    }
    return count;
}

static bool opens(const struct so_vocab *vocab, const int32_t *tokens, const struct so_token_word *word) {
    const int32_t *from = tokens + word->first;
    return (begins_with_space(vocab, *from) && only(vocab, from, word->n, opening)) ||
           only(vocab, from, word->n, wide_opening);
}

static size_t join_opening(const struct so_vocab *vocab, const int32_t *tokens, struct so_token_word *words,
                           size_t count) {
    size_t kept = count; /* words [kept, count) are done, from the end on */
    for (size_t i = count; i-- > 0;) {
        if (kept < count && opens(vocab, tokens, &words[i])) {
            words[kept].first = words[i].first;
            words[kept].n += words[i].n;
        } else {
            words[--kept] = words[i];
        }
    }
    memmove(words, words + kept, (count - kept) * sizeof *words);
    return count - kept;
}

static size_t join_closing(const struct so_vocab *vocab, const int32_t *tokens, struct so_token_word *words,
                           size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t *from = tokens + words[i].first;
        bool closes = kept > 0 && !begins_with_space(vocab, *from) && !ends_with_space(vocab, from[-1]) &&
                      only(vocab, from, words[i].n, closing);
        if (closes)
            words[kept - 1].n += words[i].n;
        else
            words[kept++] = words[i];
    }
    return kept;
}

size_t so_token_words(const struct so_vocab *vocab, const int32_t *tokens, size_t n, bool by_character,
                      struct so_token_word *words) {
    size_t count = divide(vocab, tokens, n, by_character, words);
    count = join_opening(vocab, tokens, words, count);
    return join_closing(vocab, tokens, words, count);
}

bool so_language_without_spaces(int index) {
    static const char *const codes[] = {"zh", "ja", "th", "lo", "my", "yue", "km", "bo"};
    const char *code = index >= 0 ? so_language_code((size_t)index) : NULL;
    for (size_t i = 0; code && i < SO_COUNT(codes); i++)
        if (strcmp(code, codes[i]) == 0) return true;
    return false;
}
