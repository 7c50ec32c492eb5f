#include "server/multipart.h"

#include <string.h>
#include <strings.h>

enum { BEFORE, AFTER_DELIMITER, AFTER_DASH, AFTER_PADDING, HEADERS, DATA, EPILOGUE };

/** Skip blanks. */
static const char *skip(const char *at) {
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

static bool token_char(char c) {
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/**
 * The value of parameter `name` in `text`, which stands after the first ';' of a header's value. Quoted
 * strings may hold \" and \\. 1: found, 0: not there, -1: malformed or longer than the buffer.
 */
static int parameter(const char *text, const char *name, char *value, size_t size) {
    for (const char *at = text; *(at = skip(at));) {
        if (*at == ';') {
            at++;
            continue;
        }
        const char *key = at;
        while (token_char(*at)) at++;
        size_t n_key = (size_t)(at - key), n = 0;
        at = skip(at);
        if (n_key == 0 || *at != '=') return -1;
        bool wanted = n_key == strlen(name) && strncasecmp(key, name, n_key) == 0, quoted;
        at = skip(at + 1);
        quoted = *at == '"';
        if (quoted) at++;
        while (*at && (quoted ? *at != '"' : token_char(*at) || strchr("/:?@", *at))) {
            if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
            if (wanted && n + 1 >= size) return -1;
            if (wanted) value[n++] = *at;
            at++;
        }
        if (quoted && *at++ != '"') return -1;
        if (wanted) {
            value[n] = '\0';
            return 1;
        }
        at = skip(at);
        if (*at && *at != ';') return -1;
    }
    return 0;
}

static bool boundary_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

bool so_multipart_init(struct so_multipart *m, const char *content_type,
                       const struct so_multipart_sink *sink) {
    static const char kind[] = "multipart/form-data";
    char boundary[SO_MAX_BOUNDARY + 1];
    memset(m, 0, sizeof *m);
    m->sink = *sink;
    content_type = content_type ? skip(content_type) : "";
    if (strncasecmp(content_type, kind, sizeof kind - 1) != 0) return false;
    const char *rest = skip(content_type + sizeof kind - 1);
    if (*rest != ';' || parameter(rest, "boundary", boundary, sizeof boundary) != 1) return false;
    size_t n = strlen(boundary);
    if (n == 0 || boundary[n - 1] == ' ') return false;
    for (size_t i = 0; i < n; i++)
        if (!boundary_char(boundary[i])) return false;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, n + 1);
    m->n_delimiter = n + 4;
    m->matched = 2; /* the body begins as if a line had just ended */
    m->state = BEFORE;
    return true;
}

static bool wrong(struct so_multipart *m, const char *why) {
    if (!m->wrong) m->wrong = why;
    return false;
}

static bool stop(struct so_multipart *m, bool go_on) {
    m->stopped = !go_on;
    return go_on;
}

/** The headers of a part are whole (lines end in LF, CRs are gone): find its name. */
static bool begin_part(struct so_multipart *m) {
    static const char disposition[] = "content-disposition:", encoding[] = "content-transfer-encoding:";
    char name[128], filename[512];
    int has_name = 0, has_filename = 0;
    if (++m->parts > SO_MAX_PARTS) return wrong(m, "it has too many parts");
    m->header[m->n_header] = '\0';
    for (char *line = m->header, *next; *line; line = next) {
        char *end = strchr(line, '\n');
        *end = '\0';
        next = end + 1;
        if (strncasecmp(line, disposition, sizeof disposition - 1) == 0) {
            const char *value = skip(line + sizeof disposition - 1);
            if (strncasecmp(value, "form-data", 9) != 0 || *skip(value + 9) != ';')
                return wrong(m, "a part is not form-data");
            has_name = parameter(value + 9, "name", name, sizeof name);
            has_filename = parameter(value + 9, "filename", filename, sizeof filename);
        } else if (strncasecmp(line, encoding, sizeof encoding - 1) == 0) {
            const char *value = skip(line + sizeof encoding - 1);
            if (strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
                strcasecmp(value, "7bit") != 0)
                return wrong(m, "a part has a transfer encoding");
        }
    }
    if (has_name != 1) return wrong(m, "a part has no proper name");
    if (has_filename < 0) return wrong(m, "a part's file name is malformed or too long");
    m->state = DATA;
    m->matched = 0;
    return stop(m, m->sink.begin(m->sink.context, name, has_filename ? filename : NULL));
}

static bool header_byte(struct so_multipart *m, char c) {
    if (c == '\0') return wrong(m, "a part's headers hold a NUL byte");
    if (m->n_header >= SO_PART_HEADER_BYTES) return wrong(m, "a part's headers are too long");
    if (c != '\n') {
        m->header[m->n_header++] = c;
        return true;
    }
    if (m->n_header == 0 || m->header[m->n_header - 1] != '\r')
        return wrong(m, "a line of a part's headers ends without CR");
    m->n_header--;
    if (m->n_header == 0 || m->header[m->n_header - 1] == '\n') return begin_part(m);
    m->header[m->n_header++] = '\n';
    return true;
}

/** What stands between a delimiter and the part's headers. */
static bool delimiter_byte(struct so_multipart *m, char c) {
    switch (m->state) {
    case AFTER_DELIMITER:
        if (c == '-')
            m->state = AFTER_DASH;
        else if (c == '\r')
            m->state = AFTER_PADDING;
        else if (c != ' ' && c != '\t')
            return wrong(m, "a boundary is followed by something else");
        return true;
    case AFTER_DASH:
        if (c != '-') return wrong(m, "a boundary is followed by something else");
        m->state = EPILOGUE;
        m->closed = true;
        return true;
    default:
        if (c != '\n') return wrong(m, "a boundary is followed by something else");
        m->state = HEADERS;
        m->n_header = 0;
        return true;
    }
}

/** Emit what belongs to the part's data (nothing before the first delimiter). */
static bool give(struct so_multipart *m, const char *bytes, size_t n) {
    if (m->state != DATA || n == 0) return true;
    return stop(m, m->sink.data(m->sink.context, bytes, n));
}

/**
 * Data up to a delimiter; *used: bytes taken. CR occurs in the delimiter only as its first byte, so after a
 * mismatch the only place where another match can begin is the byte at hand.
 */
static bool data_bytes(struct so_multipart *m, const char *bytes, size_t n, size_t *used) {
    size_t at = 0;
    while (at < n) {
        if (m->matched == 0) {
            const char *cr = memchr(bytes + at, '\r', n - at);
            size_t plain = cr ? (size_t)(cr - bytes) - at : n - at;
            if (!give(m, bytes + at, plain)) return false;
            at += plain;
            if (cr) m->matched = 1, at++;
            continue;
        }
        if (bytes[at] == m->delimiter[m->matched]) {
            at++;
            if (++m->matched < m->n_delimiter) continue;
            bool inside = m->state == DATA;
            m->state = AFTER_DELIMITER;
            m->matched = 0;
            *used = at;
            return !inside || stop(m, m->sink.end(m->sink.context));
        }
        size_t passed = m->matched;
        m->matched = 0;
        if (!give(m, m->delimiter, passed)) return false;
    }
    *used = at;
    return true;
}

bool so_multipart_feed(struct so_multipart *m, const char *bytes, size_t n) {
    bool ok = !m->wrong && !m->stopped;
    for (size_t at = 0; ok && at < n && m->state != EPILOGUE;) {
        size_t used = 1;
        if (m->state == BEFORE || m->state == DATA)
            ok = data_bytes(m, bytes + at, n - at, &used);
        else if (m->state == HEADERS)
            ok = header_byte(m, bytes[at]);
        else
            ok = delimiter_byte(m, bytes[at]);
        at += used;
    }
    return ok;
}

bool so_multipart_finish(struct so_multipart *m) {
    if (m->wrong || m->stopped) return false;
    if (m->closed) return true;
    return wrong(m, m->parts || m->state != BEFORE ? "it ends before its closing boundary"
                                                   : "it does not hold its boundary");
}
