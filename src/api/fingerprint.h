/** What a transcript depends on, in one number. */
#ifndef SO_API_FINGERPRINT_H
#define SO_API_FINGERPRINT_H

#include "sotto.h"

/** To be raised with every change that makes another transcript of the same input, or adds an option that
 * does. */
#define SO_FINGERPRINT_VERSION 1

/**
 * Hexadecimal, of a recording (its size and the time it was changed), a model and options; "" for what is no
 * regular file and may be another recording the next time.
 */
sotto_status so_fingerprint(const struct sotto_model *model, const char *path, const sotto_options *options,
                            char out[33], sotto_error *err);

#endif
