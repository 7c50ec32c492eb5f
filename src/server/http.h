/** The server as the HTTP library sees it: its callbacks, with nothing of transcription in them. */
#ifndef SO_SERVER_HTTP_H
#define SO_SERVER_HTTP_H

#include "server/server.h"

/** Listen and answer from now on; *port: the one it listens on. */
sotto_status so_http_start(struct so_server *server, uint16_t *port, sotto_error *err);

/** Take no new connections. */
void so_http_quiesce(struct so_server *server);

/** End. Nothing may be suspended: all tasks are settled. */
void so_http_stop(struct so_server *server);

#endif
