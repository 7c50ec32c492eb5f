/** `sotto serve`: everything one running server consists of. */
#ifndef SO_SERVER_SERVER_H
#define SO_SERVER_SERVER_H

#include <stdatomic.h>

#include "server/connections.h"
#include "server/jobs.h"
#include "server/keys.h"
#include "server/live_sessions.h"
#include "server/media.h"
#include "server/metrics.h"
#include "server/models.h"
#include "server/rollout.h"
#include "server/settings.h"
#include "server/spool.h"
#include "server/work.h"

struct MHD_Daemon;

struct so_server {
    struct so_settings settings;
    struct so_models models;
    struct so_keys keys;
    struct so_spool spool;
    struct so_media *media;
    struct so_metrics metrics;
    struct so_rollout rollout;
    struct so_work work;
    struct so_jobs jobs;
    struct so_connections connections;
    struct so_live live;
    struct MHD_Daemon *daemon;
    atomic_bool stopping; /**< no new request is taken */
    double started;       /**< clock */
};

/** The command: argv[0] is "serve". Returns the exit status. */
int so_serve(int argc, char **argv);

#endif
