#include "model/utf8.h"

uint32_t so_utf8_get(const char *text, size_t length, size_t *size) {
    const unsigned char *s = (const unsigned char *)text;
    unsigned first = s[0], low = 0x80, high = 0xbf, more;
    *size = 1;
    if (first < 0x80) return first;
    if (first < 0xc2 || first > 0xf4) return SO_UTF8_INVALID;
    more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    /* The second byte's range leaves out long forms, surrogates and what lies past U+10FFFF (RFC 3629,
     * section 4). */
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    uint32_t code = first & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if (i >= length || s[i] < low || s[i] > high) return SO_UTF8_INVALID;
        code = code << 6 | (s[i] & 0x3fu);
        *size = i + 1;
        low = 0x80;
        high = 0xbf;
    }
    return code;
}

size_t so_utf8_put(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
