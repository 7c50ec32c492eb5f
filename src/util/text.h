/** Small operations on UTF-8 text. */
#ifndef SO_UTIL_TEXT_H
#define SO_UTIL_TEXT_H

#include <stddef.h>

/** A piece of a longer text, not NUL-terminated. */
struct so_text {
    const char *bytes;
    size_t length;
};

/** Without white space (Unicode's White_Space and the ASCII separators 1C to 1F) at both ends. */
struct so_text so_text_trim(const char *bytes, size_t length);

#endif
