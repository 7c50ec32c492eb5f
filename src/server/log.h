/** The server's log on standard error: lines of text, or of JSON with the same names. One write for each line. */
#ifndef SO_SERVER_LOG_H
#define SO_SERVER_LOG_H

#include <stdbool.h>

#include "sotto.h"
#include "util/compiler.h"

struct so_log {
    bool json;
    sotto_log_level level; /**< lines above are left out */
};

/**
 * One line. event: a word; format: name and kind pairs that say what the arguments are, as "id:s bytes:u seconds:f": s a string
 * (NULL: left out), u an unsigned long long, f a double.
 */
void so_note(const struct so_log *log, sotto_log_level level, const char *event, const char *format, ...);

#endif
