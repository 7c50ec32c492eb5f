/** Foreign weights to a .sotto file: open, check, quantise, pack. */
#ifndef SO_MODEL_IMPORT_H
#define SO_MODEL_IMPORT_H

#include "model/writer.h"

/** What is asked of a quantised file before it gets its name: an error refuses it. `weights`: the same in
 * float32. */
struct so_import_check {
    void *context;
    sotto_status (*check)(void *context, const char *path, const struct so_weights *weights,
                          sotto_error *err);
};

/** sotto_model_import. */
sotto_status so_import(const char *source, const char *destination, const sotto_import_options *options,
                       const struct so_import_check *check, sotto_error *err);

#endif
