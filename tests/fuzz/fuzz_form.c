/** A request's body: multipart, fields, options. The first byte cuts the rest into pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/form.h"
#include "server/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct so_spool spool = {.folder = "/tmp", .most_each = 1 << 16, .most_all = 1 << 16};
    /* A model that is never looked into: with offers but none opened the request is parsed up to the library's own checks. */
    static struct so_models models = {.n = 1, .offers[0] = {.asked = "base", .name = "base"}};
    if (size < 1) return 0;
    struct so_form form;
    struct so_request request = {0};
    struct so_problem problem = {0};
    size_t piece = data[0] ? data[0] : 256;
    bool ok = so_form_init(&form, "multipart/form-data; boundary=b", &spool);
    for (size_t at = 1; ok && at < size; at += piece) ok = so_form_feed(&form, (const char *)data + at, size - at < piece ? size - at : piece);
    if (ok && so_form_finish(&form)) {
        bool good = so_request_fields(&request, SO_CALL_TRANSCRIBE, &form, &models, &problem);
        sotto_options options;
        so_request_options(&request, &options);
        if (!good && problem.status < 400) abort();
    } else if (form.problem.status < 400) abort();
    char *json = so_problem_json(form.problem.status ? &form.problem : &problem);
    free(json);
    so_request_free(&request);
    so_form_free(&form);
    if (atomic_load(&spool.held) != 0) abort();
    return 0;
}
