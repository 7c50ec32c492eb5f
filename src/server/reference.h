/** A recording of a known speaker's voice that comes as the text of a field: data:audio/wav;base64,AAAA.. It
 * goes to disk as it comes. */
#ifndef SO_SERVER_REFERENCE_H
#define SO_SERVER_REFERENCE_H

#include <nettle/base64.h>
#include <stddef.h>

#include "server/limits.h"
#include "server/spool.h"

struct so_reference {
    struct so_spooled file;
    struct base64_decode_ctx decoder;
    char head[SO_MAX_REFERENCE_HEAD]; /**< n_head characters before the comma */
    size_t n_head;
    bool body; /**< the comma was read */
};

/** so_reference_free is needed in any case. */
bool so_reference_begin(struct so_reference *reference, struct so_spool *spool, struct so_problem *problem);
bool so_reference_feed(struct so_reference *reference, const char *text, size_t n,
                       struct so_problem *problem);
bool so_reference_end(struct so_reference *reference, struct so_problem *problem);

/** The recording as such a text again, malloc'd; NULL: memory is short or it cannot be read. */
char *so_reference_text(const struct so_reference *reference);

void so_reference_free(struct so_reference *reference); /**< one that was never begun is allowed */

#endif
