/** GET /v1/realtime: a WebSocket for sound as it is spoken, a thread for each. */
#ifndef SO_SERVER_LIVE_H
#define SO_SERVER_LIVE_H

#include "server/exchange.h"

struct so_live_session;

/** The route. */
enum MHD_Result so_live_answer(struct so_exchange *e);

/** The connection is gone, and with it its place. NULL is allowed. */
void so_live_release(struct so_live *live, struct so_live_session *session);

/** The answer to a client's Sec-WebSocket-Key (RFC 6455, 4.2.2): out [29]. false: it is none. */
bool so_live_accept(const char *key, char out[29]);

#endif
