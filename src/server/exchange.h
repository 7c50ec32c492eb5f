/** One request and its answer on a connection. */
#ifndef SO_SERVER_EXCHANGE_H
#define SO_SERVER_EXCHANGE_H

#include <microhttpd.h>

#include "server/form.h"
#include "server/server.h"

struct so_route;

enum { SO_ALLOW = 32 };

struct so_exchange {
    struct so_server *server;
    struct so_connection *connection;
    struct MHD_Connection *http;
    const struct so_route *route;
    const char *rest;  /**< of the path, after a route that ends in '/' */
    char path[128];    /**< the beginning of it, for the log */
    char method[8];
    char id[33], key[SO_KEY_NAME];
    char allow[SO_ALLOW];    /**< methods, of a 405 */
    double began;
    bool begun;        /**< the headers were looked at */
    bool last;           /**< the connection ends with this answer */
    bool has_form;     /**< an upload is being read into `form` */
    bool reserved;     /**< holds a place in the queue */
    struct so_form form;
    uint64_t received; /**< bytes of the body */
    struct so_problem problem;
    struct so_task *task; /**< a reference; NULL: none yet */
    struct so_waiter waiter;
    bool joined;          /**< `waiter` is one of the task's */
    size_t sent;          /**< bytes of the task's events, or version of its state */
    struct so_live_session *live; /**< NULL: it is none */
    unsigned status;      /**< of the answer */
};

/** Queue an answer. All of them have the request's id and the headers that keep browsers careful. */
enum MHD_Result so_reply(struct so_exchange *e, unsigned status, struct MHD_Response *response, const char *type);

/** A body that was malloc'd (NULL: memory was short), which the answer takes over. */
enum MHD_Result so_reply_text(struct so_exchange *e, unsigned status, char *body, size_t n, const char *type);

/** e->problem as an answer. */
enum MHD_Result so_reply_problem(struct so_exchange *e);

/** A static body. */
enum MHD_Result so_reply_static(struct so_exchange *e, const void *body, size_t n, const char *type);

/** Sleep until the task changes, unless `ready(task)`; true: it sleeps, and there is nothing to do until it is called again. */
bool so_exchange_sleep(struct so_exchange *e, bool (*ready)(const struct so_exchange *e));

#endif
