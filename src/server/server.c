#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "server/http.h"
#include "server/live.h"
#include "server/transcription.h"
#include "util/clock.h"

/** Descriptors beside those of connections: each request has an upload and a pipe. */
enum { SPARE_DESCRIPTORS = 128, PER_REQUEST = 4 };

enum { MAPPED_BYTES = 128 << 10 /* allocations from this size on are mappings of their own */ };

static sotto_status start(struct so_server *s, uint16_t *port, sotto_error *err) {
    const struct so_settings *o = &s->settings;
    so_metrics_init(&s->metrics);
    so_rollout_init(&s->rollout, o->device, o->rollout, o->npu_errors);
    s->spool =
        (struct so_spool){.folder = o->spool, .most_each = o->upload_bytes, .most_all = o->spool_bytes};
    sotto_status status = so_keys_open(&s->keys, o->keys, err);
    if (!status) status = so_models_open(&s->models, o->models, o->n_models, err);
    if (!status) status = so_media_start(&s->media, err);
    if (!status) status = so_work_start(&s->work, o, &s->models, s->media, &s->metrics, &s->rollout, err);
    so_jobs_start(&s->jobs, o->spool, o->keep_seconds);
    if (!status) status = so_connections_start(&s->connections, o, &s->metrics, &s->work, err);
    so_live_start(&s->live, o->parallel);
    if (!status) so_jobs_recover(&s->jobs, &s->spool, &s->models, so_transcription_resume, s);
    if (!status) status = so_http_start(s, port, err);
    return status;
}

/** Finish what can be finished, settle the rest, let answers go out, and only then close. */
static void stop(struct so_server *s) {
    const struct so_settings *o = &s->settings;
    atomic_store(&s->stopping, true);
    so_http_quiesce(s);
    so_live_stop(&s->live);
    bool whole = so_work_drain(&s->work, o->drain_seconds);
    so_work_stop(&s->work);
    struct timespec moment = {0, 10000000};
    for (double until = so_now() + 5; so_connections_busy(&s->connections) && so_now() < until;)
        nanosleep(&moment, NULL);
    so_http_stop(s);
    so_connections_stop(&s->connections);
    so_jobs_stop(&s->jobs);
    so_note(&o->log, SOTTO_LOG_INFO, "stopped", "finished:s", whole ? "all" : "not all");
}

static void release(struct so_server *s) {
    so_media_stop(s->media);
    so_models_free(&s->models);
    so_keys_free(&s->keys);
}

static void reload(struct so_server *s) {
    sotto_error err = {0};
    if (so_models_reload(&s->models, &err))
        so_note(&s->settings.log, SOTTO_LOG_ERROR, "reload", "problem:s", err.message);
    else
        so_note(&s->settings.log, SOTTO_LOG_INFO, "reload", "what:s", "models");
    if (s->settings.keys && so_keys_reload(&s->keys, &err))
        so_note(&s->settings.log, SOTTO_LOG_ERROR, "reload", "problem:s", err.message);
}

static void raise_descriptor_limit(const struct so_settings *o) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)o->connections + (rlim_t)o->queue * PER_REQUEST + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        so_note(&o->log, SOTTO_LOG_WARNING, "descriptors", "allowed:u wanted:u",
                (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

/**
 * The windows of a request go back to the system when it is done. Left to itself the GNU C library takes ever
 * larger blocks from its heaps once one was freed, and their holes grow with every request.
 */
static void return_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, MAPPED_BYTES);
#endif
}

static void serve(struct so_server *s, const sigset_t *signals) {
    for (;;) {
        int number = 0;
        sigwait(signals, &number);
        if (number != SIGHUP) break;
        reload(s);
    }
}

int so_serve(int argc, char **argv) {
    static struct so_server server; /* one a process; too large for a stack with mutexes that must not move */
    struct so_server *s = &server;
    uint16_t port = 0;
    sotto_error err = {0};
    sigset_t signals;
    if (argc == 3 && strcmp(argv[1], "--new-key") == 0) return so_keys_make(argv[2]);
    int status = so_settings_parse(argc, argv, &s->settings);
    if (status >= 0) return status;
    s->started = so_now();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals,
                    NULL); /* all threads inherit it: signals are waited for in one place */
    raise_descriptor_limit(&s->settings);
    return_memory();
    if (start(s, &port, &err)) {
        so_note(&s->settings.log, SOTTO_LOG_ERROR, "start", "problem:s", err.message);
        return 1;
    }
    so_note(&s->settings.log, SOTTO_LOG_INFO, "listening", "host:s port:u model:s cpu:s version:s",
            s->settings.host, (unsigned long long)port, s->models.offers[0].name, sotto_cpu_level(),
            SOTTO_VERSION);
    if (strcmp(s->settings.host, "127.0.0.1") != 0 && strcmp(s->settings.host, "localhost") != 0 &&
        strcmp(s->settings.host, "::1") != 0 && !s->settings.keys)
        so_note(&s->settings.log, SOTTO_LOG_WARNING, "open", "problem:s",
                "others can reach this address, and no key is asked for (--keys)");
    serve(s, &signals);
    stop(s);
    release(s);
    return 0;
}
