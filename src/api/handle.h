/** The public handle of a model is the model itself under another name: nothing else belongs to it. */
#ifndef SO_API_HANDLE_H
#define SO_API_HANDLE_H

#include "model/model.h"
#include "sotto.h"

static inline const struct so_model *so_model_of(const sotto_model *handle) { return (const struct so_model *)handle; }

#endif
