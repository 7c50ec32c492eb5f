/** Who asks: whether a browser was tricked into it, and whether the key is good. */
#ifndef SO_SERVER_VISITOR_H
#define SO_SERVER_VISITOR_H

#include "server/exchange.h"

/**
 * Refuse what another site's page makes a browser send: an Origin that is not the Host, and, where no key protects us, a Host
 * that is a name (which another site may have pointed at this machine) and none of ours. false: e->problem.
 */
bool so_visitor_check(struct so_exchange *e);

/** The key that e->route asks for; its name goes to e->key. */
bool so_visitor_key(struct so_exchange *e);

/** Whether a Host header names an address, localhost or one of a list ("a,b"; NULL: empty). */
bool so_visitor_host(const char *host, const char *list);

#endif
