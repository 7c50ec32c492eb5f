#include "server/routes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/live.h"
#include "server/page.h"
#include "server/progress.h"
#include "server/transcription.h"
#include "util/clock.h"
#include "util/compiler.h"

static enum MHD_Result reply_json(struct so_exchange *e, unsigned status, json_t *root) {
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    return so_reply_text(e, status, text, text ? strlen(text) : 0, "application/json");
}

static json_t *model_object(struct so_models *models, int offer) {
    struct so_model_use *use = so_models_use(models, offer);
    json_t *object = json_pack("{s:s,s:s,s:I,s:s,s:s,s:b,s:I,s:s}", "id", models->offers[offer].name, "object", "model", "created",
                               (json_int_t)use->opened, "owned_by", "sotto", "precision", use->info.precision, "multilingual",
                               (int)use->info.multilingual, "file_size", (json_int_t)use->info.file_size, "hash", use->info.hash);
    so_models_release(use);
    return object;
}

static enum MHD_Result models(struct so_exchange *e) {
    json_t *list = json_array();
    struct so_models *m = &e->server->models;
    for (size_t i = 0; i < m->n; i++) json_array_append_new(list, model_object(m, (int)i));
    return reply_json(e, 200, json_pack("{s:s,s:o}", "object", "list", "data", list));
}

static enum MHD_Result model(struct so_exchange *e) {
    int offer = so_models_find(&e->server->models, e->rest);
    if (offer >= 0 && *e->rest) return reply_json(e, 200, model_object(&e->server->models, offer));
    so_problem(&e->problem, 404, "model", "model_not_found", "there is no model of this name");
    return so_reply_problem(e);
}

static void gauges(struct so_server *s, struct so_gauges *g) {
    pthread_mutex_lock(&s->work.lock);
    *g = (struct so_gauges){.waiting = s->work.waiting, .running = s->work.running, .waiting_work = s->work.waiting_work};
    pthread_mutex_unlock(&s->work.lock);
    pthread_mutex_lock(&s->connections.lock);
    g->connections = s->connections.n;
    pthread_mutex_unlock(&s->connections.lock);
    g->live = so_live_count(&s->live);
    g->spooled = atomic_load(&s->spool.held);
    g->ready = !atomic_load(&s->stopping);
    struct so_rollout npu = so_rollout_look(&s->rollout);
    g->npu_percent = npu.percent;
    g->npu_returned = npu.returned;
    g->uptime = so_now() - s->started;
}

static enum MHD_Result status(struct so_exchange *e) {
    struct so_server *s = e->server;
    struct so_gauges g;
    gauges(s, &g);
    return reply_json(e, 200,
                      json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:f,s:i,s:f}", "status", g.ready ? "ok" : "stopping", "version",
                                SOTTO_VERSION, "model", s->models.offers[0].name, "cpu", sotto_cpu_level(), "hardware", "cpu", "running",
                                (int)g.running, "waiting", (int)g.waiting, "waiting_work_seconds", g.waiting_work, "connections",
                                (int)g.connections, "uptime", so_now() - s->started));
}

static json_t *npu_object(struct so_rollout *rollout) {
    static const char *const names[] = {[SOTTO_DEVICE_CPU] = "cpu", [SOTTO_DEVICE_XDNA] = "xdna", [SOTTO_DEVICE_EMULATOR] = "emulator"};
    struct so_rollout now = so_rollout_look(rollout);
    json_t *object = json_pack("{s:s,s:i,s:b}", "device", names[now.device], "rollout", (int)now.percent, "returned", now.returned);
    if (now.returned) json_object_set_new(object, "reason", json_string(now.why));
    return object;
}

