/** Reading and writing of UTF-8 one character at a time (RFC 3629), never past the end. */
#ifndef SO_MODEL_UTF8_H
#define SO_MODEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define SO_UTF8_INVALID 0xffffffffu

/**
 * The character at `text`, of which `length` >= 1 bytes are left: its code point, or SO_UTF8_INVALID. *size
 * is its length; of an invalid sequence the longest part that begins a valid one (Unicode 3.9, "maximal
 * subpart"), at least 1.
 */
uint32_t so_utf8_get(const char *text, size_t length, size_t *size);

/** Write a code point below 0x110000; returns its length, 1 to 4. */
size_t so_utf8_put(uint32_t code, char out[4]);

#endif
