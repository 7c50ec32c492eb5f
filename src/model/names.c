#include "model/names.h"

#include <stdio.h>
#include <string.h>

#include "model/limits.h"

/** A number without leading zeros below SO_MAX_LAYERS; NULL, or the end of it. */
static const char *read_layer(const char *text, unsigned *layer) {
    const char *start = text;
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9' && value < SO_MAX_LAYERS; text++)
        value = 10 * value + (unsigned)(*text - '0');
    if (text == start || (*start == '0' && text > start + 1) || value >= SO_MAX_LAYERS) return NULL;
    *layer = value;
    return text;
}

/** What follows the module in the name, or NULL. */
static const char *match_module(const char *module, const char *name, unsigned *layer) {
    for (; *module; module++) {
        if (*module == '#') {
            name = read_layer(name, layer);
            if (!name) return NULL;
        } else if (*module == *name) {
            name++;
        } else {
            return NULL;
        }
    }
    return name;
}

static void put_item(const char *item, unsigned layer, char out[32]) {
    const char *hash = strchr(item, '#');
    if (hash)
        snprintf(out, 32, "%.*s%u%s", (int)(hash - item), item, layer, hash + 1);
    else
        snprintf(out, 32, "%s", item);
}

bool so_name_match(const struct so_name_rule *rules, const char *name, struct so_piece *piece) {
    for (; rules->module; rules++) {
        unsigned layer = 0;
        const char *rest = match_module(rules->module, name, &layer);
        if (!rest) continue;
        for (const struct so_suffix *s = rules->suffixes; s->suffix; s++) {
            if (strcmp(s->suffix, rest)) continue;
            put_item(rules->item, layer, piece->item);
            piece->part = s->part;
            piece->block = rules->block;
            return true;
        }
    }
    return false;
}
