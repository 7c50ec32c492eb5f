/**
 * A reader of multipart/form-data (RFC 7578) that takes the body in pieces of any size, holds no more than
 * one part's headers, and hands on a part's bytes as they come. It is ours, and not the HTTP library's,
 * because it has to say what is wrong with a body, to bound parts and headers apart from the body, and to be
 * fuzzed alone.
 */
#ifndef SO_SERVER_MULTIPART_H
#define SO_SERVER_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "server/limits.h"

/** Each returns false to stop the reading. */
struct so_multipart_sink {
    void *context;
    /** A part begins. filename: NULL if it has none; raw bytes of the client's. */
    bool (*begin)(void *context, const char *name, const char *filename);
    bool (*data)(void *context, const char *bytes, size_t n);
    bool (*end)(void *context);
};

struct so_multipart {
    struct so_multipart_sink sink;
    char delimiter[SO_MAX_BOUNDARY + 5]; /* CR LF - - boundary */
    size_t n_delimiter, matched;
    int state;
    char header[SO_PART_HEADER_BYTES + 1]; /* the header lines of a part */
    size_t n_header;
    unsigned parts;
    bool closed, stopped; /* the closing delimiter was seen; the sink has had enough */
    const char *wrong;    /* what is wrong with the body, NULL: nothing yet */
};

/** From a Content-Type header; false if it is not multipart/form-data with a boundary. */
bool so_multipart_init(struct so_multipart *m, const char *content_type,
                       const struct so_multipart_sink *sink);

/** More of the body. false: it is malformed (m->wrong) or the sink stopped. */
bool so_multipart_feed(struct so_multipart *m, const char *bytes, size_t n);

/** After the last byte: whether the body was whole; else m->wrong says why not. */
bool so_multipart_finish(struct so_multipart *m);

#endif
