/** What there is to ask for. */
#ifndef SO_SERVER_ROUTES_H
#define SO_SERVER_ROUTES_H

#include "server/exchange.h"

enum so_access { SO_OPEN, SO_KEYED, SO_COUNTED, SO_ADMIN }; /**< for all; with a key; with a key whose rate limit counts it; with an admin's */

struct so_route {
    const char *method, *path; /**< a path that ends in '/' (and is longer) takes whatever follows */
    enum so_access access;
    bool upload; /**< has a multipart body */
    enum so_call call;
    /** Answer; called again after a sleep. */
    enum MHD_Result (*answer)(struct so_exchange *e);
};

/** The route; NULL with e->problem filled in (404, 405). *rest: see so_exchange. `allow` [SO_ALLOW]: of a 405. */
const struct so_route *so_route_find(const char *method, const char *path, const char **rest, char *allow, struct so_problem *problem);

#endif
