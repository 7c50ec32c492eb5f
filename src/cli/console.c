#include "cli/console.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/clock.h"

static void put_printable(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        fputc(c < ' ' || c == 0x7f ? '?' : c, stderr);
    }
}

void so_console_error(const char *subject, const char *message) {
    fputs("sotto: ", stderr);
    put_printable(subject);
    fputs(": ", stderr);
    put_printable(message);
    fputc('\n', stderr);
}

bool so_console_write(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

void so_progress_start(struct so_progress *progress, bool quiet) {
    *progress = (struct so_progress){.on = !quiet && isatty(STDERR_FILENO), .started = so_now()};
}

static void put_time(double seconds) {
    long whole = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (whole >= 3600) fprintf(stderr, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else fprintf(stderr, "%ld:%02ld", whole / 60, whole % 60);
}

void so_progress_show(struct so_progress *progress, double done, double total) {
    if (!progress->on) return;
    double elapsed = so_now() - progress->started;
    double speed = elapsed > 0 ? done / elapsed : 0;
    fputs("\r\033[K", stderr);
    if (total > 0) {
        enum { WIDTH = 24 };
        double share = done < total ? done / total : 1;
        fputc('[', stderr);
        for (int i = 0; i < WIDTH; i++) fputc(i < (int)(share * WIDTH) ? '=' : ' ', stderr);
        fprintf(stderr, "] %3.0f %%", share * 100);
    } else {
        put_time(done);
        fputs(" done", stderr);
    }
    fprintf(stderr, "  %.1fx", speed);
    if (total > 0 && speed > 0) {
        fputs("  ", stderr);
        put_time((total - done) / speed);
        fputs(" left", stderr);
    }
    fflush(stderr);
    progress->visible = true;
}

void so_progress_hide(struct so_progress *progress) {
    if (!progress->visible) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->visible = false;
}
