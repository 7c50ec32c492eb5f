#include "server/visitor.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "server/routes.h"

static bool in_list(const char *name, const char *list) {
    size_t n = strlen(name);
    for (const char *at = list; at && *at;) {
        size_t length = strcspn(at, ",");
        if (length == n && strncasecmp(at, name, n) == 0) return true;
        at += length;
        if (*at) at++;
    }
    return false;
}

bool so_visitor_host(const char *host, const char *list) {
    char name[256];
    unsigned char address[16];
    bool bracketed = *host == '[';
    size_t n = bracketed ? strcspn(host + 1, "]") : strcspn(host, ":");
    if (n == 0 || n >= sizeof name) return false;
    memcpy(name, host + bracketed, n);
    name[n] = '\0';
    if (bracketed) return inet_pton(AF_INET6, name, address) == 1;
    return inet_pton(AF_INET, name, address) == 1 || strcasecmp(name, "localhost") == 0 || in_list(name, list);
}

bool so_visitor_check(struct so_exchange *e) {
    const struct so_settings *s = &e->server->settings;
    const char *host = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Host");
    const char *origin = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Origin");
    if (!s->keys && host && !so_visitor_host(host, s->allow_host))
        return so_problem(&e->problem, 403, NULL, "host_not_allowed",
                          "this server is not known by the name it was asked for; see --allow-host");
    if (!origin) return true;
    const char *name = strstr(origin, "://");
    if (name && host && strcasecmp(name + 3, host) == 0) return true;
    return so_problem(&e->problem, 403, NULL, "cross_origin", "requests from pages of other sites are not taken");
}

/** A browser's WebSocket cannot send Authorization: OpenAI's clients put the key among the protocols. "Bearer KEY" to out, or NULL. */
static const char *key_of_protocols(struct so_exchange *e, char *out, size_t size) {
    static const char prefix[] = "openai-insecure-api-key.";
    const char *list = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Sec-WebSocket-Protocol");
    const char *at = list ? strstr(list, prefix) : NULL;
    if (!at) return NULL;
    at += sizeof prefix - 1;
    size_t n = strcspn(at, ", ");
    if (n + 8 > size) return NULL;
    memcpy(out, "Bearer ", 7);
    memcpy(out + 7, at, n);
    out[7 + n] = '\0';
    return out;
}

bool so_visitor_key(struct so_exchange *e) {
    char secret[256];
    double wait;
    if (e->route->access == SO_OPEN) return true;
    const char *authorization = MHD_lookup_connection_value(e->http, MHD_HEADER_KIND, "Authorization");
    if (!authorization) authorization = key_of_protocols(e, secret, sizeof secret);
    switch (so_keys_check(&e->server->keys, authorization, e->route->access == SO_COUNTED, e->key, &wait)) {
    case SO_KEY_GOOD:
        if (e->route->access != SO_ADMIN || so_keys_admin(&e->server->keys, e->key)) return true;
        return so_problem(&e->problem, 403, NULL, "not_an_admin", "this takes an admin's key: a line of --keys that ends in \"admin\"");
    case SO_KEY_TOO_OFTEN:
        so_metrics_refused(&e->server->metrics, SO_REFUSED_RATE);
        so_problem(&e->problem, 429, NULL, "rate_limit_exceeded", "this key has made too many requests; try again later");
        e->problem.retry_after = wait < SO_MAX_RETRY_AFTER ? (unsigned)wait + 1 : SO_MAX_RETRY_AFTER;
        return false;
    default:
        so_metrics_refused(&e->server->metrics, SO_REFUSED_KEY);
        return so_problem(&e->problem, 401, NULL, "invalid_api_key", "a valid key is needed: Authorization: Bearer KEY");
    }
}
