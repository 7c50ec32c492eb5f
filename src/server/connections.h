/**
 * The open connections, and a thread that looks at them a few times a second: who takes too long is cut off, and who went away
 * while work is done for him is noticed. The HTTP library knows idle time-outs only.
 */
#ifndef SO_SERVER_CONNECTIONS_H
#define SO_SERVER_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>

#include "server/metrics.h"
#include "server/settings.h"
#include "server/work.h"

enum so_phase {
    SO_PHASE_HEADERS, /**< until the headers are whole; also between requests */
    SO_PHASE_BODY,
    SO_PHASE_WORK,   /**< no byte of the client's is awaited: if he closes, he is gone */
    SO_PHASE_LISTEN, /**< takes events as they come: no time-out but the idle one */
    SO_PHASE_ANSWER, /**< until the answer is taken */
};

struct so_connection {
    int fd;
    enum so_phase phase;
    double since;         /**< clock, of the phase */
    bool closing;         /**< its client has closed in the middle of a request, as seen one tick ago */
    bool cut;             /**< was shut down by the watcher */
    struct so_task *task; /**< borrowed while the phase is SO_PHASE_WORK */
    struct so_connection *next, *previous;
};

struct so_connections {
    const struct so_settings *settings;
    struct so_metrics *metrics;
    struct so_work *work;
    pthread_mutex_t lock;
    struct so_connection *first;
    unsigned n;
    pthread_t watcher;
    bool watching, stopping;
};

sotto_status so_connections_start(struct so_connections *c, const struct so_settings *settings, struct so_metrics *metrics,
                                  struct so_work *work, sotto_error *err);
void so_connections_stop(struct so_connections *c); /**< all must be closed */

/** A connection was made; NULL without memory. It must be closed before its descriptor is. */
struct so_connection *so_connection_open(struct so_connections *c, int fd);
void so_connection_close(struct so_connections *c, struct so_connection *connection);

/** It enters a phase. task: only with SO_PHASE_WORK; must live until the next phase. */
void so_connection_enter(struct so_connections *c, struct so_connection *connection, enum so_phase phase, struct so_task *task);

/** Connections that are in the middle of a request. */
unsigned so_connections_busy(struct so_connections *c);

#endif
