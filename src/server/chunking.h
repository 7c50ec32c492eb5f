/** The field chunking_strategy: "auto", or {"type": "server_vad", ..} as JSON or as fields of its own
 * (chunking_strategy[type]). */
#ifndef SO_SERVER_CHUNKING_H
#define SO_SERVER_CHUNKING_H

#include "server/form.h"
#include "sotto.h"

struct so_chunking {
    bool given;
    double threshold, pad, silence; /**< probability; seconds; below 0: the library's default */
};

bool so_chunking_parse(struct so_chunking *chunking, const struct so_form *form, struct so_problem *problem);
void so_chunking_apply(const struct so_chunking *chunking, sotto_options *options);

#endif
