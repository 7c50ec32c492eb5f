/** What the shape of a text asks of a character. */
#ifndef SO_MODEL_SCRIPT_H
#define SO_MODEL_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/** Whether a character takes the room of two (Unicode's East Asian Width W or F, by blocks): ideographs, kana, Hangul, emoji. */
bool so_char_is_wide(uint32_t code);

/** Whether a line may end beside a character though no space stands there: scripts that are written without spaces. */
bool so_char_is_unspaced(uint32_t code);

#endif
