/** What products cost on the array before they run: from published figures, none of them measured by us. */
#ifndef SO_XDNA_PLAN_H
#define SO_XDNA_PLAN_H

#include <stdio.h>

#include "backend/xdna/overlay.h"
#include "model/model.h"

struct so_plan {
    uint64_t products, dispatches, bytes;
    double seconds; /**< estimated */
};

/** One product's cost, added to *plan. resident: B is on the device already. */
void so_plan_product(struct so_plan *plan, enum so_overlay_kind kernel, size_t m, size_t k, size_t n, bool resident);

/** The encoder of one window, its second convolution and the cross keys and values: what goes to the device by default. */
struct so_plan so_plan_window(enum so_overlay_kind kernel, const struct so_hparams *hp);

/** Products of one shape in a window or a step. */
struct so_plan_shape {
    size_t m, k, n;
    unsigned times;   /**< in a window; in a step where few is set */
    unsigned logical; /**< products that each of them stands for; 0: one that is counted apart */
    bool few;         /**< of a decoder's step: a few rows */
    bool attention;
};

/** What one window of a model would cost with each kernel, as text. */
void so_xdna_plan(const struct so_model *model, FILE *out);

#define SO_PLAN_ROWS 64 /**< fewer are left to the CPU */
#define SO_PLAN_SHAPES 24

/** The shapes that a model's products have, as the layers hand them over; returns how many. */
size_t so_plan_shapes(const struct so_hparams *hp, struct so_plan_shape *out);

#endif
