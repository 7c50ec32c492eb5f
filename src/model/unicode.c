#include "model/unicode.h"

#include <stdbool.h>

static bool within(const struct so_code_range *ranges, size_t count, uint32_t code) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= ranges[low].first;
}

enum so_char_class so_char_class(uint32_t code) {
    if (within(so_unicode_letters, so_unicode_letters_count, code)) return SO_CHAR_LETTER;
    if (within(so_unicode_spaces, so_unicode_spaces_count, code)) return SO_CHAR_SPACE;
    if (within(so_unicode_numbers, so_unicode_numbers_count, code)) return SO_CHAR_NUMBER;
    return SO_CHAR_OTHER;
}
