#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

static void flatten(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) *text = ' ';
}

sotto_status so_fail(sotto_error *err, sotto_status code, const char *format, ...) {
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        err->code = code;
        vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
        flatten(err->message);
    }
    return code;
}

sotto_status so_fail_memory(sotto_error *err, size_t bytes, const char *what) {
    return so_fail(err, SOTTO_ERR_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

void so_error_clear(sotto_error *err) {
    if (err) {
        err->code = SOTTO_OK;
        err->message[0] = '\0';
    }
}
