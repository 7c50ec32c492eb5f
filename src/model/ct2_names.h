/** Names of a CTranslate2 WhisperSpec (revision 3). */
#ifndef SO_MODEL_CT2_NAMES_H
#define SO_MODEL_CT2_NAMES_H

#include "model/names.h"

extern const struct so_name_rule so_ct2_rules[];

/** A scalar that says how the model computes, and the value that Whisper has. One that is not listed must be
 * 0: off. */
struct so_ct2_flag {
    const char *name; /**< after "encoder/" or "decoder/" */
    int value;
};
extern const struct so_ct2_flag so_ct2_flags[]; /**< ended by a NULL name */
extern const char *const so_ct2_ignored[];      /**< scalars of no consequence; NULL-terminated */

#endif
