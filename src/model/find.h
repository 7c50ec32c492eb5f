/** Which files a source consists of. */
#ifndef SO_MODEL_FIND_H
#define SO_MODEL_FIND_H

#include "model/infile.h"

/** Length of the part of a path that names its folder, with the slash. */
size_t so_folder_length(const char *path);

/** The file of weights that `source` means: itself, or what a folder holds under a usual name. */
sotto_status so_find_weights(const char *source, char out[SO_MAX_PATH], sotto_error *err);

/** The first of some names (NULL-terminated) that exists in the folder of a file, or, where that is called
 * "onnx", above it. */
bool so_find_beside(const char *file, const char *const *names, char out[SO_MAX_PATH]);

extern const char *const so_vocabulary_names[]; /**< NULL-terminated */

#endif
