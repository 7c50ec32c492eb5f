/** The three classes of characters that GPT-2's pattern knows. */
#ifndef SO_MODEL_UNICODE_H
#define SO_MODEL_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/** First and last code point. */
struct so_code_range {
    uint32_t first, last;
};

/* Made by scripts/make_unicode_tables.py; in rising order. */
extern const struct so_code_range so_unicode_letters[], so_unicode_numbers[], so_unicode_spaces[];
extern const size_t so_unicode_letters_count, so_unicode_numbers_count, so_unicode_spaces_count;

enum so_char_class { SO_CHAR_OTHER, SO_CHAR_LETTER, SO_CHAR_NUMBER, SO_CHAR_SPACE };

/** The class of a code point; SO_CHAR_OTHER for what is none. */
enum so_char_class so_char_class(uint32_t code);

#endif
