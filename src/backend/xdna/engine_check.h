/** Weights of the row checksums, used where B is packed and where C is checked. */
#ifndef SO_XDNA_ENGINE_CHECK_H
#define SO_XDNA_ENGINE_CHECK_H

#include "backend/xdna/engine.h"

extern const uint32_t so_xdna_check_weight[SO_CHECK_LANES];

#endif
