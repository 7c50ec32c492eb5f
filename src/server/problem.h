/** What went wrong with a request, as OpenAI's API says it: {"error": {"message", "type", "param", "code"}}. */
#ifndef SO_SERVER_PROBLEM_H
#define SO_SERVER_PROBLEM_H

#include <jansson.h>
#include <stdbool.h>

#include "sotto.h"
#include "util/compiler.h"

struct so_problem {
    unsigned status;      /**< of HTTP; 0: no problem */
    const char *type;     /**< static text */
    const char *code;     /**< static text or NULL */
    char param[48];       /**< field at fault, empty: none */
    char message[576];    /**< UTF-8 */
    unsigned retry_after; /**< seconds, 0: not said */
};

/** Fill it in; returns false, so that callers write `return so_problem(..)`. param, code: may be NULL. */
bool so_problem(struct so_problem *problem, unsigned status, const char *param, const char *code, const char *format, ...)
    SO_PRINTF(5, 6);

/** From an error of the library: the client's mistakes are 4xx, the rest 5xx. */
void so_problem_from(struct so_problem *problem, sotto_status status, const sotto_error *err);

/** A text that may hold bytes of a client's: what is not UTF-8 is shown as '?'. NULL without memory. */
json_t *so_problem_text(const char *bytes);

/** The JSON text, malloc'd; NULL without memory. */
char *so_problem_json(const struct so_problem *problem);

#endif
