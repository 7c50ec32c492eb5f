#include "server/live.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/live_socket.h"
#include "server/live_turns.h"
#include "util/clock.h"
#include "util/memory.h"

struct so_live_session {
    struct so_server *server;
    struct MHD_UpgradeResponseHandle *handle;
    int fd;
    char id[40], request[33];
    bool old;    /**< the older dialect */
    char *early; /**< n_early bytes that came with the handshake, of which `taken` were read */
    size_t n_early, taken;
    struct so_live_socket socket;
    struct so_live_turns turns;
    struct so_live_config config;
    double began, heard,
        moved;   /**< clock: of the session, of the last message, of the last byte that went out */
    bool failed; /**< memory was short */
};

static ssize_t in(void *user, void *bytes, size_t n) {
    struct so_live_session *l = user;
    if (l->taken == l->n_early) return recv(l->fd, bytes, n, MSG_DONTWAIT);
    n = so_min(n, l->n_early - l->taken);
    memcpy(bytes, l->early + l->taken, n);
    l->taken += n;
    return (ssize_t)n;
}

static ssize_t out(void *user, const void *bytes, size_t n) {
    return send(((struct so_live_session *)user)->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void emit(void *user, json_t *event) {
    struct so_live_session *l = user;
    char id[33], name[48];
    so_random_id(id);
    snprintf(name, sizeof name, "event_%.20s", id);
    if (event) json_object_set_new(event, "event_id", json_string(name));
    char *text = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (!text || !so_live_socket_send(&l->socket, text, strlen(text))) l->failed = true;
    free(text);
    json_decref(event);
}

/** In the middle of a pass: whether its client has gone. */
static bool gone(void *user) {
    struct so_live_session *l = user;
    struct pollfd state = {l->fd, POLLRDHUP, 0};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void tell_problem(struct so_live_session *l, const struct so_problem *p, const char *id) {
    emit(l, json_pack("{s:s,s:{s:s,s:s?,s:o,s:o,s:o}}", "type", "error", "error", "type", p->type, "code",
                      p->code, "message", so_problem_text(p->message), "param",
                      p->param[0] ? so_problem_text(p->param) : json_null(), "event_id",
                      id && id[0] ? so_problem_text(id) : json_null()));
}

static void end_with(struct so_live_session *l, uint16_t code, const char *name, const char *why) {
    struct so_problem problem;
    so_problem(&problem, code == WSLAY_CODE_INTERNAL_SERVER_ERROR ? 500 : 400, NULL, name, "%s", why);
    tell_problem(l, &problem, NULL);
    so_live_socket_close(&l->socket, code, name);
    so_metrics_refused(&l->server->metrics, SO_CUT_LIVE);
}

static void tell_session(struct so_live_session *l, bool old, const char *what) {
    char type[48];
    snprintf(type, sizeof type, "%ssession.%s", old ? "transcription_" : "", what);
    json_t *session = so_live_config_json(&l->config, &l->server->models, l->id, old);
    emit(l, json_pack("{s:s,s:o}", "type", type, "session", session));
}

static void commit(struct so_live_session *l, const char *id, sotto_status *status, sotto_error *err) {
    struct so_problem problem;
    bool empty;
    *status = so_live_turns_commit(&l->turns, &empty, err);
    if (!empty) return;
    so_problem(&problem, 400, NULL, "input_audio_buffer_commit_empty", "there is no sound to commit");
    tell_problem(l, &problem, id);
}

static void on_message(void *user, const char *text, size_t n) {
    struct so_live_session *l = user;
    struct so_live_event event;
    struct so_problem problem;
    sotto_error err = {0};
    sotto_status status = SOTTO_OK;
    l->heard = so_now();
    if (!so_live_event_parse(&event, text, n, &l->server->models, &l->config, &problem)) {
        tell_problem(l, &problem, event.id);
    } else if (event.kind <= SO_LIVE_UPDATE_OLD) {
        l->turns.old = event.kind == SO_LIVE_UPDATE_OLD;
        tell_session(l, l->turns.old, "updated");
    } else if (event.kind == SO_LIVE_APPEND) {
        status = so_live_turns_append(&l->turns, event.sound, event.n_sound, &err);
    } else if (event.kind == SO_LIVE_COMMIT) {
        commit(l, event.id, &status, &err);
    } else {
        so_live_turns_clear(&l->turns);
    }
    so_live_event_free(&event);
    l->heard = so_now(); /* the work was ours */
    if (status == SOTTO_ERR_CANCELLED)
        l->socket.ended = true;
    else if (status ==
             SOTTO_ERR_ARGUMENT) { /* what only the library can say, such as a language that is none */
        so_problem(&problem, 400, NULL, "invalid_value", "%s", err.message);
        so_live_turns_clear(&l->turns);
        tell_problem(l, &problem, NULL);
    } else if (status)
        end_with(l, WSLAY_CODE_INTERNAL_SERVER_ERROR, "server_error", "the sound could not be transcribed");
}

/** The turn that is spoken when the server stops is finished. */
static void wind_down(struct so_live_session *l) {
    sotto_error err;
    bool empty;
    if (l->turns.live && so_live_turns_commit(&l->turns, &empty, &err)) l->failed = true;
    so_live_socket_close(&l->socket, WSLAY_CODE_GOING_AWAY, "stopping");
}

/** What ends a session from our side, looked at between rounds. */
static bool check_limits(struct so_live_session *l, bool closing) {
    const struct so_settings *s = &l->server->settings;
    double now = so_now();
    if (l->socket.progress || !so_live_socket_wants_write(&l->socket)) l->moved = now;
    l->socket.progress = false;
    if (l->failed || now - l->moved > s->idle_seconds) {
        so_metrics_refused(&l->server->metrics, SO_CUT_LIVE);
        l->socket.ended = true;
        return true;
    }
    if (closing) return true;
    if (now - l->heard > s->live_idle)
        end_with(l, WSLAY_CODE_POLICY_VIOLATION, "session_idle", "nothing was said for too long");
    else if (now - l->began > s->live_seconds)
        end_with(l, WSLAY_CODE_POLICY_VIOLATION, "session_expired", "the session has lasted too long");
    else if (atomic_load(&l->server->live.stopping))
        wind_down(l);
    else
        return false;
    return true;
}

static void converse(struct so_live_session *l) {
    bool closing = false;
    double closed = 0;
    tell_session(l, l->old, "created");
    while (!so_live_socket_over(&l->socket)) {
        bool was = closing;
        closing = check_limits(l, closing);
        if (closing && !was) closed = so_now();
        if (closing && so_now() - closed > SO_LIVE_CLOSE_SECONDS) break;
        bool early = l->taken < l->n_early, read = so_live_socket_wants_read(&l->socket),
             write = so_live_socket_wants_write(&l->socket);
        struct pollfd state = {l->fd, (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
        if (l->socket.ended || poll(&state, 1, early && read ? 0 : SO_TICK_MS) < 0) break;
        if (read && (early || state.revents & (POLLIN | POLLHUP | POLLERR))) so_live_socket_read(&l->socket);
        if (so_live_socket_wants_write(&l->socket)) so_live_socket_write(&l->socket);
        if (!read && state.revents & (POLLHUP | POLLERR)) break;
    }
}

static void *run(void *context) {
    struct so_live_session *l = context;
    struct so_server *s = l->server;
    int yes = 1;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    l->socket.in = in;
    l->socket.out = out;
    l->socket.message = on_message;
    l->socket.user = l;
    l->turns = (struct so_live_turns){.config = &l->config,
                                      .models = &s->models,
                                      .gate = &s->live.gate,
                                      .threads = s->settings.threads,
                                      .emit = emit,
                                      .cancel = gone,
                                      .user = l,
                                      .old = l->old};
    l->began = l->heard = l->moved = so_now();
    so_note(&s->settings.log, SOTTO_LOG_INFO, "live", "id:s session:s", l->request, l->id);
    bool ready = so_live_turns_init(&l->turns);
    if (so_live_socket_init(&l->socket) && ready) converse(l);
    so_live_turns_free(&l->turns);
    so_live_socket_free(&l->socket);
    shutdown(l->fd, SHUT_RDWR);
    /* From here on the connection's end may free the session at any moment. */
    MHD_upgrade_action(l->handle, MHD_UPGRADE_ACTION_CLOSE);
    pthread_mutex_lock(&s->live.lock);
    s->live.running--;
    pthread_cond_signal(&s->live.ended);
    pthread_mutex_unlock(&s->live.lock);
    return NULL;
}

static void on_upgrade(void *context, struct MHD_Connection *http, void *request, const char *early,
                       size_t n_early, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle) {
    struct so_live_session *l = context;
    struct so_live *live = &l->server->live;
    pthread_attr_t detached;
    pthread_t thread;
    (void)http, (void)request;
    l->handle = handle;
    l->fd = fd;
    l->early = n_early ? malloc(n_early) : NULL;
    if (l->early) memcpy(l->early, early, l->n_early = n_early);
    pthread_mutex_lock(&live->lock);
    live->running++;
    pthread_mutex_unlock(&live->lock);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool started = (!n_early || l->early) && pthread_create(&thread, &detached, run, l) == 0;
    pthread_attr_destroy(&detached);
    if (started) return;
    pthread_mutex_lock(&live->lock);
    live->running--;
    pthread_mutex_unlock(&live->lock);
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

void so_live_release(struct so_live *live, struct so_live_session *session) {
    if (!session) return;
    free(session->early);
    free(session);
    pthread_mutex_lock(&live->lock);
    live->places--;
    pthread_cond_signal(&live->ended);
    pthread_mutex_unlock(&live->lock);
}

bool so_live_accept(const char *key, char out[29]) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    struct sha1_ctx hash;
    uint8_t digest[SHA1_DIGEST_SIZE];
    size_t n = key ? strlen(key) : 0;
    if (n != 24 || strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != 22 ||
        strcmp(key + 22, "==") != 0)
        return false;
    sha1_init(&hash);
    sha1_update(&hash, n, (const uint8_t *)key);
    sha1_update(&hash, sizeof magic - 1, (const uint8_t *)magic);
    sha1_digest(&hash, sizeof digest, digest);
    base64_encode_raw(out, sizeof digest, digest);
    out[28] = '\0';
    return true;
}

static const char *header(struct so_exchange *e, const char *name) {
    return MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, name);
}

/** Whether a list of words, separated by commas, has one. */
static bool lists(const char *list, const char *word) {
    for (size_t n = strlen(word); list && *list;) {
        list += strspn(list, ", \t");
        size_t length = strcspn(list, ", \t");
        if (length == n && strncasecmp(list, word, n) == 0) return true;
        list += length;
    }
    return false;
}

/** Is it a WebSocket's handshake, for what is here, and is there room? false: e->problem. */
static bool admit(struct so_exchange *e, char accept[29], struct so_live_config *config) {
    struct so_server *s = e->server;
    const char *version = header(e, "Sec-WebSocket-Version"),
               *intent = MHD_lookup_connection_value(e->http, MHD_GET_ARGUMENT_KIND, "intent");
    const char *model = MHD_lookup_connection_value(e->http, MHD_GET_ARGUMENT_KIND, "model");
    if (strcmp(e->method, "GET") != 0 || !lists(header(e, "Upgrade"), "websocket") ||
        !lists(header(e, "Connection"), "upgrade"))
        return so_problem(&e->problem, 426, NULL, "upgrade_required", "this address is for WebSockets");
    if (!version || strcmp(version, "13") != 0 || !so_live_accept(header(e, "Sec-WebSocket-Key"), accept))
        return so_problem(&e->problem, 400, NULL, "bad_handshake",
                          "this is no handshake of the WebSocket protocol, version 13");
    if (intent && strcmp(intent, "transcription") != 0)
        return so_problem(&e->problem, 400, "intent", "invalid_value",
                          "intent must be transcription: nothing here answers by voice");
    so_live_config_init(config);
    config->offer = so_models_find(&s->models, model);
    if (config->offer < 0)
        return so_problem(&e->problem, 404, "model", "model_not_found",
                          "this model is not offered here; GET /v1/models lists those that are");
    pthread_mutex_lock(&s->live.lock);
    bool room = s->live.places < s->settings.live && !atomic_load(&s->stopping);
    if (room) s->live.places++;
    pthread_mutex_unlock(&s->live.lock);
    if (room) return true;
    so_metrics_refused(&s->metrics, SO_REFUSED_LIVE);
    so_problem(&e->problem, 429, NULL, "too_many_sessions",
               "too many live sessions are open; try again later");
    e->problem.retry_after = 5;
    return false;
}

enum MHD_Result so_live_answer(struct so_exchange *e) {
    char accept[29];
    struct so_live_config config;
    if (!admit(e, accept, &config)) return so_reply_problem(e);
    e->live = calloc(1, sizeof *e->live);
    struct MHD_Response *response = e->live ? MHD_create_response_for_upgrade(on_upgrade, e->live) : NULL;
    if (!response) {
        if (e->live) return MHD_NO;
        pthread_mutex_lock(&e->server->live.lock);
        e->server->live.places--;
        pthread_cond_signal(&e->server->live.ended);
        pthread_mutex_unlock(&e->server->live.lock);
        return so_reply_text(e, 503, NULL, 0, NULL);
    }
    *e->live = (struct so_live_session){
        .server = e->server, .config = config, .old = lists(header(e, "OpenAI-Beta"), "realtime=v1")};
    snprintf(e->live->id, sizeof e->live->id, "sess_%.20s", e->id);
    memcpy(e->live->request, e->id, sizeof e->live->request);
    MHD_add_response_header(response, "Upgrade", "websocket");
    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
    MHD_add_response_header(response, "X-Request-Id", e->id);
    if (lists(header(e, "Sec-WebSocket-Protocol"), "realtime"))
        MHD_add_response_header(response, "Sec-WebSocket-Protocol", "realtime");
    e->status = 101;
    so_connection_enter(&e->server->connections, e->connection, SO_PHASE_LISTEN, NULL);
    enum MHD_Result result = MHD_queue_response(e->http, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    MHD_destroy_response(response);
    return result;
}
