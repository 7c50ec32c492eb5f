#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/exchange.h"
#include "server/framing.h"
#include "server/live.h"
#include "server/routes.h"
#include "server/visitor.h"
#include "util/clock.h"
#include "util/error.h"

/** The first line of a request has been read. */
static void *begin_exchange(void *context, const char *uri, struct MHD_Connection *http) {
    struct so_exchange *e = calloc(1, sizeof *e);
    (void)uri;
    if (!e) return NULL;
    e->server = context;
    e->http = http;
    e->began = so_now();
    e->form.file.fd = -1;
    so_random_id(e->id);
    return e;
}

static void end_exchange(void *context, struct MHD_Connection *http, void **state, enum MHD_RequestTerminationCode how) {
    struct so_server *server = context;
    struct so_exchange *e = *state;
    (void)http;
    if (!e) return;
    if (e->connection) so_connection_enter(&server->connections, e->connection, SO_PHASE_HEADERS, NULL);
    if (e->task) {
        if (e->joined) so_task_leave(e->task, &e->waiter);
        if (how != MHD_REQUEST_TERMINATED_COMPLETED_OK && e->route->upload && !e->task->request.asynchronous)
            so_work_cancel(&server->work, e->task);
    }
    if (e->reserved) so_work_unreserve(&server->work);
    if (e->received) so_metrics_upload(&server->metrics, e->received);
    if (e->begun) {
        so_metrics_code(&server->metrics, e->status ? e->status : 499);
        bool quiet = e->status < 400 && e->route && e->route->access == SO_OPEN;
        so_note(&server->settings.log, quiet ? SOTTO_LOG_DEBUG : SOTTO_LOG_INFO, "request",
               "id:s method:s path:s status:u seconds:f received:u key:s job:s problem:s", e->id, e->method, e->path,
               (unsigned long long)(e->status ? e->status : 499), so_now() - e->began, (unsigned long long)e->received,
               e->key[0] ? e->key : NULL, e->task ? e->task->id : NULL, e->problem.status ? e->problem.message : NULL);
    }
    so_live_release(&server->live, e->live);
    so_task_drop(e->task);
    so_form_free(&e->form);
    free(e);
    *state = NULL;
}

