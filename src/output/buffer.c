#include "output/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct so_buffer *buffer, size_t more) {
    if (buffer->failed || more >= SIZE_MAX / 4 - buffer->length) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity) return true;
    size_t capacity = needed < 512 ? 1024 : 2 * needed;
    char *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void so_buffer_add(struct so_buffer *buffer, const char *bytes, size_t length) {
    if (!reserve(buffer, length)) return;
    if (length) memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void so_buffer_text(struct so_buffer *buffer, const char *text) { so_buffer_add(buffer, text, strlen(text)); }

void so_buffer_format(struct so_buffer *buffer, const char *format, ...) {
    char piece[256];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof piece)
        buffer->failed = true;
    else
        so_buffer_add(buffer, piece, (size_t)n);
}

void so_buffer_free(struct so_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct so_buffer){0};
}
