/** Foreign JSON with limits on size, depth and number of values, checked before any tree is built. */
#ifndef SO_MODEL_JSON_H
#define SO_MODEL_JSON_H

#include <jansson.h>

#include "model/infile.h"

#define SO_JSON_MAX_DEPTH 16
#define SO_JSON_MAX_VALUES 2000000

/** Parse text; `path` is for messages. json_decref when done. */
sotto_status so_json_parse(const char *path, const char *text, size_t size, json_t **out, sotto_error *err);

/** Load and parse a file of at most SO_MAX_JSON_BYTES. */
sotto_status so_json_load(const char *path, json_t **out, sotto_error *err);

/** The same for a file that is open. */
sotto_status so_json_read(struct so_infile *input, json_t **out, sotto_error *err);

#endif
