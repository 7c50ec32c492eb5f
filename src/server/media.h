/**
 * Recordings of strangers, decoded where they can do no harm. A helper process is started once, with an empty environment; for each
 * recording it forks a child that holds one read-only descriptor of the file and one pipe, locks itself
 * in (sandbox.h) and only then reads the first byte. What comes back is counted and checked like anything else from
 * outside. A helper that died is started again.
 */
#ifndef SO_SERVER_MEDIA_H
#define SO_SERVER_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sotto.h"

struct so_media;

/** Start the helper: /proc/self/exe SO_MEDIA_COMMAND. */
sotto_status so_media_start(struct so_media **out, sotto_error *err);
void so_media_stop(struct so_media *media); /**< NULL is allowed; no stream may be open */

#define SO_MEDIA_COMMAND "media-helper"

/** The helper itself: what the program's command of that name runs. Returns the exit status. */
int so_media_helper(void);

/** Descriptors the helper and its children work with. */
enum { SO_MEDIA_SOCKET = 3, SO_MEDIA_FILE = 4, SO_MEDIA_PIPE = 5 };

/** What the helper is asked, along with the file and the pipe's writing end. */
struct so_media_order {
    uint32_t probe;   /**< 1: tell the duration and end */
    uint32_t seconds; /**< wall time after which the child is killed */
    char label[96];   /**< the recording's name in messages */
};

/** What a child writes: a header, then n bytes. */
struct so_media_header {
    uint32_t kind, n;
};
enum {
    SO_MEDIA_DURATION = 1, /**< a double: seconds by the file's word, 0: unknown. Comes first, unless opening failed. */
    SO_MEDIA_SAMPLES,      /**< floats, at most SO_MEDIA_BLOCK */
    SO_MEDIA_ERROR,        /**< a uint32_t sotto_status and a sentence; the last message */
    SO_MEDIA_END,          /**< nothing; the last message */
};

/** A recording being decoded. */
struct so_media_stream {
    int pipe;
    double duration; /**< by the file's word */
    uint32_t left;   /**< samples of the current message that were not read yet */
    bool ended;
    bool (*cancel)(void *user); /**< asked while waiting; may be NULL */
    void *user;
};

/**
 * Begin to decode `file` (borrowed). probe: only stream->duration is wanted. On failure there is nothing to close.
 * The media's own faults are SOTTO_ERR_MEDIA and SOTTO_ERR_UNSUPPORTED.
 */
sotto_status so_media_decode(struct so_media *media, int file, const char *label, bool probe, uint32_t seconds,
                           struct so_media_stream *stream, sotto_error *err);

/** A sotto_read; context: the stream. */
sotto_status so_media_read(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err);

/** The child ends by itself when nobody reads. */
void so_media_close(struct so_media_stream *stream);

#endif
