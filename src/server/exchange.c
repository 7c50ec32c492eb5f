#include "server/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void header(struct MHD_Response *response, const char *name, const char *value) { MHD_add_response_header(response, name, value); }

enum MHD_Result so_reply(struct so_exchange *e, unsigned status, struct MHD_Response *response, const char *type) {
    if (!response) return MHD_NO;
    header(response, "Content-Type", type);
    header(response, "X-Request-Id", e->id);
    header(response, "X-Content-Type-Options", "nosniff");
    header(response, "Referrer-Policy", "no-referrer");
    if (!MHD_get_response_header(response, "Cache-Control")) header(response, "Cache-Control", "no-store");
    if (e->last) header(response, "Connection", "close");
    if (e->task) {
        char job[40];
        snprintf(job, sizeof job, "%s", e->task->id);
        header(response, "X-Sotto-Job", job);
        pthread_mutex_lock(&e->task->lock);
        const char *device = e->task->device;
        pthread_mutex_unlock(&e->task->lock);
        if (device) header(response, "X-Sotto-Device", device);
    }
    e->status = status;
    so_connection_enter(&e->server->connections, e->connection, SO_PHASE_ANSWER, NULL);
    enum MHD_Result result = MHD_queue_response(e->http, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result so_reply_text(struct so_exchange *e, unsigned status, char *body, size_t n, const char *type) {
    if (!body) {
        static const char nothing[] = "{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";
        struct MHD_Response *response = MHD_create_response_from_buffer(sizeof nothing - 1, (void *)(uintptr_t)nothing, MHD_RESPMEM_PERSISTENT);
        return so_reply(e, 503, response, "application/json");
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (!response) free(body);
    return so_reply(e, status, response, type);
}

enum MHD_Result so_reply_static(struct so_exchange *e, const void *body, size_t n, const char *type) {
    struct MHD_Response *response = MHD_create_response_from_buffer(n, (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    return so_reply(e, 200, response, type);
}

enum MHD_Result so_reply_problem(struct so_exchange *e) {
    const struct so_problem *p = &e->problem;
    char number[16], *json = so_problem_json(p);
    if (!json) return so_reply_text(e, 503, NULL, 0, NULL);
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(json);
        return MHD_NO;
    }
    snprintf(number, sizeof number, "%u", p->retry_after);
    if (p->retry_after) header(response, "Retry-After", number);
    if (e->allow[0]) header(response, "Allow", e->allow);
    if (p->status == 401) header(response, "WWW-Authenticate", "Bearer");
    return so_reply(e, p->status, response, "application/json");
}

bool so_exchange_sleep(struct so_exchange *e, bool (*ready)(const struct so_exchange *e)) {
    pthread_mutex_lock(&e->task->lock);
    bool sleep = !ready(e);
    if (sleep) {
        e->waiter.asleep = true;
        MHD_suspend_connection(e->http);
    }
    pthread_mutex_unlock(&e->task->lock);
    return sleep;
}
