#include "server/page.h"

#include <string.h>

#include "server/assets.h"

/** The page loads from this server alone, runs no script but its own, and stands in nobody's frame. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; img-src data:; "
                             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

enum MHD_Result so_page(struct so_exchange *e) {
    const char *name = *e->rest ? e->rest : "index.html";
    for (const struct so_asset *a = so_assets; a->name; a++) {
        if (strcmp(a->name, name) != 0) continue;
        struct MHD_Response *response = MHD_create_response_from_buffer(a->size, (void *)(uintptr_t)a->data, MHD_RESPMEM_PERSISTENT);
        if (!response) return MHD_NO;
        MHD_add_response_header(response, "Content-Security-Policy", policy);
        MHD_add_response_header(response, "Cache-Control", "no-cache");
        return so_reply(e, 200, response, a->type);
    }
    so_problem(&e->problem, 404, NULL, "unknown_url", "there is nothing at this address");
    return so_reply_problem(e);
}
