#include "server/problem.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *type_of(unsigned status) {
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

bool so_problem(struct so_problem *problem, unsigned status, const char *param, const char *code,
                const char *format, ...) {
    *problem = (struct so_problem){.status = status, .type = type_of(status), .code = code};
    if (param) snprintf(problem->param, sizeof problem->param, "%s", param);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->message, sizeof problem->message, format, arguments);
    va_end(arguments);
    return false;
}

void so_problem_from(struct so_problem *problem, sotto_status status, const sotto_error *err) {
    switch (status) {
    case SOTTO_ERR_ARGUMENT:
        so_problem(problem, 400, NULL, NULL, "%s", err->message);
        break;
    case SOTTO_ERR_MEDIA:
        so_problem(problem, 400, "file", "invalid_media", "%s", err->message);
        break;
    case SOTTO_ERR_UNSUPPORTED:
        so_problem(problem, 400, NULL, "unsupported", "%s", err->message);
        break;
    case SOTTO_ERR_CANCELLED:
        so_problem(problem, 503, NULL, "cancelled", "the request was cancelled");
        break;
    case SOTTO_ERR_MEMORY:
        so_problem(problem, 503, NULL, "out_of_memory", "the server is short of memory; try again later");
        break;
    default:
        so_problem(problem, 500, NULL, NULL, "%s", err->message);
        break;
    }
}

json_t *so_problem_text(const char *bytes) {
    json_t *value = json_string(bytes);
    if (value) return value;
    char ascii[sizeof((struct so_problem *)0)->message];
    snprintf(ascii, sizeof ascii, "%s", bytes);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return json_string(ascii);
}

char *so_problem_json(const struct so_problem *problem) {
    json_t *root =
        json_pack("{s:{s:o,s:s,s:o,s:s?}}", "error", "message", so_problem_text(problem->message), "type",
                  problem->type, "param", problem->param[0] ? so_problem_text(problem->param) : json_null(),
                  "code", problem->code);
    char *json = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return json;
}
