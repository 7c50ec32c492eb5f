#include "backend/xdna/xclbin_xml.h"

#include <string.h>

/* Where `word` next begins in [p, end), NULL if nowhere. */
static const char *seek(const char *p, const char *end, const char *word) {
    size_t n = strlen(word);
    for (; (size_t)(end - p) >= n; p++)
        if (memcmp(p, word, n) == 0) return p;
    return NULL;
}

/* The value of an attribute inside one tag. */
static bool attribute(const char *p, const char *end, const char *name, const char **value, size_t *length) {
    p = seek(p, end, name);
    if (!p) return false;
    p += strlen(name);
    const char *close = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL;
    if (!close) return false;
    *value = p;
    *length = (size_t)(close - p);
    return true;
}

static void copy(char *out, size_t size, const char *in, size_t length) {
    size_t n = 0;
    for (; n + 1 < size && n < length; n++) out[n] = in[n] >= 0x20 && in[n] < 0x7f ? in[n] : '?';
    out[n] = 0;
}

/* "0x1C" in either case, or decimal. */
static bool number(const char *p, size_t length, uint32_t *out) {
    uint64_t value = 0;
    bool hex = length > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    if (length == 0) return false;
    for (size_t i = hex ? 2 : 0; i < length; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned digit = 99;
        if (c >= '0' && c <= '9') digit = c - (unsigned)'0';
        if (c >= 'a' && c <= 'f') digit = c - (unsigned)'a' + 10;
        if (c >= 'A' && c <= 'F') digit = c - (unsigned)'A' + 10;
        if (digit >= (hex ? 16u : 10u)) return false;
        value = value * (hex ? 16 : 10) + digit;
        if (value > UINT32_MAX) return false;
    }
    *out = (uint32_t)value;
    return true;
}

void so_xclbin_arguments(const char *text, size_t size, struct so_xclbin *out) {
    const char *end = text + size, *p = seek(text, end, "<kernel ");
    if (!p) return;
    const char *stop = seek(p, end, "</kernel>");
    if (stop) end = stop;
    while (out->n_arguments < SO_XCLBIN_MAX_ARGUMENTS && (p = seek(p, end, "<arg "))) {
        p += 4;
        const char *close = memchr(p, '>', (size_t)(end - p)), *value;
        size_t length;
        if (!close) return;
        struct so_xclbin_argument *a = &out->arguments[out->n_arguments];
        if (!attribute(p, close, " offset=\"", &value, &length) || !number(value, length, &a->offset)) continue;
        a->size = 0;
        if (attribute(p, close, " size=\"", &value, &length)) number(value, length, &a->size);
        if (attribute(p, close, " name=\"", &value, &length)) copy(a->name, sizeof a->name, value, length);
        if (attribute(p, close, " type=\"", &value, &length)) copy(a->type, sizeof a->type, value, length);
        out->n_arguments++;
    }
}
