#include "vad/weights.h"

sotto_status so_vad_weights_load(const char *path, struct so_vad_weights **out, sotto_error *err) {
    *out = NULL;
    return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                   "%s: this build cannot read weights of speech detection (it was made without jansson)",
                   path ? path : SO_VAD_FILE);
}
