/** Foreign weights to a .sotto file: open, check, quantise, pack. */
#ifndef SO_MODEL_IMPORT_H
#define SO_MODEL_IMPORT_H

#include "model/writer.h"

/** What the importer has done by those above it. */
struct so_import_hooks {
    void *checker;
    /** Asked of a quantised file before it gets its name; an error refuses it. `weights`: the same in float32. NULL: not asked. */
    sotto_status (*check)(void *checker, const char *path, const struct so_weights *weights, sotto_error *err);
    void *quantiser;
    /** so_weights.quantise; must be there if the options want INT4. */
    sotto_status (*quantise)(void *quantiser, const struct so_item *item, uint32_t first, uint32_t rows,
                             const float *w, int8_t *q, uint8_t *steps, float *scale, sotto_error *err);
};

/** sotto_model_import. */
sotto_status so_import(const char *source, const char *destination, const sotto_import_options *options,
                       const struct so_import_hooks *hooks, sotto_error *err);

#endif