/** The headers are whole: is there such a route, may he, is there room? false: e->problem. */
static bool admit(struct so_exchange *e, const char *method, const char *path) {
    struct so_server *s = e->server;
    if (!so_visitor_check(e)) return false;
    e->route = so_route_find(method, path, &e->rest, e->allow, &e->problem);
    if (!e->route || !so_visitor_key(e)) return false;
    if (!e->route->upload) return true;
    if (atomic_load(&s->stopping)) {
        so_problem(&e->problem, 503, NULL, "stopping", "the server is stopping");
        e->problem.retry_after = 5;
        return false;
    }
    const char *length = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Content-Length");
    if (length && strtoull(length, NULL, 10) > s->settings.upload_bytes + SO_ENVELOPE_BYTES)
        return so_problem(&e->problem, 413, "file", "file_too_large", "the request is larger than %llu bytes",
                          (unsigned long long)s->settings.upload_bytes);
    if (!so_work_reserve(&s->work, &e->problem)) return false;
    e->reserved = true;
    e->has_form = true;
    return so_form_init(&e->form, MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Content-Type"), &s->spool);
}

/** Whether a problem should be answered before the body is read: nothing was sent yet, or too much is to come. */
static bool answer_at_once(const struct so_exchange *e) {
    const char *expect = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Expect");
    const char *length = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Content-Length");
    return expect || (length && strtoull(length, NULL, 10) > SO_DISCARD_BYTES);
}

static enum MHD_Result begin(struct so_exchange *e, const char *method, const char *path) {
    e->begun = true;
    snprintf(e->method, sizeof e->method, "%s", method);
    snprintf(e->path, sizeof e->path, "%s", path);
    e->connection = MHD_get_connection_info(e->http, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!e->connection) return MHD_NO;
    so_connection_enter(&e->server->connections, e->connection, SO_PHASE_BODY, NULL);
    if (!so_framing_is_plain(e->http)) {
        e->last = true;
        so_problem(&e->problem, 400, NULL, "bad_framing", "the request must say how long its body is once, by Content-Length or as chunked");
        return so_reply_problem(e);
    }
    if ((!e->problem.status && admit(e, method, e->path)) || !answer_at_once(e)) return MHD_YES;
    return so_reply_problem(e);
}

/**
 * The library cannot answer in the middle of a body. One that is refused is read to its end, if that is near, so that its
 * sender gets to see why; else he is told by plain bytes on the socket, and the connection is closed.
 */
static enum MHD_Result break_off(struct so_exchange *e) {
    char head[256], *json = so_problem_json(&e->problem);
    if (json) {
        int n = snprintf(head, sizeof head,
                         "HTTP/1.1 %u Refused\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nX-Request-Id: %s\r\n"
                         "Connection: close\r\n\r\n",
                         e->problem.status, strlen(json), e->id);
        ssize_t ignored = send(e->connection->fd, head, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        ignored = send(e->connection->fd, json, strlen(json), MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)ignored;
        e->status = e->problem.status;
    }
    free(json);
    return MHD_NO;
}

static enum MHD_Result take_body(struct so_exchange *e, const char *bytes, size_t *n) {
    const struct so_settings *s = &e->server->settings;
    e->received += *n;
    if (!e->problem.status && e->has_form) {
        if (e->received > s->upload_bytes + SO_ENVELOPE_BYTES)
            so_problem(&e->problem, 413, "file", "file_too_large", "the request is larger than %llu bytes",
                       (unsigned long long)s->upload_bytes);
        else if (!so_form_feed(&e->form, bytes, *n)) e->problem = e->form.problem;
        if (e->problem.status) so_form_free(&e->form); /* its room is free at once */
        if (e->problem.status) e->received = 0;
    } else if (e->received > (e->has_form || e->problem.status ? SO_DISCARD_BYTES : SO_ENVELOPE_BYTES)) {
        if (!e->problem.status) so_problem(&e->problem, 413, NULL, NULL, "the request has a body that nobody asked for");
        return break_off(e);
    }
    *n = 0;
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *http, const char *path, const char *method, const char *version,
                                  const char *bytes, size_t *n, void **state) {
    struct so_exchange *e = *state;
    (void)context, (void)http, (void)version;
    if (!e) return MHD_NO;
    if (!e->begun) {
        if (strlen(path) >= sizeof e->path) so_problem(&e->problem, 404, NULL, "unknown_url", "there is nothing at this address");
        return begin(e, method, path);
    }
    if (*n) return take_body(e, bytes, n);
    if (e->has_form && !e->task && !e->problem.status && !so_form_finish(&e->form)) e->problem = e->form.problem;
    return e->problem.status ? so_reply_problem(e) : e->route->answer(e);
}

static void on_connection(void *context, struct MHD_Connection *http, void **socket_state, enum MHD_ConnectionNotificationCode what) {
    struct so_server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        *socket_state = so_connection_open(&server->connections, fd);
    } else if (*socket_state) {
        so_connection_close(&server->connections, *socket_state);
        *socket_state = NULL;
    }
}

/** A listening socket on the address that was asked for. */
static int listen_on(const struct so_settings *s, uint16_t *port, sotto_error *err) {
    char service[8];
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
    snprintf(service, sizeof service, "%u", s->port);
    int code = getaddrinfo(s->host, service, &hints, &found), fd = -1, yes = 1;
    if (code) {
        so_fail(err, SOTTO_ERR_ARGUMENT, "no address %s to listen on: %s", s->host, gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) break;
        code = errno;
        close(fd);
        errno = code;
        fd = -1;
    }
    freeaddrinfo(found);
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        so_fail(err, SOTTO_ERR_IO, "cannot listen on %s, port %u: %s", s->host, s->port, strerror(errno));
        return -1;
    }
    *port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
    return fd;
}

sotto_status so_http_start(struct so_server *server, uint16_t *port, sotto_error *err) {
    const struct so_settings *s = &server->settings;
    int fd = listen_on(s, port, err);
    if (fd < 0) return err->code;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ITC, 0, NULL, NULL, on_request, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, s->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, s->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SO_HEADER_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, server, MHD_OPTION_NOTIFY_COMPLETED, end_exchange,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    if (server->daemon) return SOTTO_OK;
    close(fd);
    return so_fail(err, SOTTO_ERR_IO, "the HTTP library cannot be started");
}

void so_http_quiesce(struct so_server *server) {
    int fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0) close(fd);
}

void so_http_stop(struct so_server *server) {
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
