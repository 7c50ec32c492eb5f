/** The items of a model put together from the tensors of a source. */
#ifndef SO_MODEL_ASSEMBLE_H
#define SO_MODEL_ASSEMBLE_H

#include "model/foreign.h"
#include "model/writer.h"

struct so_assembly;

/**
 * Derive the hyper-parameters from the shapes of a source, and check that its tensors are exactly those of
 * such a model, each row once; only a bias of keys may be missing, which is then 0. The source is borrowed
 * until so_assembly_free.
 */
sotto_status so_assembly_create(struct so_foreign *source, struct so_assembly **out, sotto_error *err);
void so_assembly_free(struct so_assembly *assembly);

const struct so_hparams *so_assembly_hparams(const struct so_assembly *assembly);

/** so_weights.rows; the context is the assembly. */
sotto_status so_assembly_rows(struct so_assembly *assembly, const struct so_item *item, enum so_part part,
                              uint32_t first, uint32_t count, float *out, sotto_error *err);

#endif
