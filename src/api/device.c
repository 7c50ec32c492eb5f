#include <stdio.h>
#include <stdlib.h>

#include "api/handle.h"
#include "backend/xdna/plan.h"
#include "sotto_device.h"
#include "util/error.h"

sotto_status sotto_device_plan(const sotto_model *model, char **text, sotto_error *err) {
    size_t size;
    so_error_clear(err);
    *text = NULL;
    FILE *out = open_memstream(text, &size);
    if (!out) return so_fail_memory(err, 0, "a report");
    so_xdna_plan(so_model_of(model), out);
    bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed) return SOTTO_OK;
    free(*text);
    *text = NULL;
    return so_fail_memory(err, 0, "a report");
}
