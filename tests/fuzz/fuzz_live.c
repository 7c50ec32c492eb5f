/** A live client's bytes: frames, messages, events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/limits.h"
#include "server/live_event.h"
#include "server/live_socket.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
    const uint8_t *data;
    size_t size, at, piece;
    struct so_live_config config;
    struct so_live_socket socket;
    struct so_models models; /* never looked into but for names */
};

static ssize_t in(void *user, void *bytes, size_t n) {
    struct peer *p = user;
    n = so_min(so_min(n, p->piece), p->size - p->at);
    memcpy(bytes, p->data + p->at, n);
    p->at += n;
    return (ssize_t)n;
}

static ssize_t out(void *user, const void *bytes, size_t n) {
    (void)user, (void)bytes;
    return (ssize_t)n;
}

static void message(void *user, const char *text, size_t n) {
    struct peer *p = user;
    struct so_live_event event;
    struct so_problem problem = {0};
    bool good = so_live_event_parse(&event, text, n, &p->models, &p->config, &problem);
    if (!good && problem.status < 400) abort();
    if (n > SO_LIVE_MESSAGE_BYTES || event.n_sound > n) abort();
    char *json = good ? NULL : so_problem_json(&problem);
    json_t *session = so_live_config_json(&p->config, &p->models, "sess", good);
    if (!session) abort();
    so_live_socket_send(&p->socket, "{}", 2);
    json_decref(session);
    free(json);
    so_live_event_free(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct peer peer = {.data = data + 1,
                        .size = size - 1,
                        .piece = data[0] ? data[0] : 256,
                        .socket = {.in = in, .out = out, .message = message},
                        .models = {.n = 1, .offers[0] = {.asked = "base", .name = "base"}}};
    peer.socket.user = &peer;
    so_live_config_init(&peer.config);
    if (so_live_socket_init(&peer.socket))
        while (!so_live_socket_over(&peer.socket)) {
            if (so_live_socket_wants_read(&peer.socket)) so_live_socket_read(&peer.socket);
            so_live_socket_write(&peer.socket);
        }
    so_live_socket_free(&peer.socket);
    return 0;
}
