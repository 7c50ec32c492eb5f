#include "model/import.h"

sotto_status so_import(const char *source, const char *destination, const sotto_import_options *options,
                       const struct so_import_hooks *hooks, sotto_error *err) {
    (void)hooks;
    (void)destination;
    (void)options;
    return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                   "%s: this build cannot import models (it was made without jansson)", source);
}
