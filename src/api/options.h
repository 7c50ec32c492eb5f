/** The check of what a caller asks for. */
#ifndef SO_API_OPTIONS_H
#define SO_API_OPTIONS_H

#include "model/model.h"
#include "sotto.h"

/** `model` may be NULL: only what can be said without one. Each complaint is one sentence in `err`. */
sotto_status so_options_check(const struct so_model *model, const sotto_options *options, sotto_error *err);

/** The same for those options that count where only speakers are asked for. */
sotto_status so_options_check_diarize(const sotto_options *options, sotto_error *err);

#endif
