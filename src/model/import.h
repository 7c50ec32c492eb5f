/** Foreign weights to a .sotto file: open, check, quantise, pack. */
#ifndef SO_MODEL_IMPORT_H
#define SO_MODEL_IMPORT_H

#include "util/error.h"

/** sotto_model_import. */
sotto_status so_import(const char *source, const char *destination, const sotto_import_options *options,
                       sotto_error *err);

#endif
