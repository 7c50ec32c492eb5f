/** Text that grows by malloc. A failed allocation is remembered, so that writers check one time, at the end. */
#ifndef SO_OUTPUT_BUFFER_H
#define SO_OUTPUT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/compiler.h"

struct so_buffer {
    char *data; /**< [length + 1], NUL-terminated; NULL while nothing was added */
    size_t length, capacity;
    bool failed;
};

void so_buffer_add(struct so_buffer *buffer, const char *bytes, size_t length);
void so_buffer_text(struct so_buffer *buffer, const char *text);
/** At most 255 bytes. */
void so_buffer_format(struct so_buffer *buffer, const char *format, ...) SO_PRINTF(2, 3);
void so_buffer_free(struct so_buffer *buffer);

#endif
