#include "server/framing.h"

#include <string.h>
#include <strings.h>

struct framing {
    unsigned lengths, encodings;
    bool strange;
};

static bool named(const char *key, const char *name) {
    size_t n = strlen(name);
    return strncasecmp(key, name, n) == 0 && key[n + strspn(key + n, " \t")] == '\0';
}

static enum MHD_Result look(void *context, enum MHD_ValueKind kind, const char *key, const char *value) {
    struct framing *f = context;
    (void)kind;
    if (!key) return MHD_YES;
    if (named(key, "Content-Length")) {
        f->lengths++;
        size_t n = value ? strspn(value, "0123456789") : 0;
        if (n == 0 || n > 18 || value[n]) f->strange = true;
    } else if (named(key, "Transfer-Encoding")) {
        f->encodings++;
        if (!value || strcasecmp(value, "chunked") != 0) f->strange = true;
    }
    return MHD_YES;
}

bool so_framing_is_plain(struct MHD_Connection *http) {
    struct framing f = {0};
    MHD_get_connection_values(http, MHD_HEADER_KIND, look, &f);
    return !f.strange && f.lengths + f.encodings <= 1;
}