/** POST /admin/npu?rollout=PERCENT changes how many requests go to the NPU; without it, and with GET, it only tells. */
static enum MHD_Result admin_npu(struct so_exchange *e) {
    const char *text = MHD_lookup_connection_value(e->http, MHD_GET_ARGUMENT_KIND, "rollout");
    if (text && strcmp(e->route->method, "POST") == 0) {
        size_t n = strspn(text, "0123456789");
        if (n == 0 || n > 3 || text[n] || atoi(text) > 100) {
            so_problem(&e->problem, 400, "rollout", "invalid_value", "rollout must be a whole number from 0 to 100");
            return so_reply_problem(e);
        }
        so_rollout_set(&e->server->rollout, (unsigned)atoi(text));
        so_note(&e->server->settings.log, SOTTO_LOG_WARNING, "npu_rollout", "percent:u key:s", (unsigned long long)atoi(text), e->key);
    }
    return reply_json(e, 200, npu_object(&e->server->rollout));
}

static enum MHD_Result alive(struct so_exchange *e) { return reply_json(e, 200, json_pack("{s:s}", "status", "ok")); }

static enum MHD_Result ready(struct so_exchange *e) {
    bool stopping = atomic_load(&e->server->stopping);
    return reply_json(e, stopping ? 503 : 200, json_pack("{s:s,s:b,s:o}", "status", stopping ? "stopping" : "ok", "ready", !stopping, "npu",
                                                         npu_object(&e->server->rollout)));
}

static enum MHD_Result metrics(struct so_exchange *e) {
    struct so_gauges g;
    gauges(e->server, &g);
    char *text = so_metrics_text(&e->server->metrics, &g);
    return so_reply_text(e, 200, text, text ? strlen(text) : 0, "text/plain; version=0.0.4; charset=utf-8");
}

static const struct so_route routes[] = {
    {"POST", "/v1/audio/transcriptions", SO_COUNTED, true, SO_CALL_TRANSCRIBE, so_transcription},
    {"POST", "/v1/audio/translations", SO_COUNTED, true, SO_CALL_TRANSLATE, so_transcription},
    {"POST", "/transcribe", SO_COUNTED, true, SO_CALL_OLD, so_transcription},
    {"GET", "/v1/realtime", SO_COUNTED, false, 0, so_live_answer},
    {"GET", "/admin/npu", SO_ADMIN, false, 0, admin_npu},
    {"POST", "/admin/npu", SO_ADMIN, false, 0, admin_npu},
    {"GET", "/v1/models", SO_KEYED, false, 0, models},
    {"GET", "/v1/models/", SO_KEYED, false, 0, model},
    {"GET", "/models", SO_KEYED, false, 0, models},
    {"GET", "/status", SO_KEYED, false, 0, status},
    {"GET", "/progress/", SO_KEYED, false, 0, so_progress_answer},
    {"GET", "/jobs/", SO_KEYED, false, 0, so_progress_answer},
    {"DELETE", "/jobs/", SO_KEYED, false, 0, so_job_delete},
    {"GET", "/metrics", SO_KEYED, false, 0, metrics},
    {"GET", "/", SO_OPEN, false, 0, so_page},
    {"GET", "/web", SO_OPEN, false, 0, so_page},
    {"GET", "/web/", SO_OPEN, false, 0, so_page},
    {"GET", "/health", SO_OPEN, false, 0, ready},
    {"GET", "/health/ready", SO_OPEN, false, 0, ready},
    {"GET", "/health/live", SO_OPEN, false, 0, alive},
};

const struct so_route *so_route_find(const char *method, const char *path, const char **rest, char *allow, struct so_problem *problem) {
    if (strcmp(method, "HEAD") == 0) method = "GET";
    *allow = '\0';
    for (size_t i = 0; i < SO_COUNT(routes); i++) {
        const struct so_route *r = &routes[i];
        size_t n = strlen(r->path);
        bool prefix = n > 1 && r->path[n - 1] == '/';
        if (prefix ? strncmp(path, r->path, n) != 0 || !path[n] : strcmp(path, r->path) != 0) continue;
        if (strcmp(method, r->method) == 0) {
            *rest = path + n;
            return r;
        }
        size_t used = strlen(allow);
        if (!strstr(allow, r->method)) snprintf(allow + used, SO_ALLOW - used, "%s%s", used ? ", " : "", r->method);
    }
    if (*allow) so_problem(problem, 405, NULL, "method_not_allowed", "this address takes %s only", allow);
    else so_problem(problem, 404, NULL, "unknown_url", "there is nothing at this address");
    return NULL;
}
