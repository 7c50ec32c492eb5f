#include "server/connections.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "util/clock.h"
#include "util/error.h"

enum { AT_ONCE = 256 };

struct so_connection *so_connection_open(struct so_connections *c, int fd) {
    struct so_connection *connection = calloc(1, sizeof *connection);
    if (!connection) return NULL;
    *connection = (struct so_connection){.fd = fd, .phase = SO_PHASE_HEADERS, .since = so_now()};
    pthread_mutex_lock(&c->lock);
    connection->next = c->first;
    if (c->first) c->first->previous = connection;
    c->first = connection;
    c->n++;
    pthread_mutex_unlock(&c->lock);
    return connection;
}

void so_connection_close(struct so_connections *c, struct so_connection *connection) {
    pthread_mutex_lock(&c->lock);
    if (connection->previous) connection->previous->next = connection->next;
    else c->first = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    c->n--;
    pthread_mutex_unlock(&c->lock);
    free(connection);
}

void so_connection_enter(struct so_connections *c, struct so_connection *connection, enum so_phase phase, struct so_task *task) {
    pthread_mutex_lock(&c->lock);
    connection->phase = phase;
    connection->since = so_now();
    connection->task = task;
    pthread_mutex_unlock(&c->lock);
}

unsigned so_connections_busy(struct so_connections *c) {
    unsigned n = 0;
    pthread_mutex_lock(&c->lock);
    for (const struct so_connection *at = c->first; at; at = at->next) n += at->phase != SO_PHASE_HEADERS;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/** Shut down those that take too long; the HTTP library then finds them closed. */
static void cut_slow(struct so_connections *c) {
    const struct so_settings *s = c->settings;
    const double most[] = {[SO_PHASE_HEADERS] = s->header_seconds, [SO_PHASE_BODY] = s->body_seconds, [SO_PHASE_WORK] = 0, [SO_PHASE_LISTEN] = 0,
                           [SO_PHASE_ANSWER] = s->answer_seconds};
    static const enum so_refusal why[] = {[SO_PHASE_HEADERS] = SO_CUT_HEADERS, [SO_PHASE_BODY] = SO_CUT_BODY,
                                          [SO_PHASE_WORK] = SO_CUT_GONE, [SO_PHASE_LISTEN] = SO_CUT_GONE, [SO_PHASE_ANSWER] = SO_CUT_ANSWER};
    double now = so_now();
    for (struct so_connection *at = c->first; at; at = at->next) {
        if (at->cut || at->phase == SO_PHASE_WORK || at->phase == SO_PHASE_LISTEN || now - at->since <= most[at->phase]) continue;
        at->cut = true;
        shutdown(at->fd, SHUT_RDWR);
        so_metrics_refused(c->metrics, why[at->phase]);
    }
}

/**
 * Whether the client closed in the middle of his upload. The HTTP library (0.9.75) misses it when the last bytes and the
 * end arrive together, and would keep the upload until the idle time-out.
 */
static bool closed_in_upload(struct so_connection *at) {
    struct pollfd state = {at->fd, POLLRDHUP, 0};
    int unread = 1;
    bool closed = at->phase == SO_PHASE_BODY && poll(&state, 1, 0) > 0 && ioctl(at->fd, FIONREAD, &unread) == 0 && unread == 0;
    bool twice = closed && at->closing;
    at->closing = closed;
    return twice;
}

static void cut_closed(struct so_connections *c) {
    for (struct so_connection *at = c->first; at; at = at->next) {
        if (at->cut || !closed_in_upload(at)) continue;
        at->cut = true;
        shutdown(at->fd, SHUT_RDWR);
        so_metrics_refused(c->metrics, SO_CUT_GONE);
    }
}

/** Tasks of clients who closed, at most AT_ONCE, each with a reference more. */
static size_t find_gone(struct so_connections *c, struct so_task **gone) {
    struct pollfd fds[AT_ONCE];
    struct so_connection *connections[AT_ONCE];
    size_t n_gone = 0;
    for (struct so_connection *at = c->first; at;) {
        nfds_t n = 0;
        for (; at && n < AT_ONCE; at = at->next) {
            if (at->phase != SO_PHASE_WORK || !at->task || at->cut) continue;
            fds[n] = (struct pollfd){at->fd, POLLRDHUP, 0};
            connections[n++] = at;
        }
        if (n == 0 || poll(fds, n, 0) <= 0) continue;
        for (nfds_t i = 0; i < n && n_gone < AT_ONCE; i++) {
            if (!(fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR))) continue;
            connections[i]->cut = true;
            so_task_hold(connections[i]->task);
            gone[n_gone++] = connections[i]->task;
        }
    }
    return n_gone;
}

static void *watch(void *context) {
    struct so_connections *c = context;
    struct so_task *gone[AT_ONCE];
    struct timespec tick = {SO_TICK_MS / 1000, SO_TICK_MS % 1000 * 1000000L};
    for (bool stopping = false; !stopping; nanosleep(&tick, NULL)) {
        pthread_mutex_lock(&c->lock);
        stopping = c->stopping;
        cut_slow(c);
        cut_closed(c);
        size_t n = find_gone(c, gone);
        pthread_mutex_unlock(&c->lock);
        for (size_t i = 0; i < n; i++) {
            so_metrics_refused(c->metrics, SO_CUT_GONE);
            so_work_cancel(c->work, gone[i]);
            so_task_drop(gone[i]);
        }
    }
    return NULL;
}

sotto_status so_connections_start(struct so_connections *c, const struct so_settings *settings, struct so_metrics *metrics,
                                  struct so_work *work, sotto_error *err) {
    *c = (struct so_connections){.settings = settings, .metrics = metrics, .work = work};
    pthread_mutex_init(&c->lock, NULL);
    if (pthread_create(&c->watcher, NULL, watch, c)) return so_fail(err, SOTTO_ERR_MEMORY, "no thread can be started");
    c->watching = true;
    return SOTTO_OK;
}

void so_connections_stop(struct so_connections *c) {
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_mutex_unlock(&c->lock);
    if (c->watching) pthread_join(c->watcher, NULL);
    c->watching = false;
}
