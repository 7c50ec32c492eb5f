/** Hardware contexts of the model. Private to src/backend/emulator. */
#ifndef SO_EMULATOR_CONTEXT_H
#define SO_EMULATOR_CONTEXT_H

#include "backend/emulator/model.h"

int emu_context_create(struct so_emulator *e, struct so_uapi_create_hwctx *request);
int emu_context_destroy(struct so_emulator *e, const struct so_uapi_destroy_hwctx *request);
int emu_context_config(struct so_emulator *e, const struct so_uapi_config_hwctx *request);
int emu_syncobj_destroy(struct so_emulator *e, const struct so_drm_syncobj_destroy *request);

#endif
