#include "util/text.h"

#include <stdbool.h>
#include <string.h>

#include "util/compiler.h"

/** All white space above ASCII, as UTF-8. */
static const char *const wide_spaces[] = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
};

static bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

/** Bytes of the white space that starts (or ends) the text, 0 if none does. */
static size_t space_at(const char *bytes, size_t length, bool at_end) {
    if (length == 0) return 0;
    if (is_ascii_space(at_end ? bytes[length - 1] : bytes[0])) return 1;
    for (size_t i = 0; i < SO_COUNT(wide_spaces); i++) {
        size_t n = strlen(wide_spaces[i]);
        if (n <= length && !memcmp(at_end ? bytes + length - n : bytes, wide_spaces[i], n)) return n;
    }
    return 0;
}

struct so_text so_text_trim(const char *bytes, size_t length) {
    size_t n;
    while ((n = space_at(bytes, length, false)) > 0) bytes += n, length -= n;
    while ((n = space_at(bytes, length, true)) > 0) length -= n;
    return (struct so_text){bytes, length};
}
