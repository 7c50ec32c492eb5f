/** Safetensors files of networks other than Whisper, by name rules of their own. */
#ifndef SO_MODEL_SAFETENSORS_H
#define SO_MODEL_SAFETENSORS_H

#include "model/names.h"

/** Open such a file; a tensor that no rule names is an error. so_foreign_close when done. */
sotto_status so_safetensors_open(const char *path, const struct so_name_rule *rules, struct so_foreign **out,
                                 sotto_error *err);

#endif
