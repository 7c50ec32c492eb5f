/** From a format's names of tensors to canonical ones, by a table of patterns. */
#ifndef SO_MODEL_NAMES_H
#define SO_MODEL_NAMES_H

#include "model/foreign.h"

/** What may follow a module's name, and the part it means. */
struct so_suffix {
    const char *suffix;
    enum so_part part;
};

/** '#' in `module` is a layer's number, put in the place of '#' in `item`. */
struct so_name_rule {
    const char *module;
    const char *item;
    const struct so_suffix *suffixes; /**< ended by one whose suffix is NULL */
    uint32_t block;
};

/** Find the rule (the list ends with a NULL module) for a name and fill in item, part and block; false if
 * there is none. */
bool so_name_match(const struct so_name_rule *rules, const char *name, struct so_piece *piece);

#endif
