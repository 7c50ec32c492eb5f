/** What the program says on standard error and writes to standard output. */
#ifndef SO_CLI_CONSOLE_H
#define SO_CLI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/** One line on standard error: "sotto: <subject>: <message>", control characters shown as '?'. */
void so_console_error(const char *subject, const char *message);

/** All of it to standard output, past stdio; false with errno set if that fails. */
bool so_console_write(const char *bytes, size_t length);

/** A line on a terminal that is written over again and again. Zero-initialised: off. */
struct so_progress {
    bool on, visible;
    double started; /**< so_now() */
};

/** `quiet` or a standard error that is no terminal: off. */
void so_progress_start(struct so_progress *progress, bool quiet);
/** Share done, speed as a multiple of real time, time left; seconds of recording, total 0: unknown. */
void so_progress_show(struct so_progress *progress, double done, double total);
/** Make room for other output. */
void so_progress_hide(struct so_progress *progress);

#endif
