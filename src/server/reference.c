#include "server/reference.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "util/memory.h"

#define FIELD "known_speaker_references[]"
static const char plain[] = "data:;base64,";
enum { BLOCK = 4096 };

static bool wrong(struct so_problem *problem, const char *what) {
    return so_problem(problem, 400, FIELD, "invalid_value", FIELD " %s", what);
}

bool so_reference_begin(struct so_reference *r, struct so_spool *spool, struct so_problem *problem) {
    *r = (struct so_reference){.file.fd = -1};
    base64_decode_init(&r->decoder);
    return so_spool_open(spool, &r->file, problem);
}

/** Up to the comma: it must be a data URL in base64; what type it says it is of does not matter. Returns how
 * much was taken, 0: wrong. */
static size_t take_head(struct so_reference *r, const char *text, size_t n) {
    const char *comma = memchr(text, ',', n);
    size_t taken = comma ? (size_t)(comma - text) : n;
    if (taken >= sizeof r->head - r->n_head) return 0;
    memcpy(r->head + r->n_head, text, taken);
    r->n_head += taken;
    r->head[r->n_head] = '\0';
    r->body = comma != NULL;
    if (!r->body) return n;
    bool good = strncasecmp(r->head, "data:", 5) == 0 && r->n_head >= 12 &&
                strcasecmp(r->head + r->n_head - 7, ";base64") == 0;
    return good ? taken + 1 : 0;
}

bool so_reference_feed(struct so_reference *r, const char *text, size_t n, struct so_problem *problem) {
    if (!r->body && n > 0) {
        size_t taken = take_head(r, text, n);
        if (taken == 0) return wrong(problem, "must be data URLs in base64: data:audio/wav;base64,..");
        text += taken;
        n -= taken;
    }
    while (n > 0) {
        uint8_t bytes[BASE64_DECODE_LENGTH(BLOCK)];
        size_t some = so_min(n, BLOCK), got = sizeof bytes;
        if (!base64_decode_update(&r->decoder, &got, bytes, some, text))
            return wrong(problem, "are not base64");
        if (r->file.size + got > SO_MAX_REFERENCE_BYTES) return wrong(problem, "are too large");
        if (!so_spool_write(&r->file, (const char *)bytes, got, problem)) return false;
        text += some;
        n -= some;
    }
    return true;
}

bool so_reference_end(struct so_reference *r, struct so_problem *problem) {
    return (r->body && r->file.size > 0 && base64_decode_final(&r->decoder)) ||
           wrong(problem, "are not whole data URLs in base64");
}

char *so_reference_text(const struct so_reference *r) {
    size_t size = (size_t)r->file.size, head = sizeof plain - 1;
    uint8_t *bytes = malloc(size);
    char *text = malloc(head + BASE64_ENCODE_RAW_LENGTH(size) + 1);
    bool ok = bytes && text && pread(r->file.fd, bytes, size, 0) == (ssize_t)size;
    if (ok) {
        memcpy(text, plain, head);
        base64_encode_raw(text + head, size, bytes);
        text[head + BASE64_ENCODE_RAW_LENGTH(size)] = '\0';
    }
    free(bytes);
    if (!ok) free(text);
    return ok ? text : NULL;
}

void so_reference_free(struct so_reference *r) {
    so_spool_close(&r->file);
}
