/** Whether a request says how long its body is in exactly one way, so that no proxy before us can have
 * understood it differently (RFC 9112, 6.3). */
#ifndef SO_SERVER_FRAMING_H
#define SO_SERVER_FRAMING_H

#include <microhttpd.h>
#include <stdbool.h>

bool so_framing_is_plain(struct MHD_Connection *http);

#endif
