/** The live sessions of a server: how many there are, and their common end. */
#ifndef SO_SERVER_LIVE_SESSIONS_H
#define SO_SERVER_LIVE_SESSIONS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "server/live_gate.h"

struct so_live {
    struct so_live_gate gate;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned places;  /**< taken, from the handshake to the end of the connection */
    unsigned running; /**< threads */
    atomic_bool stopping;
};

void so_live_start(struct so_live *live, unsigned at_once);

/** Turns that have begun are finished, then all sessions end. New ones must not come any more. */
void so_live_stop(struct so_live *live);

unsigned so_live_count(struct so_live *live);

#endif
