/** The page's files (web/), put into the program when it is built (scripts/embed.py). */
#ifndef SO_SERVER_ASSETS_H
#define SO_SERVER_ASSETS_H

#include <stddef.h>

struct so_asset {
    const char *name, *type;
    const unsigned char *data; /**< [size] */
    size_t size;
};

extern const struct so_asset so_assets[]; /**< ends with a NULL name */

#endif
